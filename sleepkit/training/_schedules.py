"""Schedules of a training: of the learning rate, and of the gradient reversal."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

from skorch.callbacks import Callback

from sleepkit.utils import check_positive

_MAX_WARMUP = 20_000  # steps, of the training that MedFuseSleep describes


class LearningRateSchedule(Callback, ABC):
    """Multiplies the learning rate of each parameter group by a factor of the step.

    Unlike skorch's ``LRScheduler`` it counts batches from the start of each training,
    also of one that continues an earlier one.
    """

    @abstractmethod
    def factor(self, step: int) -> float:
        """Factor of the learning rate.

        Parameters
        ----------
        step : int
            Training batches before this one.

        Returns
        -------
        float
            From 0 to 1.
        """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start from the first step, and note the full learning rates."""
        self.step_ = 0
        for group in net.optimizer_.param_groups:
            group.setdefault("initial_lr", group["lr"])  # as torch's schedulers do

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Set the learning rates of a training batch."""
        if training:
            for group in net.optimizer_.param_groups:
                group["lr"] = group["initial_lr"] * self.factor(self.step_)
            self.step_ += 1


class CosineSchedule(LearningRateSchedule):
    """Raise the learning rate from zero, then lower it along a cosine.

    Parameters
    ----------
    n_steps : int
        Batches in the whole training; after these the rate is zero.
    warmup : float, default=0.05
        Fraction of these in which the rate rises to its full value, at most 20,000.

    See Also
    --------
    RestartSchedule : The schedule of the code that MedFuseSleep's authors released.

    Examples
    --------
    >>> from sleepkit.training import CosineSchedule
    >>> schedule = CosineSchedule(100, warmup=0.1)
    >>> [round(schedule.factor(step), 3) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, n_steps: int, warmup: float = 0.05) -> None:
        self.n_steps = n_steps
        self.warmup = warmup

    def factor(self, step: int) -> float:
        """Compute the factor of the learning rate.

        Parameters
        ----------
        step : int
            Training batches before this one.

        Returns
        -------
        float
            From 0 to 1.
        """
        rise = min(_MAX_WARMUP, round(self.warmup * self.n_steps))
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, self.n_steps - rise))
        return _cosine(done)


class RestartSchedule(LearningRateSchedule):
    """Keep the learning rate, then lower it along cosines that start again.

    The cycles are counted from the first step, so that the end of the plateau falls
    somewhere in one of them.

    Parameters
    ----------
    plateau : int, default=22000
        Batches for which the rate stays at its full value.
    first_cycle : int, default=4
        Batches of the first cosine.
    growth : int, default=2
        Length of each cosine as a multiple of the one before.

    See Also
    --------
    CosineSchedule : One warm-up, one cosine.

    Notes
    -----
    With the default values this is what the code released with CoRe-Sleep does. Its
    cycles end at steps ``4 (2**n - 1)``: the plateau ends in the cycle from 16,380 to
    32,764, at three quarters of the rate.

    Examples
    --------
    >>> from sleepkit.training import RestartSchedule
    >>> schedule = RestartSchedule()
    >>> [round(schedule.factor(step), 2) for step in (21_999, 22_000, 32_763, 32_764)]
    [1.0, 0.74, 0.0, 1.0]
    """

    def __init__(
        self, plateau: int = 22_000, first_cycle: int = 4, growth: int = 2
    ) -> None:
        self.plateau = plateau
        self.first_cycle = first_cycle
        self.growth = growth

    def factor(self, step: int) -> float:
        """Compute the factor of the learning rate.

        Parameters
        ----------
        step : int
            Training batches before this one.

        Returns
        -------
        float
            From 0 to 1.
        """
        if step < self.plateau:
            return 1.0
        start, length = 0, self.first_cycle
        while step >= start + length:
            start += length
            length *= self.growth
        return _cosine((step - start) / length)


class ReversalSchedule(Callback):
    """Raise the strength of the gradient reversal from zero while a net is trained.

    Parameters
    ----------
    gamma : float, default=10.0
        How fast it rises: with 10, half of the strength is reached after a ninth of
        the epochs.

    See Also
    --------
    sleepkit.nn.SleepMGNet : A module with such a strength.
    sleepkit.nn.gradient_reversal : What the strength is of.

    Notes
    -----
    The module has the strength as a number in its attribute ``adversarial``, and reads
    it in each forward pass. At the fraction p of the epochs, 0 in the first one, it is
    set to its value before the training times ``2 / (1 + exp(-gamma p)) - 1``, as in
    domain-adversarial training [1]_; SleepMG itself keeps it constant. The history of
    the net has it as ``adversarial``, and after the training the module has its first
    value again.

    References
    ----------
    .. [1] Ganin et al., "Domain-Adversarial Training of Neural Networks". JMLR 17,
       2016.

    Examples
    --------
    >>> from sleepkit.training import ReversalSchedule
    >>> schedule = ReversalSchedule()
    >>> [round(schedule.factor(done), 3) for done in (0, 0.1, 0.5, 1)]
    [0.0, 0.462, 0.987, 1.0]
    """

    def __init__(self, gamma: float = 10.0) -> None:
        self.gamma = gamma

    def factor(self, done: float) -> float:
        """Compute the fraction of the full strength.

        Parameters
        ----------
        done : float
            Fraction of the epochs before this one, 0 to 1.

        Returns
        -------
        float
            From 0 to nearly 1.
        """
        return 2 / (1 + math.exp(-self.gamma * done)) - 1

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Check the parameters, and note the full strength."""
        check_positive("gamma", self.gamma, owner="ReversalSchedule")
        self.strength_: Any = getattr(net.module_, "adversarial", None)
        if not isinstance(self.strength_, Real):
            msg = (
                "ReversalSchedule needs a module with the strength of its gradient "
                "reversal as a number `adversarial`, such as SleepMGNet; got "
                f"{type(net.module_).__name__}."
            )
            raise ValueError(msg)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the strength of an epoch."""
        done = (len(net.history) - 1) / net.max_epochs
        net.module_.adversarial = self.strength_ * self.factor(done)
        net.history.record("adversarial", net.module_.adversarial)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Restore the full strength."""
        net.module_.adversarial = self.strength_


def _cosine(done: float) -> float:
    """Half a cosine, from 1 to 0."""
    return (1 + math.cos(math.pi * done)) / 2
