"""Batches for training: which epochs, in which order, with which targets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sleepkit._typing import BoolArray, IntArray
from sleepkit.training._epochs import Epochs
from sleepkit.training._sequences import PAD, cut_once, find_runs

UNLABELLED = -1


class Batches:
    """Batches of labelled epochs, alone or in sequences with their neighbours.

    Parameters
    ----------
    epochs : Epochs
        All epochs, labelled or not.
    stages : ndarray of int of shape (n_epochs,)
        The class of each epoch, -1 where it must not be learnt: context only.
    domains : ndarray of int of shape (n_epochs,)
        The domain of each epoch, -1 where none.
    batch_size : int
        Sequences, or epochs, in a batch at most; batches differ in size by one at most.
    length : int or None, default=None
        Epochs in a sequence; None takes epochs alone.
    rng : numpy.random.Generator, default=None
        Shuffles, and moves the cuts between sequences; None keeps the order.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import Batches, RowEpochs
    >>> epochs = RowEpochs({"eeg": np.arange(3.0).reshape(3, 1)})
    >>> none = np.full(3, -1)
    >>> for inputs, targets in Batches(epochs, np.array([0, -1, 1]), none, 1):
    ...     print(inputs["inputs"]["eeg"].tolist(), targets["stages"].tolist())
    [[0.0]] [0]
    [[2.0]] [1]
    """

    def __init__(
        self,
        epochs: Epochs,
        stages: IntArray,
        domains: IntArray,
        batch_size: int,
        length: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.epochs = epochs
        self.stages = np.where(epochs.usable, stages, UNLABELLED)
        self.domains = domains
        self.batch_size = batch_size
        self.length = length
        self.rng = rng

    @property
    def labelled(self) -> BoolArray:
        """Where an epoch has a class, shape (n_epochs,)."""
        labelled: BoolArray = self.stages != UNLABELLED
        return labelled

    def __len__(self) -> int:
        """Count the batches of one pass, as they are without moved cuts."""
        return math.ceil(len(self._cut(None)) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Go through all labelled epochs once."""
        index = self._cut(self.rng)
        if self.rng is not None:
            index = self.rng.permutation(index)
        # Parts of nearly one size: batch normalisation cannot learn from one epoch.
        n_batches = math.ceil(len(index) / self.batch_size)
        for part in np.array_split(index, n_batches):
            inputs = self.epochs.batch(part)
            yield (
                inputs,
                {
                    "stages": self._look_up(self.stages, part),
                    "domains": self._look_up(self.domains, part),
                    "present": inputs["present"],
                },
            )

    def _cut(self, rng: np.random.Generator | None) -> IntArray:
        """Lay out the labelled items as numbers, shape (n,) or (n, length)."""
        if self.length is None:
            return np.flatnonzero(self.labelled)
        runs = find_runs(self.epochs.night, self.epochs.usable)
        sequences = cut_once(runs, self.length, rng)
        taught = (self.labelled[sequences] & (sequences != PAD)).any(axis=1)
        kept: IntArray = sequences[taught]
        return kept

    @staticmethod
    def _look_up(values: IntArray, index: IntArray) -> IntArray:
        """Take one target for each epoch, -1 for padding."""
        targets = np.where(index == PAD, UNLABELLED, values[index])
        return targets.astype(np.int64)  # as torch wants them
