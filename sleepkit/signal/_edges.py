"""Rules for cutting surplus wake before and after sleep."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED, WAKE
from sleepkit._typing import BoolArray, IntArray
from sleepkit.utils import check_count, check_option, check_stages

_RULES: Final = ("symmetric", "evening_first", "margin")
_OWNER: Final = "trim_bounds"


def trim_bounds(
    stages: IntArray, *, rule: str = "symmetric", margin: int = 60
) -> slice:
    """Find the epochs of a night that are kept when surplus wake is cut off.

    Everything from the first to the last sleep epoch is kept under every rule, and a
    night without sleep is kept whole, since it has no edges.

    Parameters
    ----------
    stages : ndarray of int, shape (n_epochs,)
        Stage codes of one night, -1 for unscored epochs.
    rule : {"symmetric", "evening_first", "margin"}, default="symmetric"
        How much wake is surplus; see Notes.
    margin : int, default=60
        Epochs that rule ``"margin"`` keeps on either side of sleep. The other rules do
        not use it.

    Returns
    -------
    slice
        The epochs to keep, ``slice(start, stop)``.

    Raises
    ------
    ValueError
        If the stages are no stage codes, or a parameter has an invalid value.

    Notes
    -----
    - ``"symmetric"``: where wake is the strictly most frequent stage, cut
      ``(n_wake - n_second) // 2`` wake epochs from either end, with all wake of the
      night counted. Where one edge is too short, the other one is cut by the rest, as
      far as it reaches; wake may still be the most frequent stage after that.
    - ``"evening_first"``: where wake is the strictly most frequent stage, and the wake
      before and after sleep together outnumber the second stage, cut the difference:
      from the evening first, then from the morning. (The original counted stages 3
      and 4 of Rechtschaffen and Kales separately; here they are one stage.)
    - ``"margin"``: keep `margin` epochs before the first and after the last epoch of
      sleep.

    Unscored epochs are neither wake nor sleep: they are left out before the first and
    last sleep epoch are looked for, and go with the wake around them. (Counted as
    sleep, the unscored tail of many files would keep hours of wake.) A margin is clock
    time, so that unscored epochs inside it count.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import trim_bounds
    >>> night = np.array([0, 0, 0, 0, 0, 0, 2, 2, 3, 0, 4, 0, 0])
    >>> trim_bounds(night)  # nine wake epochs and two N2: three are cut at either end
    slice(4, 11, None)
    >>> trim_bounds(night, rule="evening_first")  # the edges hold 8, the surplus is 6
    slice(6, 13, None)
    >>> trim_bounds(night, rule="margin", margin=1)
    slice(5, 12, None)
    """
    stages = check_stages("stages", stages, owner=_OWNER, empty=True)
    check_option("rule", rule, _RULES, owner=_OWNER)
    margin = check_count("margin", margin, owner=_OWNER, minimum=0)
    asleep = np.flatnonzero(_is_sleep(stages))
    if not asleep.size:
        return slice(0, stages.size)
    first, last = int(asleep[0]), int(asleep[-1])
    if rule == "margin":
        return slice(max(first - margin, 0), min(last + margin + 1, stages.size))
    evening = np.flatnonzero(stages[:first] == WAKE)
    morning = np.flatnonzero(stages[last + 1 :] == WAKE) + last + 1
    counts = np.bincount(stages[stages != UNSCORED], minlength=N_STAGES)
    n_wake, n_second = int(counts[WAKE]), int(np.delete(counts, WAKE).max())
    if n_wake <= n_second:
        return slice(0, stages.size)
    from_start, from_end = _cuts(rule, n_wake, n_second, evening.size, morning.size)
    start = int(evening[from_start - 1]) + 1 if from_start else 0
    stop = int(morning[-from_end]) if from_end else stages.size
    return slice(start, stop)


def _cuts(
    rule: str, n_wake: int, n_second: int, evening: int, morning: int
) -> tuple[int, int]:
    """Count the wake epochs to cut from the evening and from the morning."""
    if rule == "evening_first":
        surplus = max(evening + morning - n_second, 0)
        from_start = min(surplus, evening)
        return from_start, surplus - from_start
    wanted = (n_wake - n_second) // 2
    from_start = min(evening, wanted + max(wanted - morning, 0))
    from_end = min(morning, wanted + max(wanted - evening, 0))
    return from_start, from_end


def _is_sleep(stages: IntArray) -> BoolArray:
    """Mark the epochs that are scored and not wake."""
    asleep: BoolArray = (stages != WAKE) & (stages != UNSCORED)
    return asleep
