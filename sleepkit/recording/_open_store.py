"""Nights of a store, opened without the files that they were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit._messages import first_names
from sleepkit._typing import Array, IntArray
from sleepkit.exceptions import StoreError
from sleepkit.recording._epoch_array import EpochArray
from sleepkit.recording._recording import Recording
from sleepkit.recording._signal import Signal
from sleepkit.recording._store import Store, read_night
from sleepkit.recording._store_index import has_index, read_index


def open_store(
    path: str | PathLike[str], *, partial: bool = False
) -> tuple[EpochArray, IntArray, Array]:
    """Open a store of nights by itself, without the files behind it.

    Parameters
    ----------
    path : path-like
        Folder that `EpochArray.materialize` or `fill_store` has filled.
    partial : bool, default=False
        Whether to open the nights that are there where others are still to be computed,
        or are damaged.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs of all nights, in the order in which they were first stored.
        Values are mapped from their files when they are read, and checked when a
        process first reads them. The `info` of a night has its ``"steps"``, as text.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM; -1 where a night has no hypnogram.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects.

    Raises
    ------
    StoreError
        If the folder does not list its nights, holds none of them or, without
        `partial`, not all.

    See Also
    --------
    fill_store : Fill a store, and set aside nights that cannot be computed.
    Store : The folder, which can verify all values.

    Notes
    -----
    A store holds whole nights: which rows an `EpochArray` had is not kept. Two versions
    of one night may be in the folder, by other steps or another version of sleepkit;
    the last one that was stored is opened.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.preprocessing import Resampler
    >>> from sleepkit.recording import open_store
    >>> X, y, groups = make_polysomnography(2, hours=0.1, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     _ = Resampler(50).fit_transform(X).materialize(folder)
    ...     X, y, groups = open_store(folder)
    >>> X
    EpochArray(24 epochs of 2 recordings: eeg, eog, emg, ecg)
    >>> X.recordings[0].info["steps"]
    ['Resampler(target_sfreq=50)']
    """
    folder = Path(path).resolve()
    index = read_index(Store(str(folder)))
    found = {name: read_night(folder / place) for name, place in index.items()}
    nights = [_as_recording(*night) for night in found.values() if night is not None]
    absent = [name for name, night in found.items() if night is None]
    if not nights or (absent and not partial):
        raise StoreError(_explain_absent(folder, absent, len(index)))
    X = EpochArray(nights)
    return X, X.hypnogram.astype(np.int64), X.subject


def is_store(path: str | PathLike[str]) -> bool:
    """Whether a folder is a store that lists its nights, so that `open_store` opens it.

    Parameters
    ----------
    path : path-like
        The folder.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> from sleepkit.recording import is_store
    >>> is_store("no-such-folder")
    False
    """
    return has_index(Store(str(path)))


def _as_recording(
    manifest: Mapping[str, Any], signals: Mapping[str, Signal]
) -> Recording:
    """Make a recording of a stored night; its info has the steps from the source."""
    night = dict(manifest["night"])
    if night["start"] is not None:
        night["start"] = datetime.fromisoformat(night["start"])
    steps = [*night["info"].get("steps", ()), *manifest["steps"]]
    night["info"] = {**night["info"], "steps": steps}
    return Recording(
        id=manifest["id"], subject=manifest["subject"], signals=signals, **night
    )


def _explain_absent(folder: Path, absent: list[str], n_nights: int) -> str:
    """Name the nights that a store lacks, and how it is completed."""
    return (
        f"The store {folder} lacks {len(absent)} of the {n_nights} nights that it "
        f"lists ({first_names(absent)}): not computed yet, or damaged. What fills the "
        "store goes on where it stopped when it is run again; partial=True opens the "
        "others."
    )
