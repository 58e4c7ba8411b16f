"""Batches for training: which epochs, in which order, with which targets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from sleepkit._typing import BoolArray, IntArray
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._read_ahead import read_ahead
from sleepkit.training._samplers import (
    PAD,
    balance_classes,
    check_sampler,
    cut_in_order,
    cut_once,
    find_runs,
)

UNLABELLED = -1


class Batches:
    """Batches of labelled epochs, alone or in sequences with their neighbours.

    Parameters
    ----------
    source : ArraySource or RecordingSource
        All epochs, labelled or not.
    targets : mapping of str to ndarray of int of shape (n_epochs,)
        ``"stages"``: the class of each epoch, -1 where it is not trained on but serves
        as context; and further targets of a method, -1 where unknown.
    batch_size : int
        Sequences, or epochs, in a batch at most; batches differ in size by one at most.
    length : int or None, default=None
        Epochs in a sequence; None takes epochs alone.
    sampler : {'shuffled', 'balanced', 'in_order'}, default='shuffled'
        Order of the epochs or sequences: shuffled, with sequences cut anew at each
        pass; shuffled and with every class repeated up to the number of the most
        frequent one (epochs alone only); or stretches of recordings without a gap in
        order, the longest first, `batch_size` side by side, each row of a batch
        continuing the same row of the last one.
    carry_state : bool, default=False
        Whether the inputs have a third entry ``continues``, bool of shape (batch,),
        true where the rows of a batch continue those of the last one, for modules that
        carry a state along the night (``sampler='in_order'`` only).
    rng : numpy.random.Generator, default=None
        Shuffles, and moves the cuts between sequences; None keeps the order.

    Raises
    ------
    ValueError
        If the sampler is not known, or does not fit the other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import ArraySource, Batches
    >>> source = ArraySource({"eeg": np.arange(3.0).reshape(3, 1)})
    >>> for inputs, targets in Batches(source, {"stages": np.array([0, -1, 1])}, 1):
    ...     print(inputs["inputs"]["eeg"].tolist(), targets["stages"].tolist())
    [[0.0]] [0]
    [[2.0]] [1]
    """

    def __init__(
        self,
        source: EpochSource,
        targets: Mapping[str, IntArray],
        batch_size: int,
        length: int | None = None,
        *,
        sampler: str = "shuffled",
        carry_state: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        check_sampler(sampler, length, carry_state=carry_state, owner="Batches")
        self.source = source
        stages = np.where(source.has_signal, targets["stages"], UNLABELLED)
        self.targets = {**targets, "stages": stages}
        self.batch_size = batch_size
        self.length = length
        self.sampler = sampler
        self.carry_state = carry_state
        self.rng = rng

    @property
    def labelled(self) -> BoolArray:
        """Where an epoch has a class, shape (n_epochs,)."""
        labelled: BoolArray = self.targets["stages"] != UNLABELLED
        return labelled

    def __len__(self) -> int:
        """Count the batches of a pass, as they are without moved cuts."""
        if self._in_rows:
            return sum(1 for _ in self._rows())
        return math.ceil(len(self._items(None)) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Go through all labelled epochs once."""
        return self.skip(0)

    def skip(self, n_batches: int) -> Iterator[tuple[Any, Any]]:
        """Go through a pass without its first batches, which are not read.

        Parameters
        ----------
        n_batches : int
            Number of batches to leave out.

        Yields
        ------
        tuple of dict
            Inputs and targets of a batch.
        """
        order = self._rows() if self._in_rows else self._shuffled()
        yield from read_ahead(map(self._read, islice(order, n_batches, None)))

    def _read(self, item: tuple[IntArray, bool]) -> tuple[Any, Any]:
        """Read the inputs and targets of a batch."""
        index, continues = item
        inputs: dict[str, Any] = dict(self.source.batch(index))
        targets = {name: _look_up(t, index) for name, t in self.targets.items()}
        targets["present"] = inputs["present"]
        if self.carry_state:
            inputs["continues"] = np.full(len(index), continues)
        return inputs, targets

    def state_dict(self) -> dict[str, Any]:
        """Return what the order of the next pass depends on.

        Returns
        -------
        dict of str to object
            State of the random generator; None where there is none.
        """
        return {"rng": None if self.rng is None else self.rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Return to a state, so that the same passes follow.

        Parameters
        ----------
        state : mapping of str to object
            What `state_dict` returned.
        """
        if self.rng is not None:
            self.rng.bit_generator.state = state["rng"]

    @property
    def _in_rows(self) -> bool:
        """Whether the rows of a batch continue those of the last one."""
        return self.sampler == "in_order" and self.length is not None

    def _rows(self) -> Iterator[tuple[IntArray, bool]]:
        """Sequences of stretches without a gap, side by side."""
        runs = find_runs(self.source.night, self.source.has_signal)
        length = self.length or 1
        return cut_in_order(runs, length, self.batch_size, self.labelled)

    def _shuffled(self) -> Iterator[tuple[IntArray, bool]]:
        """Items in random order, or as they come where there is no generator."""
        index = self._items(self.rng)
        if self.rng is not None and self.sampler != "in_order":
            index = self.rng.permutation(index)
        # Parts of nearly one size: one epoch alone has no batch statistics.
        for part in np.array_split(index, math.ceil(len(index) / self.batch_size)):
            yield part, False

    def _items(self, rng: np.random.Generator | None) -> IntArray:
        """Labelled epochs, shape (n,), or sequences that hold one, (n, length)."""
        if self.length is None:
            epochs = np.flatnonzero(self.labelled)
            if self.sampler != "balanced":
                return epochs
            # how many there are does not depend on which are drawn
            drawn_by = np.random.default_rng(0) if rng is None else rng
            return balance_classes(epochs, self.targets["stages"][epochs], drawn_by)
        runs = find_runs(self.source.night, self.source.has_signal)
        sequences = cut_once(runs, self.length, rng)
        has_label = (self.labelled[sequences] & (sequences != PAD)).any(axis=1)
        kept: IntArray = sequences[has_label]
        return kept


class Rounds:
    """Batches of one pass after the other, a number of steps at a time.

    Each iteration goes on where the last one ended. For a net whose data are `Rounds` a
    round counts as an epoch: it validates, records history and may stop after each.

    Parameters
    ----------
    batches : Batches
        The batches of one pass.
    n_passes : int
        Passes over them in all.
    n_steps : int
        Batches in a round; the last one may have fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import ArraySource, Batches
    >>> from sleepkit.training._batches import Rounds
    >>> source = ArraySource({"eeg": np.arange(3.0).reshape(3, 1)})
    >>> batches = Batches(source, {"stages": np.arange(3)}, 1)
    >>> rounds = Rounds(batches, 2, 4)
    >>> for _ in range(rounds.n_rounds):
    ...     print([targets["stages"].item() for _, targets in rounds])
    [0, 1, 2, 0]
    [1, 2]
    """

    def __init__(self, batches: Batches, n_passes: int, n_steps: int) -> None:
        self.batches = batches
        self.n_steps = n_steps
        self.n_rounds = math.ceil(len(batches) * n_passes / n_steps)
        self._n_left = len(batches) * n_passes
        self._begin_pass(0)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Give the batches of the next round."""
        for _ in range(min(self.n_steps, self._n_left)):
            yield self._next()

    def _begin_pass(self, n_done: int) -> None:
        """Begin a pass after its first batches."""
        self._before = self.batches.state_dict()  # the first batch draws the order
        self._n_done = n_done
        self._pass = self.batches.skip(n_done)

    def _next(self) -> tuple[Any, Any]:
        """Return the next batch of this pass, or the first of another."""
        batch = next(self._pass, None)
        if batch is None:
            self._begin_pass(0)
            batch = next(self._pass)
        self._n_done += 1
        self._n_left -= 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return where the next round begins."""
        return {"pass": self._before, "n_done": self._n_done, "n_left": self._n_left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Return to where a round began."""
        self.batches.load_state_dict(state["pass"])
        self._n_left = state["n_left"]
        self._begin_pass(state["n_done"])


def _look_up(values: IntArray, index: IntArray) -> IntArray:
    """Target of each epoch, -1 for padding."""
    targets = np.where(index == PAD, UNLABELLED, values[index])
    return targets.astype(np.int64)  # as torch wants them
