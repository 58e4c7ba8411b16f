"""Samplers: which epochs, or sequences of epochs, make up a pass over the data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from sleepkit._typing import BoolArray, IntArray
from sleepkit.utils import check_option

PAD: Final = -1
SAMPLERS: Final = ("shuffled", "balanced", "in_order")

Run = tuple[int, int]  # (start, stop) of successive epochs of one recording


def check_sampler(
    sampler: str, length: int | None, *, carry_state: bool, owner: str
) -> None:
    """Refuse a sampler that does not fit the length of sequences."""
    check_option("sampler", sampler, SAMPLERS, owner=owner)
    if sampler == "balanced" and length is not None:
        msg = (
            f"sampler='balanced' of {owner} takes epochs alone. Got sequences of "
            f"{length}."
        )
        raise ValueError(msg)
    if carry_state and (sampler != "in_order" or length is None):
        what = "epochs alone" if length is None else f"sequences of {length}"
        msg = (
            f"carry_state=True of {owner} needs sampler='in_order' and sequences. Got "
            f"sampler={sampler!r} and {what}."
        )
        raise ValueError(msg)


def find_runs(night: IntArray, has_signal: BoolArray) -> list[Run]:
    """Find the stretches of epochs with signal within each recording."""
    label = np.where(has_signal, night, PAD)
    changes = np.flatnonzero(np.diff(label)) + 1
    edges = np.concatenate([[0], changes, [len(label)]])
    return [
        (int(start), int(stop))
        for start, stop in pairwise(edges)
        if start < stop and label[start] != PAD
    ]


def longest_run(night: IntArray, has_signal: BoolArray) -> int:
    """Epochs of the longest stretch with signal within a recording, at least one."""
    runs = find_runs(night, has_signal)
    return max((stop - start for start, stop in runs), default=1)


def cut_once(runs: list[Run], length: int, rng: np.random.Generator | None) -> IntArray:
    """Cut runs into sequences so that every epoch is in one, shape (n, length).

    With a generator, each run's first cut falls somewhere in the first sequence.
    """
    sequences: list[IntArray] = [np.empty((0, length), np.intp)]
    for start, stop in runs:
        lead = 0 if rng is None or length == 1 else int(rng.integers(length))
        starts = np.arange(start - lead, stop, length)
        sequences.append(_padded(starts, length, start, stop))
    return np.concatenate(sequences)


def cut_overlapping(
    runs: list[Run], length: int, stride: int, wanted: BoolArray
) -> IntArray:
    """Cut runs into overlapping sequences that hold a wanted epoch, shape (n, length).

    Which sequences a run is cut into does not depend on what is wanted. The last one
    ends where the run ends.
    """
    sequences: list[IntArray] = [np.empty((0, length), np.intp)]
    for start, stop in runs:
        if not wanted[start:stop].any():
            continue
        last = max(start, stop - length)
        starts = np.append(np.arange(start, last, stride), last)
        cut = _padded(starts, length, start, stop)
        sequences.append(cut[(wanted[cut] & (cut != PAD)).any(axis=1)])
    return np.concatenate(sequences)


def cut_in_order(
    runs: list[Run], length: int, batch_size: int, labelled: BoolArray
) -> Iterator[tuple[IntArray, bool]]:
    """Cut runs side by side into successive sequences, one batch after the other.

    Yields the epochs of a batch, shape (n, length), and whether each of its rows
    continues the same row of the last batch. Runs of like lengths are side by side, so
    that gaps of nights leave few batches with few rows; longer ones come first, so that
    rows which end are the last of a batch. A run begins at its first labelled epoch and
    ends at its last.
    """
    trimmed = []
    for start, stop in runs:
        where = start + np.flatnonzero(labelled[start:stop])
        if where.size:
            trimmed.append((int(where[0]), int(where[-1]) + 1))
    trimmed.sort(key=_size, reverse=True)
    for first in range(0, len(trimmed), batch_size):
        group = trimmed[first : first + batch_size]
        for offset in range(0, _size(group[0]), length):
            rows = [
                _padded(run[0] + offset, length, *run)
                for run in group
                if offset < _size(run)
            ]
            yield np.concatenate(rows), offset > 0


def balance_classes(
    epochs: IntArray, classes: IntArray, rng: np.random.Generator
) -> IntArray:
    """Repeat the epochs of each class up to the number of the most frequent one.

    Every epoch is taken as many whole times as fit, and the remainder is drawn without
    replacement.
    """
    members = [epochs[classes == code] for code in np.unique(classes)]
    largest = max(len(member) for member in members)
    return np.concatenate(
        [
            np.concatenate(
                [
                    np.tile(member, largest // len(member)),
                    rng.permutation(member)[: largest % len(member)],
                ]
            )
            for member in members
        ]
    )


def _size(run: Run) -> int:
    """Count the epochs of a run."""
    return run[1] - run[0]


def _padded(starts: IntArray | int, length: int, start: int, stop: int) -> IntArray:
    """Epochs of the sequences from ``starts`` on, padded outside of the run."""
    index = np.reshape(starts, (-1, 1)) + np.arange(length)
    return np.where((index >= start) & (index < stop), index, PAD)
