"""What is learnt from which rows: classes, weights, and the inner split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_consistent_length

from sleepkit._typing import Array, BoolArray, FloatArray, IntArray
from sleepkit.recording import EpochArray
from sleepkit.training import Epochs


class Task(NamedTuple):
    """What is known of the rows, and what they are for."""

    codes: IntArray  # (n_rows,) number of the class
    subject: IntArray | None  # (n_rows,) number of the subject
    learnt: BoolArray  # (n_rows,)
    held: BoolArray  # (n_rows,) for the inner validation


def encode(y: Array, classes: Array, *, owner: str) -> IntArray:
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
    """Give each row the number of its subject, by names in order, where it is known."""
    if groups is not None:
        check_consistent_length(X, groups)
        return np.unique(column_or_1d(groups), return_inverse=True)[1]
    if not isinstance(X, EpochArray):
        return None
    names = [recording.subject for recording in X.recordings]
    subjects: IntArray = np.empty(len(X), np.int32)
    # a name for each row would take more memory than all else that is known of rows
    numbers = np.unique(names, return_inverse=True)[1]
    for number, (_, rows, _) in zip(numbers, X.by_recording(), strict=True):
        subjects[rows] = number
    return subjects


def make_task(
    epochs: Epochs,
    codes: IntArray,
    subject: IntArray | None,
    train_mask: BoolArray,
    fraction: float,
    rng: np.random.Generator,
    *,
    owner: str,
) -> Task:
    """Hold out some subjects, where they are known, for the inner validation."""
    taught = train_mask & epochs.usable[epochs.numbers]
    if not taught.any():
        msg = f"{owner} needs rows to learn from; all are masked or without a signal."
        raise ValueError(msg)
    held = np.zeros(len(codes), np.bool_)
    if subject is not None and fraction:
        people = np.unique(subject[taught])
        n_held = min(max(1, round(fraction * len(people))), len(people) - 1)
        held = taught & np.isin(subject, rng.permutation(people)[:n_held])
    return Task(codes, subject, taught & ~held, held)


def spread(epochs: Epochs, rows: BoolArray, codes: IntArray) -> IntArray:
    """Give the epochs of some rows their codes, and -1 to all others."""
    given = np.full(len(epochs.night), -1, np.int32)
    numbers = epochs.numbers[rows]
    given[numbers] = codes[rows]
    if np.any(given[numbers] != codes[rows]):
        msg = "y gives an epoch that is in several rows of X different classes."
        raise ValueError(msg)
    return given


def weigh_classes(
    class_weight: str | Mapping[Any, float] | None, classes: Array, y: Array
) -> FloatArray | None:
    """Weigh the classes; one that is not in y has nothing to weigh."""
    if class_weight is None:
        return None
    weights = np.ones(len(classes), np.float32)
    found = np.isin(classes, y)
    weights[found] = compute_class_weight(class_weight, classes=classes[found], y=y)
    return weights
