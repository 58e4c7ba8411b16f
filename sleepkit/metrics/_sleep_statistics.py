"""Sleep statistics and stage transitions of a hypnogram."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sleepkit._stages import N_STAGES, REM, STAGES, UNSCORED, WAKE
from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.metrics._inputs import count_pairs
from sleepkit.utils import check_epoch_duration, check_stages

_NAMES: Final = {
    WAKE: "WAKE",
    **{code: STAGES[code] for code in range(WAKE + 1, N_STAGES)},
    UNSCORED: "UNS",
}
# Seconds of unbroken sleep in the definitions of SOL_5min and LPS.
_FIVE_MINUTES: Final = 300
_PERSISTENT: Final = 600


def sleep_statistics(
    stages: Any,
    *,
    epoch_duration: float | None = None,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> dict[str, float]:
    """Compute the sleep statistics of a night.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,), or Hypnogram
        Hypnogram: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored.
    epoch_duration : float or None, default=None
        Seconds of an epoch. None means that of a `Hypnogram`, and 30 for an array.
    lights_off : float or None, default=None
        Lights off, in seconds from the start of the file of a `Hypnogram`, or from the
        first epoch of an array. None, or before the first epoch, means that the time in
        bed starts with the first epoch.
    lights_on : float or None, default=None
        Lights on, in seconds from the same start; None, or after the last epoch, means
        that the time in bed ends with the last epoch.

    Returns
    -------
    dict of str to float
        Statistics in the order of the notes; NaN where undefined.

    Raises
    ------
    ValueError
        If a stage code is invalid, no epoch lies between lights off and on, or
        `epoch_duration` is not that of the `Hypnogram`.

    See Also
    --------
    sleep_cycles : Cycles of NREM and REM sleep.
    compare_sleep_statistics : Limits of agreement between prediction and expert.
    stage_transitions : Counts and probabilities of transitions.

    Notes
    -----
    Names and definitions are those of the method ``sleep_statistics`` of YASA's
    ``Hypnogram`` [1]_ (YASA 0.8; its older function of that name is deprecated). In
    minutes, except shares (percent) and SFI (per hour):

    - TIB: time in bed, all epochs whose middle lies between lights off and lights on.
    - SPT: sleep period, from the first to the last epoch of sleep.
    - WASO: wake *within the sleep period*.
    - WASO_AASM: wake from sleep onset *to lights on*, as the AASM manual has it. Where
      nothing is unscored, this is ``TIB - SOL - TST``.
    - TST: total sleep time, N1 + N2 + N3 + REM.
    - SE, SME: TST in percent of TIB, and of SPT.
    - SFI: changes from sleep to wake per hour of TST.
    - SOL: from lights off to the first epoch of sleep.
    - SOL_5min: from lights off to the first five minutes of unbroken sleep.
    - LPS: latency to persistent sleep, from lights off to the first ten minutes of
      unbroken sleep (20 epochs of 30 s), as in trials of hypnotics [2]_.
    - Lat_REM: *from lights off* to the first REM.
    - Lat_REM_onset: from sleep onset to the first REM, as the AASM manual has it.
    - WAKE, N1, N2, N3, REM, UNS: time in each stage, and unscored, within TIB.
    - %N1, %N2, %N3, %REM: the stages in percent of TST.

    Unscored epochs count in TIB and SPT, are neither sleep nor wake, and interrupt a
    run of sleep. In a night without sleep, SPT, TST and SE are zero, and latencies and
    shares of sleep are NaN; without REM, Lat_REM is NaN. Three things differ from YASA:
    it has no WASO_AASM, LPS and Lat_REM_onset, rounds to four digits, and leaves UNS
    out when it is zero.

    References
    ----------
    .. [1] Vallat, Walker: An open-source, high-performance tool for automated sleep
       staging. eLife 10, 2021.
    .. [2] Rosenberg et al.: Comparison of lemborexant with placebo and zolpidem
       tartrate extended release for the treatment of older adults with insomnia
       disorder. JAMA Network Open 2, 2019.

    Examples
    --------
    >>> from sleepkit.metrics import sleep_statistics
    >>> night = 4 * [0] + 2 * [1] + 10 * [2] + 2 * [0] + 4 * [3] + 4 * [4] + 2 * [0]
    >>> found = sleep_statistics(night)
    >>> found["TIB"], found["TST"], found["WASO"], found["SOL"], found["Lat_REM"]
    (14.0, 10.0, 1.0, 2.0, 11.0)
    >>> round(found["SE"], 1), found["%N2"]
    (71.4, 50.0)
    >>> sleep_statistics(night, lights_off=60)["SOL"]
    1.0
    """
    owner = "sleep_statistics"
    duration = check_epoch_duration(stages, epoch_duration, owner=owner)
    codes = check_stages("stages", stages, owner=owner)
    middles = getattr(stages, "onset", 0.0) + (np.arange(len(codes)) + 0.5) * duration
    codes = codes[_between_lights(middles, lights_off, lights_on)]
    asleep, awake = codes > WAKE, codes == WAKE
    period = _span(asleep)
    n_woken = int(np.count_nonzero(asleep[:-1] & awake[1:]))
    per_epoch = duration / 60
    tib, spt = len(codes) * per_epoch, len(codes[period]) * per_epoch
    tst, waso, waso_aasm = (
        int(mask.sum()) * per_epoch
        for mask in (asleep, awake[period], awake[period.start :])
    )
    amounts = {
        name: int((codes == code).sum()) * per_epoch for code, name in _NAMES.items()
    }
    return {
        "TIB": tib,
        "SPT": spt,
        "WASO": waso if tst else np.nan,
        "WASO_AASM": waso_aasm if tst else np.nan,
        "TST": tst,
        "SE": _ratio(100 * tst, tib),
        "SME": _ratio(100 * tst, spt),
        "SFI": _ratio(60 * n_woken, tst),
        **_latencies(codes, duration),
        **amounts,
        **{f"%{name}": _ratio(100 * amounts[name], tst) for name in STAGES[1:]},
    }


def stage_transitions(stages: Any) -> tuple[IntArray, FloatArray]:
    """Count stage transitions between consecutive epochs.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,)
        Hypnogram of one night: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored. Transitions
        from and to unscored epochs are not counted.

    Returns
    -------
    counts : ndarray of int, shape (5, 5)
        Number of transitions from the stage of the row to that of the column; the
        diagonal counts epochs that keep the stage. Counts of nights can be added.
    probabilities : ndarray of float64, shape (5, 5)
        Transition probabilities: counts divided by the sum of their row. NaN for a
        stage without a following epoch.

    Raises
    ------
    ValueError
        If a stage code is invalid.

    See Also
    --------
    sleep_statistics : Durations, latencies and shares.

    Examples
    --------
    >>> from sleepkit.metrics import stage_transitions
    >>> counts, probabilities = stage_transitions([0, 1, 2, 2, 2, 2, 3, -1, 2, 0])
    >>> counts
    array([[0, 1, 0, 0, 0],
           [0, 0, 1, 0, 0],
           [1, 0, 3, 1, 0],
           [0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0]])
    >>> probabilities[2]
    array([0.2, 0. , 0.6, 0.2, 0. ])
    """
    codes = check_stages("stages", stages, owner="stage_transitions")
    counts = count_pairs(codes[:-1], codes[1:])
    totals = counts.sum(axis=1, keepdims=True)
    probabilities = np.full(counts.shape, np.nan)
    np.divide(counts, totals, out=probabilities, where=totals > 0)
    return counts, probabilities


def _between_lights(
    middles: FloatArray, off: float | None, on: float | None
) -> BoolArray:
    """Mark the epochs whose middle lies between lights off and on."""
    start, stop = -np.inf if off is None else off, np.inf if on is None else on
    dark = (start <= middles) & (middles < stop)
    if not dark.any():
        msg = (
            "sleep_statistics needs an epoch between lights_off and lights_on; got "
            f"lights_off={off}, lights_on={on} and {len(middles)} epochs with middles "
            f"from {middles[0]:g} to {middles[-1]:g} s."
        )
        raise ValueError(msg)
    return dark


def _span(mask: BoolArray) -> slice:
    """Return the slice from the first to the last true epoch, or an empty one."""
    epochs = np.flatnonzero(mask)
    return slice(epochs[0], epochs[-1] + 1) if len(epochs) else slice(0, 0)


def _latencies(codes: IntArray, duration: float) -> dict[str, float]:
    """Latencies of sleep and REM, in minutes."""
    asleep = codes > WAKE
    onset = _latency(asleep, 0, duration)
    first_rem = _latency(codes == REM, 0, duration)
    return {
        "SOL": onset,
        "SOL_5min": _latency(asleep, _FIVE_MINUTES, duration),
        "LPS": _latency(asleep, _PERSISTENT, duration),
        "Lat_REM": first_rem,
        "Lat_REM_onset": first_rem - onset,
    }


def _latency(mask: BoolArray, seconds: float, epoch_duration: float) -> float:
    """Minutes before the first run that lasts so long; NaN without a run."""
    length = max(1, math.ceil(seconds / epoch_duration))
    if len(mask) < length:
        return np.nan
    runs = np.lib.stride_tricks.sliding_window_view(mask, length).all(axis=1)
    return int(runs.argmax()) * (epoch_duration / 60) if runs.any() else np.nan


def _ratio(part: float, whole: float) -> float:
    """Divide; NaN where the denominator is zero."""
    return part / whole if whole else np.nan
