"""Alignment of domains: its weight rises, and batches get sequences of the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from sleepkit._typing import Array
from sleepkit.training._batches import UNLABELLED, Batches
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._schedules import ReversalSchedule


class DomainAlignment(Callback):
    """Raise the weight of a discrepancy from zero, and add the target domain.

    The loss has the weight as a number ``strength``. With a source of the target
    domain, each training batch gets as many of its sequences, as a third input
    ``target``: their values and what is present, and no stages.
    """

    def __init__(
        self,
        strength: float,
        target: EpochSource | None,
        *,
        batch_size: int,
        length: int,
    ) -> None:
        self.strength = strength
        self.target = target
        self.batch_size = batch_size
        self.length = length

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the weight, and begin a pass over the target."""
        done = (len(net.history) - 1) / net.max_epochs
        net.criterion_.strength = self.strength * ReversalSchedule().factor(done)
        net.history.record("strength", net.criterion_.strength)
        if self.target is not None:
            # torch's generator, which a fit seeds and a Checkpoint keeps
            seed = int(torch.randint(2**31, (1,)))
            self._sequences = self._passes(self.target, np.random.default_rng(seed))

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Add sequences of the target to a training batch."""
        if training and self.target is not None:
            n_rows = len(batch[1]["stages"])
            batch[0]["target"] = {
                kind: {name: _resized(values, n_rows) for name, values in part.items()}
                for kind, part in next(self._sequences).items()
            }

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Let go of the target, which may be large."""
        self.target = None
        self._sequences = iter(())

    def _passes(self, target: EpochSource, rng: np.random.Generator) -> Iterator[Any]:
        """Batches of the target, pass after pass."""
        rows = np.full(len(target.night), UNLABELLED)
        rows[target.row_to_epoch] = 0  # all count as one class
        batches = Batches(
            target, {"stages": rows}, self.batch_size, self.length, rng=rng
        )
        while True:
            for inputs, _ in batches:
                yield inputs


def _resized(values: Array, n_rows: int) -> Array:
    """Give a batch as many rows as another: fewer, or some that hold nothing."""
    missing = max(0, n_rows - len(values))
    padding = [(0, missing), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(values[:n_rows], padding)
