"""Folds that keep people, nights and groups on one side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sleepkit._typing import Array, IntArray
from sleepkit.model_selection import SubjectKFold, refuse_leaks
from sleepkit.recording import EpochArray, Recording


class Fold(NamedTuple):
    """The rows of a fold."""

    number: int
    train: IntArray
    test: IntArray


def split(cv: Any, X: EpochArray, y: IntArray, groups: Any) -> Iterator[Fold]:
    """Make the folds, and refuse those that leak."""
    splitter = check_cv(SubjectKFold(cv) if isinstance(cv, Integral) else cv, y)
    kinds = kinds_of(X)
    asked = X.subject
    if groups is not None:
        kinds["group"] = asked = column_or_1d(groups)
        check_consistent_length(X, asked)
    rows = np.arange(len(X))
    number = -1
    for number, (train, test) in enumerate(splitter.split(X, y, asked)):
        parts = {"training": rows[train], "test": rows[test]}
        empty = [part for part, chosen in parts.items() if not chosen.size]
        if empty:
            msg = f"Fold {number} of the 'cv' parameter has no rows for {empty[0]}."
            raise ValueError(msg)
        refuse_leaks(parts, kinds)
        yield Fold(number, *parts.values())
    if number < 0:
        msg = "The 'cv' parameter must give at least one fold; it gave none."
        raise ValueError(msg)


def kinds_of(X: EpochArray) -> dict[str, Array]:
    """Say whose each row is, and of which night."""
    night = np.empty(len(X), np.intp)
    for i, (_, rows, _) in enumerate(X.by_recording()):
        night[rows] = i
    return {"subject": X.subject, "night": np.array(name_nights(X.recordings))[night]}


def name_nights(recordings: Iterable[Recording]) -> list[str]:
    """Name nights by all that their signals are called: ``n1``, or ``n1 = copy``."""
    recordings = list(recordings)
    sources = [_source_of(recording) for recording in recordings]
    called: dict[str, dict[str, None]] = {source: {} for source in sources}
    for recording, source in zip(recordings, sources, strict=True):
        called[source][recording.id] = None
    return [" = ".join(called[source]) for source in sources]


def _source_of(recording: Recording) -> str:
    """Identify the signals of a night, whatever its name and whoever it is said of."""
    sources = {name: s.fingerprint for name, s in recording.sources.items()}
    return str(joblib.hash(sources))


def describe_fold(fold: Fold, X: EpochArray) -> dict[str, Any]:
    """Say who is tested, and how much there is to learn from."""
    return {
        "fold": fold.number,
        "n_training": len(fold.train),
        "n_test": len(fold.test),
        "training_subjects": np.unique(X.subject[fold.train]).tolist(),
        "test_subjects": np.unique(X.subject[fold.test]).tolist(),
    }
