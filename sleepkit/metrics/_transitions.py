"""From which stage to which a night goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.metrics._inputs import count_pairs
from sleepkit.utils import check_stages


def stage_transitions(stages: Any) -> tuple[IntArray, FloatArray]:
    """Count how often each stage follows each, epoch by epoch.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,)
        Hypnogram of one night: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored. What is
        before and after an unscored epoch makes no transition.

    Returns
    -------
    counts : ndarray of int, shape (5, 5)
        How often the stage of the row is followed by the stage of the column, itself
        included. Counts of several nights add up.
    probabilities : ndarray of float64, shape (5, 5)
        The counts over the sum of their row: how probable each stage is after that of
        the row. NaN for a stage that nothing follows.

    Raises
    ------
    ValueError
        If the stages are no hypnogram.

    See Also
    --------
    sleep_statistics : Durations and latencies.

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
