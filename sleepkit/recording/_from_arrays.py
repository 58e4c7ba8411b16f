"""Recordings out of arrays whose rows are epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.recording._indexing import rows_of_each
from sleepkit.recording._modalities import split_modalities
from sleepkit.recording._recording import Recording
from sleepkit.recording._signal import Signal
from sleepkit.utils import check_positive

_OWNER = "EpochArray.from_arrays"
_DEFAULT_DURATION = 30.0
_DECIMALS = 9  # of a second: rates such as 256 / 3 Hz are not exact


def recordings_from_arrays(
    X: Any,
    recording: Any,
    epoch: Any,
    subject: Any,
    modalities: Mapping[str, Sequence[int]] | None,
    sfreq: float | Mapping[str, float] | None,
) -> tuple[tuple[Recording, ...], IntArray, IntArray]:
    """Return the recordings, and for each row its recording's index and its epoch."""
    blocks = _as_blocks(X, modalities)
    rates = _as_rates(sfreq, blocks)
    n_rows = len(next(iter(blocks.values())))
    given = "0" if recording is None else recording
    ids, index = _number(_as_column("recording", given, n_rows))
    epochs = _as_epochs(epoch, index)
    rows_of = rows_of_each(index, len(ids))
    names = _subjects(subject, ids, rows_of, n_rows)
    duration = _duration(blocks, rates)
    recordings = {}
    for name, rows, owner in zip(ids, rows_of, names, strict=True):
        n_epochs = int(epochs[rows].max()) + 1
        signals = _signals(blocks, rates, rows, epochs[rows], n_epochs)
        # Where everything is missing, nothing else gives the length.
        hypnogram = None if signals else np.full(n_epochs, UNSCORED)
        recordings[name] = Recording(
            id=name,
            subject=owner,
            signals=signals,
            hypnogram=hypnogram,
            epoch_duration=duration,
        )
    return tuple(recordings.values()), index, epochs


def _as_blocks(
    X: Any, modalities: Mapping[str, Sequence[int]] | None
) -> dict[str, FloatArray]:
    """Split X into a float32 array for each modality."""
    if isinstance(X, Mapping):
        if modalities is not None:
            msg = f"{_OWNER} takes 'modalities' with one array, not with a mapping."
            raise ValueError(msg)
        blocks = {name: np.asarray(values, np.float32) for name, values in X.items()}
    else:
        values = np.asarray(X, np.float32)
        if values.ndim < 2:
            got = f"got shape {values.shape}"
            msg = f"{_OWNER} needs an array with a row an epoch; {got}."
            raise ValueError(msg)
        blocks = split_modalities(values, modalities, owner=_OWNER)
    shapes = {name: block.shape for name, block in blocks.items()}
    lengths = {shape[0] for shape in shapes.values() if shape}
    if len(lengths) != 1 or 0 in lengths:
        msg = (
            f"{_OWNER} needs at least one row, and as many in every modality; "
            f"got {shapes}."
        )
        raise ValueError(msg)
    return blocks


def _as_rates(
    sfreq: float | Mapping[str, float] | None, blocks: dict[str, FloatArray]
) -> dict[str, float | None]:
    """Return the rate of each modality, or None, checked against its axes."""
    given = sfreq if isinstance(sfreq, Mapping) else dict.fromkeys(blocks, sfreq)
    if not given.keys() <= blocks.keys():
        msg = f"{_OWNER} got 'sfreq' for {list(given)}; there are {list(blocks)}."
        raise ValueError(msg)
    rates: dict[str, float | None] = {}
    for name, block in blocks.items():
        rate = given.get(name)
        rates[name] = (
            None if rate is None else check_positive("sfreq", rate, owner=_OWNER)
        )
        allowed = (2, 3, 4) if rate is None else (2, 3)
        if block.ndim not in allowed:
            kind = "features or spectra" if rate is None else "signals"
            msg = (
                f"{_OWNER} takes {kind} with {allowed} axes; "
                f"{name!r} has shape {block.shape}."
            )
            raise ValueError(msg)
    return rates


