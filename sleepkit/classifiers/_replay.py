"""Replay: earlier nights among those of a training that goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from sleepkit.recording import as_epoch_array, concatenate, is_epoch_like


def check_pair(replay: Any, *, owner: str) -> tuple[Any, Any]:
    """Refuse a replay that is no pair of epochs and classes."""
    if not isinstance(replay, tuple | list) or len(replay) != 2:
        given = type(replay).__name__
        msg = f"The 'replay' of {owner} must be a pair (X, y). Got a {given} instead."
        raise ValueError(msg)
    earlier, classes = replay
    return earlier, classes


def add_replay(
    X: Any, y: Any, groups: Any, replay: tuple[Any, Any] | None, *, owner: str
) -> tuple[Any, Any]:
    """Rows and classes of X followed by those of the replay."""
    if replay is None:
        return X, y
    earlier, classes = check_pair(replay, owner=owner)
    if groups is not None:
        msg = (
            f"{owner} takes no 'groups' with 'replay': pass EpochArrays, which have "
            "their subjects themselves."
        )
        raise ValueError(msg)
    if is_epoch_like(X) != is_epoch_like(earlier):
        msg = (
            f"The X of 'replay' of {owner} must be of the kind of X: both recordings, "
            f"or both arrays. Got {type(earlier).__name__} and {type(X).__name__}."
        )
        raise ValueError(msg)
    check_consistent_length(X, y)
    check_consistent_length(earlier, classes)
    stages = np.concatenate([np.asarray(y), np.asarray(classes)])
    if is_epoch_like(X):
        return concatenate([as_epoch_array(X), as_epoch_array(earlier)]), stages
    return np.concatenate([np.asarray(X), np.asarray(earlier)]), stages
