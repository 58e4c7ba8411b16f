"""Runs of epochs in a row."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import BoolArray, IntArray


def marked_runs(marked: BoolArray) -> IntArray:
    """Find the runs of marked epochs.

    Parameters
    ----------
    marked : ndarray of bool, shape (n_epochs,)
        The epochs that count.

    Returns
    -------
    ndarray of int, shape (n_runs, 2)
        The first epoch of each run, and the one after its last.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.utils import marked_runs
    >>> marked_runs(np.array([True, False, True, True])).tolist()
    [[0, 1], [2, 4]]
    """
    edges: IntArray = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    return edges.reshape(-1, 2)