def _as_column(name: str, values: Any, n_rows: int) -> Array:
    """Broadcast one value to all rows, or require one a row."""
    column = np.asarray(values)
    if column.ndim == 0:
        return np.full(n_rows, column)
    if column.shape != (n_rows,):
        msg = (
            f"{_OWNER} needs one {name!r} a row, {n_rows} in all; "
            f"got shape {column.shape}."
        )
        raise ValueError(msg)
    return column


def _number(column: Array) -> tuple[list[str], IntArray]:
    """Assign numbers to distinct values, in order of appearance."""
    ids, first, index = np.unique(
        column.astype(str), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    return [str(ids[i]) for i in order], np.argsort(order)[index]


def _as_epochs(epoch: Any, index: IntArray) -> IntArray:
    """Check the epoch numbers, or count the rows of each recording."""
    if epoch is None:
        order = np.argsort(index, kind="stable")
        first = np.searchsorted(index[order], index[order])
        epochs = np.empty(len(index), np.intp)
        epochs[order] = np.arange(len(index)) - first
        return epochs
    given = _as_column("epoch", epoch, len(index))
    if given.dtype.kind not in "iu" or given.min() < 0:
        msg = (
            f"{_OWNER} needs 'epoch' as whole numbers from 0; "
            f"got {given.dtype} from {given.min()}."
        )
        raise ValueError(msg)
    if len(np.unique(np.column_stack([index, given]), axis=0)) < len(given):
        msg = f"{_OWNER} was given the same epoch of a recording twice."
        raise ValueError(msg)
    return given.astype(np.intp)


def _subjects(
    subject: Any, ids: list[str], rows_of: list[IntArray], n_rows: int
) -> list[str]:
    """Return the subject of each recording, which must be one."""
    if subject is None:
        return ids
    column = _as_column("subject", subject, n_rows).astype(str)
    names = []
    for name, rows in zip(ids, rows_of, strict=True):
        found = np.unique(column[rows])
        if len(found) > 1:
            msg = (
                f"{_OWNER} needs one subject a recording; "
                f"{name!r} has {found.tolist()}."
            )
            raise ValueError(msg)
        names.append(str(found[0]))
    return names


def _duration(blocks: dict[str, FloatArray], rates: dict[str, float | None]) -> float:
    """Compute the epoch duration in seconds, the same in all signals."""
    found = {
        round(block.shape[-1] / rate, _DECIMALS)
        for name, block in blocks.items()
        if (rate := rates[name])
    }
    if len(found) > 1:
        msg = f"{_OWNER} needs epochs of one length; got {sorted(found)} s."
        raise ValueError(msg)
    return found.pop() if found else _DEFAULT_DURATION


def _signals(
    blocks: dict[str, FloatArray],
    rates: dict[str, float | None],
    rows: IntArray,
    epochs: IntArray,
    n_epochs: int,
) -> dict[str, Signal]:
    """Place the rows of a recording in time; epochs without a row are invalid."""
    signals = {}
    for name, block in blocks.items():
        values = np.full((n_epochs, *block.shape[1:]), np.nan, np.float32)
        values[epochs] = block[rows]
        valid = ~np.isnan(values).all(axis=tuple(range(1, values.ndim)))
        if valid.any():
            signals[name] = _as_signal(
                values, rates[name], None if valid.all() else valid
            )
    return signals


def _as_signal(values: FloatArray, sfreq: float | None, valid: Any) -> Signal:
    """Convert rows to a continuous signal, spectra or features."""
    if sfreq is not None:
        by_channel = values.reshape(len(values), -1, values.shape[-1]).swapaxes(0, 1)
        return Signal(by_channel.reshape(len(by_channel), -1), sfreq, valid=valid)
    if values.ndim == 3:
        values = values.reshape(len(values), -1)
    return Signal(values, valid=valid)
