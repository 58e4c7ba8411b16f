"""Input of a stager: nights or plain arrays, as epochs of its modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    validate_data,
)

from sleepkit._typing import Array
from sleepkit.recording import (
    EpochArray,
    as_epoch_array,
    is_epoch_like,
    split_modalities,
)
from sleepkit.utils import check_no_unscored

_ARRAYS: dict[str, Any] = {
    "allow_nd": True,
    "dtype": [np.float32, np.float64],
    "ensure_all_finite": "allow-nan",
}


def check_rows(estimator: BaseEstimator, X: Any) -> EpochArray | Array:
    """Check the input of a prediction."""
    if is_epoch_like(X):
        return _check_nights(estimator, X)
    checked: Array = validate_data(estimator, X, reset=False, **_ARRAYS)
    return checked


def check_rows_and_targets(
    estimator: BaseEstimator, X: Any, y: Any, *, fresh: bool
) -> tuple[EpochArray | Array, Array]:
    """Check the input of a training; ``fresh`` drops what an earlier one set."""
    if not is_epoch_like(X):
        checked: tuple[Array, Array] = validate_data(
            estimator, X, y, reset=fresh, **_ARRAYS
        )
        return checked
    view = _check_nights(estimator, X)
    if fresh:
        for name in ("n_features_in_", "feature_names_in_"):
            vars(estimator).pop(name, None)
    if y is None:
        name = type(estimator).__name__
        msg = f"{name} requires y to be passed, but the target y is None."
        raise ValueError(msg)
    stages: Array = column_or_1d(y, warn=True)
    assert_all_finite(stages, input_name="y")
    check_consistent_length(view, stages)
    check_no_unscored("y", stages, owner=type(estimator).__name__)
    return view, stages


def _check_nights(estimator: BaseEstimator, X: Any) -> EpochArray:
    """Take nights, unless they are empty."""
    view = as_epoch_array(X)
    if not len(view) or not view.modalities:
        name = type(estimator).__name__
        msg = f"{name} needs at least one epoch with a modality; got {view}."
        raise ValueError(msg)
    return view


def split_array(
    X: Array,
    modalities: Mapping[str, Sequence[int]] | None,
    accepts: Mapping[int, str] | None,
    *,
    owner: str,
) -> dict[str, Array]:
    """Split a plain array into modalities whose epochs have axes that are accepted.

    Rows of an array with two axes are signals of one channel where signals are read;
    several channels count as features where they are not.
    """
    if accepts is not None and X.ndim == 2 and 2 in accepts:
        X = X[:, np.newaxis]
    blocks = split_modalities(X, modalities, owner=owner)
    if accepts is not None and X.ndim == 3 and 2 not in accepts:
        return {name: block.reshape(len(X), -1) for name, block in blocks.items()}
    return blocks


def check_layout(
    layout: Mapping[str, tuple[int, ...]],
    fitted: Mapping[str, tuple[int, ...]],
    *,
    any_subset: bool,
    owner: str,
) -> None:
    """Require modalities that the module has, in the shapes that it has them."""
    unknown = [name for name, shape in layout.items() if fitted.get(name) != shape]
    if unknown or (not any_subset and set(layout) != set(fitted)):
        known = ", ".join(f"{name} {shape}" for name, shape in fitted.items())
        given = ", ".join(f"{n} {layout[n]}" for n in unknown or layout)
        takes = "any of these" if any_subset else "all of these"
        msg = (
            f"{owner} was fitted on epochs of {known}, and takes {takes} "
            f"modalities; X has {given}."
        )
        raise ValueError(msg + (" Leave others out with X.select." if unknown else ""))


def check_axes(
    layout: Mapping[str, tuple[int, ...]], accepts: Mapping[int, str], *, owner: str
) -> None:
    """Require epochs with a number of axes that is accepted."""
    for name, shape in layout.items():
        if len(shape) not in accepts:
            kinds = " or ".join(accepts.values())
            msg = f"{owner} takes {kinds}; got {name!r} epochs of shape {shape}."
            raise ValueError(msg)
