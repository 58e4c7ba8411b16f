"""What a stager takes as X: nights or plain arrays, as epochs of its modalities."""

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
from skorch.callbacks import Callback

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array
from sleepkit.recording import EpochArray, as_epoch_array, is_epoch_like

DEFAULT_MODALITY = "eeg"
_ARRAYS: dict[str, Any] = {
    "allow_nd": True,
    "dtype": [np.float32, np.float64],
    "ensure_all_finite": "allow-nan",
}


def check_rows(estimator: BaseEstimator, X: Any) -> EpochArray | Array:
    """Check what is to be staged."""
    if is_epoch_like(X):
        return _check_nights(estimator, X)
    checked: Array = validate_data(estimator, X, reset=False, **_ARRAYS)
    return checked


def check_rows_and_targets(
    estimator: BaseEstimator, X: Any, y: Any, *, fresh: bool
) -> tuple[EpochArray | Array, Array]:
    """Check what is to be learnt; ``fresh`` forgets what was seen before."""
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
    if stages.dtype.kind in "iuf" and np.any(stages == UNSCORED):
        msg = (
            "y must not hold -1, the mark of unscored epochs; leave these rows out, as "
            "EpochArray(..., include_unscored=False) does. Got "
            f"{np.sum(stages == UNSCORED)} of {stages.size}."
        )
        raise ValueError(msg)
    return view, stages


def _check_nights(estimator: BaseEstimator, X: Any) -> EpochArray:
    """Take nights, if there is anything in them."""
    view = as_epoch_array(X)
    if not len(view) or not view.modalities:
        name = type(estimator).__name__
        msg = f"{name} needs at least one epoch with a modality; got {view}."
        raise ValueError(msg)
    return view


def split_modalities(
    X: Array, modalities: Mapping[str, Sequence[int]] | None, *, owner: str
) -> dict[str, Array]:
    """Share the second axis out among the modalities."""
    if modalities is None:
        return {DEFAULT_MODALITY: X}
    n_columns = X.shape[1]
    for name, where in modalities.items():
        if not len(where) or not all(0 <= i < n_columns for i in where):
            msg = (
                f"The 'modalities' parameter of {owner} must name indices from 0 to "
                f"{n_columns - 1} on the second axis of X. Got {list(where)} for "
                f"{name!r} instead."
            )
            raise ValueError(msg)
    return {name: X[:, list(where)] for name, where in modalities.items()}


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
    layout: Mapping[str, tuple[int, ...]], takes: Mapping[int, str], *, owner: str
) -> None:
    """Require epochs with as many axes as a classifier understands."""
    for name, shape in layout.items():
        if len(shape) not in takes:
            kinds = " or ".join(takes.values())
            msg = f"{owner} takes {kinds}; got {name!r} epochs of shape {shape}."
            raise ValueError(msg)


def check_callbacks(callbacks: Any, *, owner: str) -> None:
    """Require what skorch takes: callbacks, their classes, or pairs with a name."""
    kinds = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    for kind in [] if callbacks is None else kinds:
        callback = kind[1] if isinstance(kind, tuple) and len(kind) == 2 else kind
        known = callback if isinstance(callback, type) else type(callback)
        if kinds is not callbacks or not issubclass(known, Callback):
            msg = (
                f"The 'callbacks' parameter of {owner} must be a list of skorch "
                f"callbacks, or of pairs (name, callback). Got {callbacks!r} instead."
            )
            raise ValueError(msg)
