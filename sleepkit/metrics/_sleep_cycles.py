"""Cycles of NREM and REM sleep."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sleepkit._stages import REM, WAKE
from sleepkit._typing import BoolArray
from sleepkit.utils import (
    check_epoch_duration,
    check_positive,
    check_stages,
    marked_runs,
)

_Run = tuple[int, int]  # first epoch, and the one after the last


class SleepCycle(NamedTuple):
    """One NREM episode and the REM period that ends it.

    Attributes
    ----------
    start : float
        Begin of the NREM episode, in seconds.
    rem_start : float
        Begin of the REM period, in seconds; NaN in a cycle that is not complete.
    end : float
        End of the REM period, in seconds; in a cycle that is not complete, of the last
        epoch of NREM sleep.
    duration : float
        Seconds from `start` to `end`.
    nrem_duration : float
        Seconds scored as N1, N2 or N3 in between.
    rem_duration : float
        Seconds scored as REM in between.
    complete : bool
        Whether a REM period ends it. Only the last cycle can lack one.
    """

    start: float
    rem_start: float
    end: float
    duration: float
    nrem_duration: float
    rem_duration: float
    complete: bool


def sleep_cycles(
    stages: Any,
    *,
    epoch_duration: float | None = None,
    min_nrem: float = 900.0,
    min_rem: float = 300.0,
) -> list[SleepCycle]:
    """Find the cycles of NREM and REM sleep.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,), or Hypnogram
        Hypnogram: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored.
    epoch_duration : float, default=None
        Seconds of an epoch. None means that of a `Hypnogram`, and 30 for an array.
    min_nrem : float, default=900.0
        Seconds that a NREM episode lasts at least, 15 min.
    min_rem : float, default=300.0
        Seconds of REM in a REM period, at least, 5 min; the first of the night may be
        shorter.

    Returns
    -------
    list of SleepCycle
        Cycles in order. Times are seconds from the start of the file of a `Hypnogram`,
        or from the first epoch of an array. ``pandas.DataFrame(cycles)`` is a table.

    Raises
    ------
    ValueError
        If a stage code or another parameter is invalid.

    See Also
    --------
    sleep_statistics : Durations, latencies and shares.

    Notes
    -----
    The criteria are those of Feinberg and Floyd [1]_, read as follows:

    - A NREM episode begins with the first epoch of NREM sleep of the night, or after
      the REM period before it, and lasts to the next REM period. It is at least
      `min_nrem` long, wake and unscored epochs within it included.
    - REM that is parted by less than this is one REM period. It holds at least
      `min_rem` of REM; shorter REM is part of the NREM episode around it. The first REM
      period of the night may have any length.
    - REM at sleep onset, before `min_nrem` of NREM sleep, belongs to no cycle if it
      lasts `min_rem`, and otherwise to the NREM episode.
    - A NREM episode at the end of the night without a REM period is a cycle that is not
      complete.

    Unscored epochs are neither NREM nor REM; as wake, they end nothing.

    References
    ----------
    .. [1] Feinberg, Floyd: Systematic trends across the night in human sleep cycles.
       Psychophysiology 16, 1979.

    Examples
    --------
    >>> from sleepkit.metrics import sleep_cycles
    >>> night = 20 * [0] + 120 * [2] + 20 * [4] + 100 * [3] + 40 * [4] + 10 * [0]
    >>> for cycle in sleep_cycles(night):
    ...     print(cycle.start, cycle.rem_start, cycle.end, cycle.complete)
    600.0 4200.0 4800.0 True
    4800.0 7800.0 9000.0 True
    """
    owner = "sleep_cycles"
    duration = check_epoch_duration(stages, epoch_duration, owner=owner)
    check_positive("min_nrem", min_nrem, owner=owner, zero=True)
    check_positive("min_rem", min_rem, owner=owner, zero=True)
    onset = getattr(stages, "onset", 0.0)
    codes = check_stages("stages", stages, owner=owner)
    nrem, rem = (codes > WAKE) & (codes < REM), codes == REM
    found = _find(nrem, rem, min_nrem / duration, min_rem / duration)
    return [
        SleepCycle(
            start=onset + start * duration,
            rem_start=onset + rem_start * duration,
            end=onset + end * duration,
            duration=(end - start) * duration,
            nrem_duration=int(nrem[start:end].sum()) * duration,
            rem_duration=int(rem[start:end].sum()) * duration,
            complete=not np.isnan(rem_start),
        )
        for start, rem_start, end in found
    ]


def _find(
    nrem: BoolArray, rem: BoolArray, min_nrem: float, min_rem: float
) -> list[tuple[int, float, int]]:
    """First epoch, first epoch of REM, and end of each cycle; durations in epochs."""
    cycles: list[tuple[int, float, int]] = []
    after = 0
    for begin, end in _rem_periods(nrem, rem, min_nrem):
        start = _first(nrem, after, begin)
        is_long = rem[begin:end].sum() >= min_rem
        if start < begin and begin - start >= min_nrem:
            if is_long or not cycles:
                cycles.append((start, begin, end))
                after = end
        elif is_long:  # REM at sleep onset
            after = end
    start = _first(nrem, after, len(nrem))
    if start < len(nrem):
        end = int(np.flatnonzero(nrem)[-1]) + 1
        if end - start >= min_nrem:
            cycles.append((start, np.nan, end))
    return cycles


def _rem_periods(nrem: BoolArray, rem: BoolArray, min_nrem: float) -> list[_Run]:
    """Find the runs of REM, joined where less than a NREM episode parts them."""
    periods: list[_Run] = []
    for begin, end in marked_runs(rem).tolist():
        if periods:
            before, last = periods[-1]
            between = begin - _first(nrem, last, begin)
            if between < min_nrem or not between:
                periods[-1] = (before, end)
                continue
        periods.append((begin, end))
    return periods


def _first(mask: BoolArray, start: int, stop: int) -> int:
    """Return the first true epoch from `start` on, `stop` if there is none."""
    found = np.flatnonzero(mask[start:stop])
    return start + int(found[0]) if len(found) else stop
