"""A store filled with a cohort, whose nights may fail."""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from sleepkit._messages import one_line
from sleepkit.exceptions import SleepkitError, SleepkitWarning, StoreWriteError
from sleepkit.recording._epoch_array import EpochArray
from sleepkit.recording._recording import Recording, run_all
from sleepkit.recording._store import Store
from sleepkit.recording._store_index import write_index


def fill_store(
    X: EpochArray,
    path: str | PathLike[str],
    n_jobs: int | None = None,
    *,
    dtype: str = "float32",
    verbose: bool = False,
) -> dict[str, str]:
    """Compute the nights of a cohort into a store, and set aside those that fail.

    A process holds one night at a time. Nights that are in the store already are not
    computed again, so a call that was interrupted, or killed, is simply repeated.

    Parameters
    ----------
    X : EpochArray
        Rows of the nights, their steps pending; other rows of these nights are stored
        as well.
    path : path-like
        Folder of the store, which lists these nights afterwards, and no others.
    n_jobs : int, default=None
        Number of processes, as joblib counts them.
    dtype : {"float32", "float16"}, default="float32"
        Type of the stored values. ``"float16"`` takes half the bytes and keeps 11 bits
        of a value; values are read as float32 in any case.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    dict of str to str
        Why nights were set aside, by their ids: their signals cannot be read, a step
        refuses them, or float16 cannot hold their values.

    Raises
    ------
    StoreWriteError
        If the folder cannot be written to.

    Warns
    -----
    SleepkitWarning
        What reading and computing a night warned of, with its id.

    See Also
    --------
    open_store : Open the store by itself.
    EpochArray.materialize : Raises the error of a night, and adds to a store.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.preprocessing import BandPower
    >>> from sleepkit.recording import fill_store, open_store
    >>> X, y, groups = make_polysomnography(2, hours=0.1, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     failed = fill_store(BandPower().fit_transform(X), folder)
    ...     X, y, groups = open_store(folder)
    >>> failed, len(X)
    ({}, 24)
    """
    store = Store(str(Path(path).resolve()), dtype)
    nights = [recording.cached(store.directory, dtype) for recording in X.recordings]
    write_index(store, nights, keep=False)
    outcomes = run_all(_compute, nights, n_jobs, None, verbose)
    failed = {}
    for night, outcome in zip(nights, outcomes, strict=True):
        if outcome.reason:
            failed[night.id] = outcome.reason
        for remark in outcome.remarks:
            warnings.warn(f"{night.id}: {remark}", SleepkitWarning, stacklevel=2)
    if failed:
        write_index(store, (n for n in nights if n.id not in failed), keep=False)
    return failed


class _Outcome(NamedTuple):
    """Why a night could not be computed, or no reason, and what was warned of."""

    reason: str
    remarks: tuple[str, ...]


def _compute(night: Recording) -> _Outcome:
    """Compute a night into the store behind its steps; nothing of it is returned."""
    reason = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            night.compute()
        except StoreWriteError:  # a full disk is no fault of the night
            raise
        except (SleepkitError, OSError, ValueError) as error:
            reason = one_line(error) or type(error).__name__
    texts = dict.fromkeys(one_line(each.message) for each in caught)
    return _Outcome(reason, tuple(texts))
