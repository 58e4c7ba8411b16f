"""Checks of the parameters that all evaluations share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sleepkit._stages import UNSCORED
from sleepkit._typing import IntArray
from sleepkit.recording import EpochArray
from sleepkit.utils import check_stages

_ALL_SCORED = "all scored epochs"
_ALL_ROWS = "all rows of X"


def check_inputs(
    estimators: Mapping[str, Any], X: Any, y: Any, *, owner: str
) -> tuple[EpochArray, IntArray]:
    """Require named estimators, an `EpochArray` and a stage for each of its rows."""
    named = isinstance(estimators, Mapping) and bool(estimators)
    if not named or not all(isinstance(name, str) for name in estimators):
        msg = (
            f"The 'estimators' parameter of {owner} must map names to estimators. Got "
            f"{estimators!r} instead."
        )
        raise ValueError(msg)
    if not isinstance(X, EpochArray):
        msg = (
            f"{owner} needs an EpochArray, whose rows have subject and night; see "
            f"EpochArray.from_arrays. Got {type(X).__name__}."
        )
        raise TypeError(msg)
    stages = check_stages("y", column_or_1d(y), owner=owner, unscored=False)
    check_consistent_length(X, stages)
    return X, stages.astype(np.int8)


def name_window(X: EpochArray, window: str | None) -> str:
    """Describe which epochs are scored; required if X lacks some scored epochs."""
    if window is not None:
        if isinstance(window, str) and window.strip():
            return window
        msg = (
            "The 'window' parameter must be a non-empty string or None. Got "
            f"{window!r} instead."
        )
        raise ValueError(msg)
    if any(recording.hypnogram is None for recording in X.recordings):
        return _ALL_ROWS
    wanted = [np.flatnonzero(r.hypnogram != UNSCORED) for r in X.recordings]
    found = [np.unique(epochs) for _, _, epochs in X.by_recording()]
    if all(map(np.array_equal, wanted, found)):
        return _ALL_SCORED
    msg = (
        "The 'window' parameter must describe what is scored, as in window='sleep and "
        f"30 min around it', because X has {sum(map(len, found))} epochs of nights "
        f"with {sum(map(len, wanted))} scored ones."
    )
    raise ValueError(msg)
