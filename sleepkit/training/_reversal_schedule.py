"""Schedule of the gradient reversal of domain-adversarial training."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from skorch.callbacks import Callback

from sleepkit.utils import check_positive


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
