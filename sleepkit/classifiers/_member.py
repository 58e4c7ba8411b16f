"""Member of a pool: a classifier, or a Pipeline that ends with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sleepkit._typing import Array, BoolArray, FloatArray
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._pooling import log_of
from sleepkit.classifiers._replay import add_replay, check_pair
from sleepkit.recording import EpochArray, as_epoch_array, is_epoch_like
from sleepkit.utils import last_step


def features_of(member: Any, X: Any) -> Any:
    """Input of the classifier at the end of a Pipeline."""
    if isinstance(member, Pipeline) and len(member) > 1:
        return member[:-1].transform(X)
    return X


def own_modalities(member: Any, X: Any) -> Any:
    """Select the modalities that a member was fitted on; None if there is none."""
    last = last_step(member)
    if not is_epoch_like(X) or not isinstance(last, SleepClassifier):
        return X
    X = as_epoch_array(X)
    kept = [name for name in X.modalities if name in last.layout_]
    return X.select(kept) if kept else None


def stage(member: Any, X: Any) -> tuple[FloatArray, BoolArray]:
    """Log-probabilities of each row, and which rows the member has a signal of."""
    last = last_step(member)
    own = own_modalities(member, X)
    if own is None or (isinstance(own, EpochArray) and _lacks_needed(last, own)):
        prior = np.tile(last.class_prior_, (len(X), 1))
        return log_of(prior), np.zeros(len(X), np.bool_)
    features = features_of(member, own)
    if isinstance(last, SleepClassifier):
        proba, no_signal = last._predict_with_gaps(features)
        return log_of(proba), ~no_signal
    known = np.ones(len(X), np.bool_)
    if isinstance(features, EpochArray):
        features = features.materialize()
        known = np.logical_or.reduce(list(features.valid.values()))
    return log_of(last.predict_proba(features)), known


def stage_all(members: Sequence[Any], X: Any) -> tuple[FloatArray, BoolArray]:
    """Log-probabilities of all members, and which rows each has a signal of."""
    staged = [stage(member, X) for member in members]
    return np.stack([log for log, _ in staged]), np.stack([k for _, k in staged])


def common_classes(
    members: Sequence[Any], *, owner: str = "The members of a pool"
) -> Array:
    """Classes of fitted members, which must be the same."""
    for member in members:
        check_is_fitted(member)
    classes: list[Array] = [last_step(member).classes_ for member in members]
    if any(not np.array_equal(classes[0], other) for other in classes):
        found = [each.tolist() for each in classes]
        msg = f"{owner} need the same classes; theirs are {found}."
        raise ValueError(msg)
    return classes[0]


def train_further(member: Any, X: Any, y: Any, replay: tuple[Any, Any] | None) -> None:
    """Continue the training of the classifier of a member, if X has its modalities."""
    own = own_modalities(member, X)
    if own is None:
        return
    features, last = features_of(member, own), last_step(member)
    if replay is not None:
        nights, classes = check_pair(replay, owner=type(last).__name__)
        earlier = own_modalities(member, nights)
        replay = None if earlier is None else (features_of(member, earlier), classes)
    features, y = add_replay(features, y, None, replay, owner=type(last).__name__)
    last.partial_fit(features, y)


def _lacks_needed(last: Any, X: EpochArray) -> bool:
    """Whether a classifier that needs all of its modalities lacks one."""
    return not getattr(last, "any_subset", True) and len(X.modalities) < len(
        last.layout_
    )
