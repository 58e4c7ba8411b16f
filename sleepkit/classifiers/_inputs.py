"""Input of a stager: its shared parameters, nights or plain arrays, and targets."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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

from sleepkit._typing import Array, IntArray
from sleepkit.classifiers._class_weights import check_class_weight
from sleepkit.recording import (
    EpochArray,
    as_epoch_array,
    is_epoch_like,
    split_modalities,
)
from sleepkit.training import ArraySource, EpochSource
from sleepkit.training._checkpoint import is_checkpoint
from sleepkit.training._epoch_source import open_recordings
from sleepkit.training._runtime import find_device
from sleepkit.utils import (
    check_count,
    check_fraction,
    check_no_unscored,
    check_option,
    check_positive,
)

_SHARED = (
    "modalities",
    "class_weight",
    "lr",
    "weight_decay",
    "batch_size",
    "max_epochs",
    "validation_fraction",
    "patience",
    "warm_start",
    "callbacks",
    "device",
    "precision",
    "max_ram",
    "n_threads",
    "random_state",
    "verbose",
)
_PRECISIONS = ("auto", "float32", "bfloat16")
_ARRAYS: dict[str, Any] = {
    "allow_nd": True,
    "dtype": [np.float32, np.float64],
    "ensure_all_finite": "allow-nan",
}


def check_shared_params(stager: Any) -> None:
    """Refuse parameters of a stager that cannot be used."""
    owner = type(stager).__name__
    lacking = [name for name in _SHARED if not hasattr(stager, name)]
    if lacking:
        msg = (
            f"{owner} lacks {', '.join(lacking)}: a subclass of SleepClassifier must "
            "set all parameters that are shared."
        )
        raise TypeError(msg)
    for name in ("batch_size", "max_epochs", "patience"):
        check_count(name, getattr(stager, name), owner=owner)
    for name in ("lr", "max_ram"):
        check_positive(name, getattr(stager, name), owner=owner)
    for name in ("n_threads", "sequence_length", "stride"):
        if getattr(stager, name) is not None:
            check_count(name, getattr(stager, name), owner=owner)
    length, stride = stager.sequence_length, stager.stride
    if length is not None and stride is not None and stride > length:
        msg = (
            f"The 'stride' parameter of {owner} must be at most sequence_length = "
            f"{length}. Got {stride}."
        )
        raise ValueError(msg)
    check_positive("weight_decay", stager.weight_decay, owner=owner, zero=True)
    check_option("precision", stager.precision, _PRECISIONS, owner=owner)
    find_device(stager.device)
    check_class_weight(stager.class_weight, stager._weightings, owner=owner)
    _check_callbacks(stager.callbacks, owner=owner)
    _check_seed(stager, owner=owner)
    fraction = stager.validation_fraction
    check_fraction("validation_fraction", fraction, owner=owner)


def _check_callbacks(callbacks: Any, *, owner: str) -> None:
    """Require callbacks as skorch takes them: also classes, or pairs with a name."""
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


def _check_seed(stager: Any, *, owner: str) -> None:
    """Require a seed where a fit may be repeated to go on."""
    kept = any(is_checkpoint(callback) for callback in stager.callbacks or ())
    if kept and stager.random_state is None:
        msg = (
            f"The 'random_state' parameter of {owner} must be a seed with a Checkpoint "
            "among the callbacks: no fit goes on from one with other random numbers. "
            "Got None instead."
        )
        raise ValueError(msg)


def check_rows(estimator: BaseEstimator, X: Any) -> EpochArray | Array:
    """Check the input of a prediction."""
    if is_epoch_like(X):
        return _check_nights(estimator, X)
    checked: Array = validate_data(estimator, X, reset=False, **_ARRAYS)
    return checked


def check_unlabelled(estimator: BaseEstimator, X: Any) -> EpochArray | Array:
    """Check the input of a training without targets."""
    for name in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(name, None)
    if is_epoch_like(X):
        return _check_nights(estimator, X)
    checked: Array = validate_data(estimator, X, **_ARRAYS)
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


def ids_of(X: Any) -> tuple[str, ...]:
    """Ids of the recordings of an input; none of plain arrays."""
    if not is_epoch_like(X):
        return ()
    return tuple(recording.id for recording in as_epoch_array(X).recordings)


def encode_classes(y: Array, classes: Array, *, owner: str) -> IntArray:
    """Replace classes by their numbers."""
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        msg = (
            f"{owner} knows the classes {classes.tolist()}; y also has "
            f"{unknown.tolist()}. Name all classes at the first partial_fit, or fit "
            "anew with warm_start=False."
        )
        raise ValueError(msg)
    return np.searchsorted(classes, y).astype(np.int32)


def subjects_of(X: EpochArray | Array, groups: Any) -> IntArray | None:
    """Give the rows numbers of their subjects, where these are known."""
    if groups is not None:
        check_consistent_length(X, groups)
        return np.unique(column_or_1d(groups), return_inverse=True)[1]
    if not isinstance(X, EpochArray):
        return None
    names = [recording.subject for recording in X.recordings]
    subjects: IntArray = np.empty(len(X), np.int32)
    # a name for each row would take more memory than everything else about rows
    numbers = np.unique(names, return_inverse=True)[1]
    for number, (_, rows, _) in zip(numbers, X.by_recording(), strict=True):
        subjects[rows] = number
    return subjects


def open_source(
    stager: Any, X: EpochArray | Array
) -> AbstractContextManager[EpochSource]:
    """Compute nights once, or take the modalities of a plain array as they are."""
    needs_all = not stager.any_subset
    if isinstance(X, EpochArray):
        return open_recordings(
            X, stager.max_ram, needs_all=needs_all, verbose=stager.verbose
        )
    return nullcontext(ArraySource(_split_array(stager, X), needs_all=needs_all))


def _split_array(stager: Any, X: Array) -> dict[str, Array]:
    """Split a plain array into modalities whose epochs have axes that are accepted.

    Rows of an array with two axes are signals of one channel where signals are read;
    several channels count as features where they are not.
    """
    accepts = stager._accepts
    if accepts is not None and X.ndim == 2 and 2 in accepts:
        X = X[:, np.newaxis]
    blocks = split_modalities(X, stager.modalities, owner=type(stager).__name__)
    if accepts is not None and X.ndim == 3 and 2 not in accepts:
        return {name: block.reshape(len(X), -1) for name, block in blocks.items()}
    return blocks


def check_layout(stager: Any, source: EpochSource) -> None:
    """Require modalities that the module has, in the shapes that it has them."""
    layout, fitted, any_subset = source.layout, stager.layout_, stager.any_subset
    unknown = [name for name, shape in layout.items() if fitted.get(name) != shape]
    if unknown or (not any_subset and set(layout) != set(fitted)):
        known = ", ".join(f"{name} {shape}" for name, shape in fitted.items())
        given = ", ".join(f"{n} {layout[n]}" for n in unknown or layout)
        takes = "any of these" if any_subset else "all of these"
        msg = (
            f"{type(stager).__name__} was fitted on epochs of {known}, and takes "
            f"{takes} modalities; X has {given}."
        )
        raise ValueError(msg + (" Leave others out with X.select." if unknown else ""))
