"""Sequences of epochs: inside one night, never across a gap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sleepkit._typing import BoolArray, IntArray

PAD = -1


def find_runs(night: IntArray, usable: BoolArray) -> list[tuple[int, int]]:
    """Find the stretches of usable epochs of one night, as (start, stop)."""
    label = np.where(usable, night, PAD)
    changes = np.flatnonzero(np.diff(label)) + 1
    edges = np.concatenate([[0], changes, [len(label)]])
    return [
        (int(start), int(stop))
        for start, stop in pairwise(edges)
        if start < stop and label[start] != PAD
    ]


def cut_once(
    runs: list[tuple[int, int]], length: int, rng: np.random.Generator | None
) -> IntArray:
    """Cut runs into sequences so that every epoch is in one, shape (n, length).

    With a generator, each run's first cut falls somewhere in the first sequence.
    """
    sequences: list[IntArray] = [np.empty((0, length), np.intp)]
    for start, stop in runs:
        lead = 0 if rng is None or length == 1 else int(rng.integers(length))
        starts = np.arange(start - lead, stop, length)
        sequences.append(_spread(starts, length, start, stop))
    return np.concatenate(sequences)


def cut_overlapping(
    runs: list[tuple[int, int]], length: int, stride: int, wanted: BoolArray
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
        cut = _spread(starts, length, start, stop)
        sequences.append(cut[(wanted[cut] & (cut != PAD)).any(axis=1)])
    return np.concatenate(sequences)


def _spread(starts: IntArray, length: int, start: int, stop: int) -> IntArray:
    """Give the numbers in each sequence, padded outside of the run."""
    index = starts[:, np.newaxis] + np.arange(length)
    return np.where((index >= start) & (index < stop), index, PAD)
