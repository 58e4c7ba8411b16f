"""Folds of a cross-validation, and splits within estimators, without leakage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from numbers import Integral
from typing import Any

import joblib
import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sleepkit._typing import Array, IntArray
from sleepkit.evaluation._fold import Fold
from sleepkit.model_selection import SubjectKFold, check_no_leakage
from sleepkit.recording import EpochArray, Recording


def split(cv: Any, X: EpochArray, y: IntArray, groups: Any) -> Iterator[Fold]:
    """Make the folds, and refuse those with leakage."""
    splitter = check_cv(SubjectKFold(cv) if isinstance(cv, Integral) else cv, y)
    groupings = _groupings(X)
    labels = X.subject
    if groups is not None:
        groupings["group"] = labels = column_or_1d(groups)
        check_consistent_length(X, labels)
    rows = np.arange(len(X))
    number = -1
    for number, (train, test) in enumerate(splitter.split(X, y, labels)):
        subsets = {"training": rows[train], "test": rows[test]}
        empty = [name for name, chosen in subsets.items() if not chosen.size]
        if empty:
            msg = f"Fold {number} of the 'cv' parameter has no rows for {empty[0]}."
            raise ValueError(msg)
        check_no_leakage(subsets, groupings)
        yield Fold(number, *subsets.values())
    if number < 0:
        msg = "The 'cv' parameter must give at least one fold; it gave none."
        raise ValueError(msg)


def describe_fold(fold: Fold, X: EpochArray) -> dict[str, Any]:
    """List the subjects of a fold, and count its rows."""
    return {
        "fold": fold.number,
        "n_training": len(fold.train),
        "n_test": len(fold.test),
        "training_subjects": np.unique(X.subject[fold.train]).tolist(),
        "test_subjects": np.unique(X.subject[fold.test]).tolist(),
    }


def check_no_inner_leakage(
    name: str, estimator: Any, fold: Fold, X: EpochArray, y: IntArray
) -> None:
    """Raise if a parameter holds test nights, or an inner ``cv`` shares subjects.

    An estimator gets the training rows only. So test nights can reach it by a
    parameter alone; and a classifier with a ``cv``, such as a search, must split the
    training rows by subject.
    """
    parameters = estimator.get_params()
    test_nights = list(X[fold.test].recordings)
    for key, value in parameters.items():
        _check_no_test_nights(f"the parameter {key!r} of {name!r}", value, test_nights)
    X_train, y_train = X[fold.train], y[fold.train]
    groupings = _groupings(X_train)
    for nested in (estimator, *parameters.values()):
        if hasattr(nested, "cv") and is_classifier(nested) and nested.cv != "prefit":
            inner = check_cv(deepcopy(nested.cv), y_train, classifier=True)
            for train, valid in inner.split(X_train, y_train):
                subsets = {
                    f"the inner training of {name!r}": train,
                    "its inner validation": valid,
                }
                check_no_leakage(subsets, groupings)


def _check_no_test_nights(where: str, value: Any, test_nights: list[Recording]) -> None:
    """Refuse nights in a parameter that are in the test, or of a test subject."""
    held = list(_find_nights(value))
    if held:
        nights = [*held, *test_nights]
        groupings = {
            "subject": [night.subject for night in nights],
            "night": _name_nights(nights),
        }
        subsets = {
            where: range(len(held)),
            "test": range(len(held), len(nights)),
        }
        check_no_leakage(subsets, groupings)


def _find_nights(value: Any) -> Iterator[Recording]:
    """Find nights in a parameter, also in a ``predefined_split`` of skorch."""
    if isinstance(value, Recording):
        yield value
    elif isinstance(value, partial):
        yield from _find_nights([value.args, value.keywords])
    elif isinstance(value, Mapping):
        yield from _find_nights(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _find_nights(part)
    elif isinstance(value, EpochArray):
        yield from value.recordings
    elif hasattr(value, "X"):  # a dataset of skorch
        yield from _find_nights(value.X)


def _groupings(X: EpochArray) -> dict[str, Array]:
    """Return subject and night of each row."""
    night = np.empty(len(X), np.intp)
    for i, (_, rows, _) in enumerate(X.by_recording()):
        night[rows] = i
    return {"subject": X.subject, "night": np.array(_name_nights(X.recordings))[night]}


def _name_nights(recordings: Iterable[Recording]) -> list[str]:
    """Name nights by their signals: copies of one share the name ``n1 = copy``."""
    recordings = list(recordings)
    sources = [_hash_signals(recording) for recording in recordings]
    ids: dict[str, dict[str, None]] = {source: {} for source in sources}
    for recording, source in zip(recordings, sources, strict=True):
        ids[source][recording.id] = None
    return [" = ".join(ids[source]) for source in sources]


def _hash_signals(recording: Recording) -> str:
    """Identify the signals of a night, whatever its id and subject."""
    sources = {name: s.fingerprint for name, s in recording.sources.items()}
    return str(joblib.hash(sources))
