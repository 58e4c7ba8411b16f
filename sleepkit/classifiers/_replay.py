"""Replay: earlier nights among those of a training that goes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit.recording import as_epoch_array, concatenate, is_epoch_like


def add_replay(
    X: Any, y: Any, groups: Any, replay: tuple[Any, Any] | None, *, owner: str
) -> tuple[Any, Any]:
    """Rows and classes of X followed by those of the replay."""
    if replay is None:
        return X, y
    if not isinstance(replay, tuple | list) or len(replay) != 2:
        msg = f"The 'replay' of {owner} must be a pair (X, y). Got {replay!r} instead."
        raise ValueError(msg)
    if groups is not None:
        msg = (
            f"{owner} takes no 'groups' with 'replay': pass EpochArrays, which have "
            "their subjects themselves."
        )
        raise ValueError(msg)
    earlier, classes = replay
    if is_epoch_like(X) != is_epoch_like(earlier):
        msg = (
            f"The X of 'replay' of {owner} must be of the kind of X: both recordings, "
            f"or both arrays. Got {type(earlier).__name__} and {type(X).__name__}."
        )
        raise ValueError(msg)
    stages = np.concatenate([np.asarray(y), np.asarray(classes)])
    if is_epoch_like(X):
        return concatenate([as_epoch_array(X), as_epoch_array(earlier)]), stages
    return np.concatenate([np.asarray(X), np.asarray(earlier)]), stages
