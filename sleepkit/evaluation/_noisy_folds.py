"""Folds that are tested on noisy nights only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sleepkit.evaluation._folds import Folds, list_folds
from sleepkit.preprocessing import noisy_recordings
from sleepkit.recording import EpochArray


def noisy_folds(X: EpochArray, cv: Iterable[tuple[Any, Any]], **rule: Any) -> Folds:
    """Keep only the noisy nights in the test of each fold.

    Parameters
    ----------
    X : EpochArray
        The nights, of continuous signals in microvolts.
    cv : iterable of (train, test)
        Folds, as in `Protocol`.
    **rule : object
        Parameters of `sleepkit.preprocessing.noisy_recordings`, whose defaults are the
        rule of the paper of MedFuseSleep.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        The folds that have a noisy night, training as it was.

    Raises
    ------
    ValueError
        If no night is noisy.

    See Also
    --------
    sleepkit.preprocessing.noisy_recordings : The rule, and what it leaves open.

    Notes
    -----
    Whole nights of test subjects are chosen; the paper does so by patient, of whom
    SHHS-1 has one night each.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import noisy_folds, sleepmg_protocol
    >>> X, y, _ = make_polysomnography(4, hours=0.1, random_state=0)
    >>> cv = sleepmg_protocol(X, n_groups=2, random_state=0).cv
    >>> [len(test) for _, test in noisy_folds(X, cv, threshold=5)]
    [24, 24]
    """
    folds = list_folds(X, cv)
    tested = X[np.unique(np.concatenate([test for _, test in folds]))]
    noisy = noisy_recordings(tested, **rule)
    names = [r.id for r, bad in zip(tested.recordings, noisy, strict=True) if bad]
    chosen = [(train, test[np.isin(X.recording[test], names)]) for train, test in folds]
    kept = [(train, test) for train, test in chosen if len(test)]
    if not kept:
        msg = f"noisy_folds found none of {len(noisy)} test nights to be noisy."
        raise ValueError(msg)
    return kept
