"""Conversion to `EpochArray`: from recordings, and from several views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np

from sleepkit._messages import first_names
from sleepkit.exceptions import RecordingError
from sleepkit.recording._epoch_array import EpochArray
from sleepkit.recording._recording import Recording


def concatenate(arrays: Iterable[EpochArray], *, disjoint: bool = False) -> EpochArray:
    """Concatenate the rows of several views, such as cohorts.

    A modality that one cohort lacks is missing in its rows. Rates and channels stay as
    they are: an estimator that needs equal ones raises an error that names a night.

    Parameters
    ----------
    arrays : iterable of EpochArray
        The views, which may share recordings.
    disjoint : bool, default=False
        Whether a subject of two views is an error. Loaders of published cohorts prefix
        subjects (``"shhs:200001"``), so that theirs cannot collide; those of two
        folders may, as two subjects ``"sub-01"`` do.

    Returns
    -------
    EpochArray
        All rows, in order.

    Raises
    ------
    RecordingError
        If two different recordings share an id, epochs differ in length or, with
        `disjoint`, two views share a subject.

    See Also
    --------
    Recording.replace : Give a night another id or subject.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray, concatenate
    >>> a = EpochArray.from_arrays(np.ones((2, 3)), recording="a")
    >>> b = EpochArray.from_arrays(np.ones((4, 3)), recording="b")
    >>> concatenate([a, b, a])
    EpochArray(8 epochs of 2 recordings: eeg)
    """
    views = list(arrays)
    if disjoint:
        _check_disjoint(views)
    merged: dict[str, Recording] = {}
    for recording in (r for view in views for r in view.recordings):
        known = merged.setdefault(recording.id, recording)
        if known is not recording and known.fingerprint != recording.fingerprint:
            msg = (
                f"Recordings of one EpochArray need ids of their own; {recording.id!r} "
                "names two that differ in content or in steps."
            )
            raise RecordingError(msg)
    # An EpochArray of all nights, for its checks; the rows come from the views.
    whole = EpochArray(merged.values())
    position = {name: i for i, name in enumerate(merged)}
    index = [[position[r.id] for r in v.recordings] for v in views]
    rows = [
        np.asarray(of, np.intp)[v._recording_index]
        for of, v in zip(index, views, strict=True)
    ]
    empty = np.empty(0, np.intp)
    return EpochArray._view(
        whole.recordings,
        np.concatenate([empty, *rows]),
        np.concatenate([empty, *(view.epoch for view in views)]),
        np.concatenate([empty.astype(np.bool_), *(view.train_mask for view in views)]),
    )


def _check_disjoint(views: list[EpochArray]) -> None:
    """Refuse a subject that two views have."""
    counts = Counter(name for view in views for name in {*view.subject.tolist()})
    shared = sorted(name for name, count in counts.items() if count > 1)
    if shared:
        named = first_names([*map(repr, shared)])
        msg = (
            f"With disjoint=True no two views may share a subject; {named} occur "
            "in several. If they are different persons, prefix them by "
            "Recording.replace(subject=...)."
        )
        raise RecordingError(msg)


def as_epoch_array(X: Any) -> EpochArray:
    """Convert recordings to an `EpochArray`; one is returned as it is.

    Parameters
    ----------
    X : EpochArray, Recording or iterable of Recording
        The input of ``predict`` or ``transform``.

    Returns
    -------
    EpochArray
        The same `EpochArray`; of recordings all epochs, scored or not, in order.

    Raises
    ------
    TypeError
        If X is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import Recording, Signal, as_epoch_array
    >>> eeg = Signal(np.zeros((1, 6000)), 100)
    >>> as_epoch_array(Recording(id="n", subject="s", signals={"eeg": eeg}))
    EpochArray(2 epochs of 1 recording: eeg)
    """
    if isinstance(X, EpochArray):
        return X
    return EpochArray(X, include_unscored=True)


def is_epoch_like(X: Any) -> TypeGuard[EpochArray | Recording | list[Recording]]:
    """Whether X consists of recordings, and is no plain array.

    Parameters
    ----------
    X : object
        The input of an estimator.

    Returns
    -------
    bool
        Whether `as_epoch_array` accepts it.

    Examples
    --------
    >>> from sleepkit.recording import is_epoch_like
    >>> is_epoch_like([[0.0, 1.0]])
    False
    """
    if isinstance(X, (list, tuple)):
        return bool(X) and all(isinstance(item, Recording) for item in X)
    return isinstance(X, (EpochArray, Recording))
