"""A callback that acts before each training batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from skorch.callbacks import Callback


class StepCallback(Callback, ABC):
    """Counts the training batches, and acts before each."""

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

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Act before a training batch.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        batch : tuple, default=None
            Inputs and targets.
        training : bool, default=False
            Whether the batch is for training.
        **kwargs : object
            Ignored.
        """
        if training:
            self._before(net, batch, self.step_)
            self.step_ += 1

    @abstractmethod
    def _before(self, net: Any, batch: Any, step: int) -> None:
        """Do what is to be done before a step, counted from zero."""
