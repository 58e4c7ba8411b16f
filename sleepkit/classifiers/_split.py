"""Inner split of the training rows: classes, subjects, and what validates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
import torch
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_consistent_length
from torch import Tensor

from sleepkit._typing import Array, BoolArray, IntArray
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.recording import EpochArray
from sleepkit.training import EpochSource


class Split(NamedTuple):
    """Rows that train and rows that validate.

    Attributes
    ----------
    y : ndarray of int of shape (n_rows,)
        Number of the class of each row.
    subject : ndarray of int of shape (n_rows,) or None
        Number of the subject of each row, where subjects are known.
    train : ndarray of bool of shape (n_rows,)
        Rows that are trained on.
    valid : ndarray of bool of shape (n_rows,)
        Rows of the held-out subjects.
    """

    y: IntArray
    subject: IntArray | None
    train: BoolArray
    valid: BoolArray


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


def make_split(
    source: EpochSource,
    y: IntArray,
    subject: IntArray | None,
    train_mask: BoolArray,
    fraction: float,
    rng: np.random.Generator,
    *,
    owner: str,
) -> Split:
    """Hold out some subjects, where they are known, for the inner validation."""
    labelled = train_mask & source.has_signal[source.row_to_epoch]
    names = ", ".join(source.layout)
    if not labelled.any():
        rest = f"lack one of {names}" if source.needs_all else "without a signal"
        msg = f"{owner} needs rows to train on; all are masked or {rest}."
        raise RecordingError(msg)
    recorded = np.logical_or.reduce(list(source.present.values()))
    incomplete = train_mask & recorded[source.row_to_epoch] & ~labelled
    if incomplete.any():
        warn(
            f"{incomplete.sum()} of {train_mask.sum()} training epochs lack one of "
            f"{names} and are not trained on.",
            SleepkitWarning,
            stacklevel=4,
        )
    valid = np.zeros(len(y), np.bool_)
    if subject is not None and fraction:
        subjects = np.unique(subject[labelled])
        n_held_out = min(max(1, round(fraction * len(subjects))), len(subjects) - 1)
        held_out = rng.permutation(subjects)[:n_held_out]
        valid = labelled & np.isin(subject, held_out)
    return Split(y, subject, labelled & ~valid, valid)


def rows_to_epochs(
    source: EpochSource, rows: BoolArray, targets: Mapping[str, IntArray]
) -> dict[str, IntArray]:
    """Targets of the epochs behind some rows, -1 for all other epochs."""
    numbers = source.row_to_epoch[rows]
    given: dict[str, IntArray] = {}
    for name, values in targets.items():
        given[name] = np.full(len(source.night), -1, np.int32)
        given[name][numbers] = values[rows]
        if np.any(given[name][numbers] != values[rows]):
            msg = (
                "y gives an epoch that is in several rows of X different classes."
                if name == "stages"
                else f"An epoch that is in several rows of X has different {name!r}."
            )
            raise ValueError(msg)
    return given


def class_weights(
    class_weight: str | Mapping[Any, float] | None, classes: Array, y: Array
) -> Tensor | None:
    """Weight of each class in the loss; 1 where a class is not in y, or not named."""
    if class_weight is None:
        return None
    weights = np.ones(len(classes), np.float32)
    if isinstance(class_weight, Mapping):
        known = classes.tolist()
        unknown = [name for name in class_weight if name not in known]
        if unknown:
            msg = f"'class_weight' names {unknown}; the classes are {known}."
            raise ValueError(msg)
        weights[:] = [class_weight.get(name, 1) for name in known]
    else:
        found = np.isin(classes, y)
        balanced = compute_class_weight(class_weight, classes=classes[found], y=y)
        weights[found] = balanced
    return torch.from_numpy(weights)
