"""What the parts of a signal may be, and what is said where they are not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sleepkit._typing import Array, FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._lazy import LazyArray

SPECTRUM_NDIM = 4
_EPOCHED_NDIMS = (2, SPECTRUM_NDIM)
_T = TypeVar("_T", bound=np.generic)


def as_payload(data: Any, *, continuous: bool) -> Any:
    """Check the number of axes and bring values to float32."""
    if not isinstance(data, LazyArray):
        data = read_only(_as_float32(data))
        if continuous and data.ndim == 1:
            data = data[np.newaxis]
    expected = (2,) if continuous else _EPOCHED_NDIMS
    if len(data.shape) not in expected or 0 in data.shape:
        kind = (
            "A continuous signal has shape (n_channels, n_times)"
            if continuous
            else "An epoched signal (no sfreq) has shape (n_epochs, n_channels, "
            "n_frames, n_bins) or (n_epochs, n_features)"
        )
        msg = f"{kind}, with no empty axis; got {tuple(data.shape)}."
        raise RecordingError(msg)
    return data


def _as_float32(data: Any) -> FloatArray:
    """Convert to float32, or say what the values are instead."""
    values: Array = np.asarray(data)
    if values.dtype.kind not in "fiub":
        msg = f"A signal needs real numbers; got values of type {values.dtype}."
        raise RecordingError(msg)
    return values.astype(np.float32, copy=False)


def as_texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Take several texts, but not one: it would become its letters."""
    if isinstance(values, str):
        msg = f"{name} must be a sequence of texts, not the text {values!r}."
        raise RecordingError(msg)
    return tuple(map(str, values))


def as_names(ch_names: Iterable[str], n_channels: int) -> tuple[str, ...]:
    """Check the channel names, or number the channels."""
    names = as_texts("ch_names", ch_names) or tuple(map(str, range(n_channels)))
    check_length("ch_names", len(names), "channels", n_channels)
    return names


def as_flat(name: str, values: Any, dtype: type[_T]) -> NDArray[_T]:
    """Copy a short flat array, read-only."""
    flat = np.array(values, dtype)
    if flat.ndim != 1:
        msg = f"{name} must be a flat array; got shape {flat.shape}."
        raise RecordingError(msg)
    return read_only(flat)


def check_length(name: str, length: int, axis: str, expected: int) -> None:
    """Refuse a part whose length is not that of its axis."""
    if length != expected:
        msg = f"{name} has length {length}, but the signal has {expected} {axis}."
        raise RecordingError(msg)


def read_only(values: NDArray[_T]) -> NDArray[_T]:
    """View an array so that nobody changes it by accident (no copy is made)."""
    view = values.view()
    view.flags.writeable = False
    return view
