"""Cutting signals into epochs, and stages on another grid of epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.utils import check_positive, check_stages

_TINY = 1e-6  # seconds and samples: below it, a difference is float arithmetic
_MIN_SCORED = 0.5  # part of an epoch that must be scored for it to have a stage


def epoch_starts(n_epochs: int, sfreq: float, epoch_duration: float) -> IntArray:
    """First sample of each epoch; rounded one by one, so that rounding never adds up.

    Returns an array of shape (n_epochs,).
    """
    exact: FloatArray = np.arange(n_epochs) * (epoch_duration * sfreq)
    return np.rint(exact).astype(np.intp)


def to_epochs(
    x: Any, sfreq: float, epoch_duration: float = 30.0, *, n_epochs: int | None = None
) -> FloatArray:
    """Cut a continuous signal into epochs of one length.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        The signal.
    sfreq : float
        Sampling rate in hertz.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    n_epochs : int, default=None
        Number of epochs; None means all complete ones. Samples beyond the end of the
        signal are NaN; a single missing sample, as rounding causes at odd rates,
        repeats the last one.

    Returns
    -------
    ndarray, shape (n_epochs, ..., round(epoch_duration * sfreq))
        The epochs, a view of `x` where that is possible.

    Raises
    ------
    ValueError
        If the rate or duration is not positive, or an epoch has no samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import to_epochs
    >>> to_epochs(np.zeros((2, 10_000)), sfreq=100).shape
    (3, 2, 3000)
    """
    x = np.asarray(x)
    exact = check_positive("sfreq", sfreq, owner="to_epochs") * check_positive(
        "epoch_duration", epoch_duration, owner="to_epochs"
    )
    length = round(exact)
    if length < 1:
        msg = f"An epoch of {epoch_duration:g} s has no sample at {sfreq:g} Hz."
        raise ValueError(msg)
    if n_epochs is None:
        n_epochs = int((x.shape[-1] + _TINY) / exact)
    starts = epoch_starts(n_epochs, sfreq, epoch_duration)
    missing = (int(starts[-1]) + length if n_epochs else 0) - x.shape[-1]
    if missing > 0:
        padding = [(0, 0)] * (x.ndim - 1) + [(0, missing)]
        if missing == 1 and x.shape[-1]:
            x = np.pad(x, padding, "edge")
        else:
            x = np.pad(x, padding, constant_values=np.nan)
    if abs(exact - length) * n_epochs < _TINY:
        epochs = x[..., : n_epochs * length].reshape(*x.shape[:-1], n_epochs, length)
    else:
        epochs = x[..., starts[:, np.newaxis] + np.arange(length)]
    return np.moveaxis(epochs, -2, 0)


def majority_labels(codes: Any, step: Any, epoch_duration: float = 30.0) -> IntArray:
    """Convert stages to epochs of another length, by majority.

    Parameters
    ----------
    codes : array-like of int, shape (n_scored,)
        Stage codes, -1 for unscored.
    step : float or array-like of shape (n_scored + 1,)
        Duration of each label in seconds; where it varies, the start times of the
        labels in seconds, from 0 on, and the end of the last one.
    epoch_duration : float, default=30.0
        Length of the new epochs in seconds.

    Returns
    -------
    ndarray of int8, shape (n_epochs,)
        For each complete epoch the stage that covers most of it; in a tie the one that
        starts later; -1 where less than half of the epoch is scored.

    Raises
    ------
    ValueError
        If a code is no stage, or a duration is not positive.

    Examples
    --------
    >>> from sleepkit.signal import majority_labels
    >>> majority_labels([0, 1, 1, 2, 2, 3], step=20)  # 0-30, 30-60, 60-90, 90-120 s
    array([0, 1, 2, 3], dtype=int8)
    """
    codes = check_stages("codes", codes, owner="majority_labels", empty=True)
    edges = _label_edges(codes.size, step)
    duration = check_positive("epoch_duration", epoch_duration, owner="majority_labels")
    n_epochs = int((edges[-1] + _TINY) / duration)
    seconds, first = _overlaps(codes, edges, duration, n_epochs)
    most = seconds.max(axis=1, keepdims=True, initial=0)
    # of the stages that tie, the one that starts later
    stages = np.where(seconds >= most - _TINY, first, -np.inf).argmax(axis=1)
    scored = seconds.sum(axis=1) >= _MIN_SCORED * duration - _TINY
    return np.where(scored, stages, UNSCORED).astype(np.int8)


def _label_edges(n_labels: int, step: Any) -> FloatArray:
    """Start times of the labels, and the end of the last one."""
    if np.ndim(step) == 0:
        step = check_positive("step", step, owner="majority_labels")
        step = np.arange(n_labels + 1) * step
    edges = np.asarray(step, dtype=float)
    if (
        edges.shape != (n_labels + 1,)
        or edges[0] != 0
        or not (np.diff(edges) > 0).all()
    ):
        msg = (
            f"majority_labels needs {n_labels + 1} increasing times from 0 on for "
            f"{n_labels} labels; got {edges}."
        )
        raise ValueError(msg)
    return edges


def _overlaps(
    codes: IntArray, times: FloatArray, duration: float, n_epochs: int
) -> tuple[FloatArray, FloatArray]:
    """Seconds of each stage in each epoch, and its start time there."""
    edges = np.unique(np.concatenate([times, np.arange(n_epochs + 1) * duration]))
    edges = edges[edges <= n_epochs * duration + _TINY]
    middles, lengths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    epochs = np.minimum((middles / duration).astype(np.intp), max(n_epochs - 1, 0))
    after = np.searchsorted(times, middles, side="right")
    stages = codes[np.minimum(after, codes.size) - 1]  # may end a rounding too early
    seconds = np.zeros((n_epochs, N_STAGES))
    first = np.full((n_epochs, N_STAGES), np.inf)
    real = (stages != UNSCORED) & (lengths > _TINY)
    at = epochs[real], stages[real]
    np.add.at(seconds, at, lengths[real])
    np.minimum.at(first, at, edges[:-1][real])
    return seconds, np.where(seconds > 0, first, -np.inf)
