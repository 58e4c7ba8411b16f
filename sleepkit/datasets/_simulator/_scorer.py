"""How a scorer turns a night into the stage of each epoch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sleepkit._stages import N1, N2, N3, N_STAGES
from sleepkit._typing import FloatArray, IntArray
from sleepkit.datasets._simulator._site import Site

# Log odds of N3 against N2 at the threshold of the rule books, and for each doubling.
_STANDARD_THRESHOLD, _STANDARD_BAR = 0.2, 1.5
_PER_DOUBLING = 2.5
# The longest N1, in epochs, that the older rules score N2 if N2 is on both sides.
_SHORT_N1 = 3


def score(
    stages: IntArray,
    state: FloatArray,
    site: Site,
    epoch_duration: int,
    rng: np.random.Generator,
) -> IntArray:
    """Score epochs as the site's scorer does."""
    hypnogram = majority(stages, epoch_duration)
    nrem = (hypnogram == N2) | (hypnogram == N3)
    depth = np.log(state[:, N3] / state[:, N2]).reshape(-1, epoch_duration).mean(axis=1)
    doublings = np.log2(site.n3_threshold / _STANDARD_THRESHOLD)
    bar = _STANDARD_BAR + _PER_DOUBLING * doublings
    hypnogram[nrem] = np.where(depth > bar, N3, N2)[nrem]
    if site.rules == "R&K":
        _fill_short_n1(hypnogram)
    return _blur_borders(hypnogram, site.border_noise, rng)


def majority(stages: IntArray, epoch_duration: int) -> IntArray:
    """Score epochs: the stage that fills most of each, N2 and N3 being one."""
    folded = np.where(stages == N3, N2, stages)
    epochs = folded.reshape(-1, epoch_duration, 1) == np.arange(N_STAGES)
    hypnogram: IntArray = epochs.sum(axis=1).argmax(axis=1).astype(np.int8)
    return hypnogram


def _fill_short_n1(hypnogram: IntArray) -> None:
    """Score short N1 as N2 where N2 is on both sides, in place."""
    borders = np.flatnonzero(np.diff(hypnogram)) + 1
    for begin, end in pairwise(borders):
        short = hypnogram[begin] == N1 and end - begin <= _SHORT_N1
        if short and hypnogram[begin - 1] == hypnogram[end] == N2:
            hypnogram[begin:end] = N2


def _blur_borders(
    hypnogram: IntArray, chance: float, rng: np.random.Generator
) -> IntArray:
    """Move some changes of stage by one epoch."""
    blurred = hypnogram.copy()
    before = np.flatnonzero(np.diff(hypnogram))
    draws = rng.random(len(before))
    early, late = before[draws < chance / 2], before[draws > 1 - chance / 2]
    blurred[early] = hypnogram[early + 1]
    blurred[late + 1] = hypnogram[late]
    return blurred
