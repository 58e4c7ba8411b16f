"""Stages and probabilities on another epoch grid, and times of day."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray, IntArray

_DAY: Final = 86400.0  # seconds
_CLOCK_STEP: Final = 1.0  # seconds, the resolution of start times in EDF headers
_MIN_COVERED: Final = 0.5  # part of an epoch, as for stages
_DIGITS: Final = 6  # of a second, so that times which agree are equal


def clock_difference(later: datetime | None, earlier: datetime | None) -> float:
    """Seconds between two times of day, within half a day; 0 where one is unknown.

    Dates are often removed from one of two files, so they do not count.
    """
    if later is None or earlier is None:
        return 0.0
    apart = later.replace(tzinfo=None) - earlier.replace(tzinfo=None)
    difference = (apart.total_seconds() + _DAY / 2) % _DAY - _DAY / 2
    return difference if abs(difference) >= _CLOCK_STEP else 0.0


def stages_on_grid(
    edges: FloatArray, codes: IntArray, n_epochs: int, epoch_duration: float
) -> IntArray:
    """Stage of each epoch of a grid from 0 on, by majority.

    `edges` are the times at which the stages in `codes` begin, and the end of the last
    one. Before and after them, epochs are unscored.
    """
    from sleepkit.signal import majority_labels  # imports SciPy

    end = n_epochs * epoch_duration
    times = np.clip([0, *edges.round(_DIGITS), end], 0, end)
    stages = np.array([UNSCORED, *codes, UNSCORED])
    lasts = np.diff(times) > 0
    begins_and_end = np.append(0.0, times[1:][lasts])
    return majority_labels(stages[lasts], begins_and_end, epoch_duration)


def probabilities_on_grid(
    edges: FloatArray, probabilities: FloatArray, n_epochs: int, epoch_duration: float
) -> FloatArray:
    """Mean probabilities over each epoch of a grid, weighted by time.

    NaN where less than half of the epoch has probabilities.
    """
    known = np.isfinite(probabilities).all(axis=1, keepdims=True)
    amounts = np.hstack([np.where(known, probabilities, 0), known])
    amounts *= np.diff(edges)[:, np.newaxis]
    totals = np.vstack([np.zeros(amounts.shape[1]), amounts.cumsum(axis=0)])
    grid = np.arange(n_epochs + 1) * epoch_duration
    reached = np.column_stack([np.interp(grid, edges, total) for total in totals.T])
    within = np.diff(reached, axis=0)
    sums, seconds = within[:, :-1], within[:, -1:]
    enough = seconds > _MIN_COVERED * epoch_duration - 10.0**-_DIGITS
    return np.where(enough, sums / np.where(enough, seconds, 1), np.nan)
