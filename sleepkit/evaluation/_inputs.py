"""What an evaluation takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sleepkit._typing import IntArray
from sleepkit.recording import EpochArray
from sleepkit.utils import check_stages


def check_inputs(
    estimators: Mapping[str, Any], X: Any, y: Any, *, owner: str
) -> tuple[EpochArray, IntArray]:
    """Require named estimators, rows that know their nights, and stages."""
    named = isinstance(estimators, Mapping) and bool(estimators)
    if not named or not all(isinstance(name, str) for name in estimators):
        msg = (
            f"The 'estimators' parameter of {owner} must map names to estimators. Got "
            f"{estimators!r} instead."
        )
        raise ValueError(msg)
    if not isinstance(X, EpochArray):
        msg = (
            f"{owner} needs an EpochArray, whose rows know subject and night; see "
            f"EpochArray.from_arrays. Got {type(X).__name__}."
        )
        raise TypeError(msg)
    stages = check_stages("y", column_or_1d(y), owner=owner, unscored=False)
    check_consistent_length(X, stages)
    return X, stages.astype(np.int8)
