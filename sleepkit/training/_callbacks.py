"""Callbacks that the classifiers bring along."""

from __future__ import annotations

import math
from typing import Any

from skorch.callbacks import Callback
from tqdm import tqdm

_MAX_WARMUP = 20_000  # steps, of the training that MedFuseSleep describes


class CosineSchedule(Callback):
    """Raise the learning rate from zero, then lower it along a cosine.

    Parameters
    ----------
    n_steps : int
        Batches in the whole training; after these the rate is zero.
    warmup : float, default=0.05
        Share of these that the rate takes to rise to the net's ``lr``, or 20,000 of
        them where that is less.

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
        """Give the rate of a step, as a share of ``lr``.

        Parameters
        ----------
        step : int
            Batches before it.

        Returns
        -------
        float
            From 0 to 1.
        """
        rise = min(_MAX_WARMUP, round(self.warmup * self.n_steps))
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, self.n_steps - rise))
        return (1 + math.cos(math.pi * done)) / 2

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start from the first step.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        self.step_ = 0

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Set the rate of a training batch.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        training : bool, default=False
            Whether the batch is for training.
        **kwargs : object
            Ignored.
        """
        if not training:
            return
        for group in net.optimizer_.param_groups:
            group["lr"] = net.lr * self.factor(self.step_)
        self.step_ += 1


class ProgressBar(Callback):
    """Show the epochs of a training, and their losses, in one line.

    Examples
    --------
    >>> from sleepkit.training import ProgressBar
    >>> ProgressBar().on_epoch_end(net=None)  # silent outside of a training
    """

    _bar: Any = None

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        self._bar = tqdm(desc="training", total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move the bar on.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        if self._bar is not None:
            last = net.history[-1]
            losses = [name for name in ("train_loss", "valid_loss") if name in last]
            self._bar.set_postfix({name: f"{last[name]:.3f}" for name in losses})
            self._bar.update()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        self._bar.close()
        self._bar = None
