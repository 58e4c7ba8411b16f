"""Overlapping frames of epochs, and their power spectra in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sleepkit._typing import FloatArray
from sleepkit.signal._gaps import as_floats
from sleepkit.utils import check_positive

_FRAMES_AT_ONCE: Final = 256  # so that an FFT call works within the processor's cache


def n_samples(name: str, seconds: float, sfreq: float, owner: str) -> int:
    """Turn a duration into samples, at least one."""
    check_positive("sfreq", sfreq, owner=owner)
    return max(round(check_positive(name, seconds, owner=owner) * sfreq), 1)


def framed(epochs: Any, n_window: int, step: int) -> FloatArray:
    """View epochs as overlapping frames, shape (n_epochs, ..., n_frames, n_window)."""
    epochs = as_floats(epochs)
    missing = n_window - epochs.shape[-1]
    if missing > 0:
        epochs = np.pad(epochs, [(0, 0)] * (epochs.ndim - 1) + [(0, missing)])
    return sliding_window_view(epochs, n_window, axis=-1)[..., ::step, :]


def frame_power(frames: FloatArray, taps: FloatArray, n_fft: int) -> FloatArray:
    """Return the squared magnitude of the windowed transform."""
    from scipy import fft  # a quarter of a second, which `sleepkit info` saves

    spectra = fft.rfft(frames * taps.astype(frames.dtype), n_fft)
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def map_frames(
    function: Callable[[FloatArray], FloatArray], frames: FloatArray
) -> FloatArray:
    """Apply a function to a few epochs at a time, so that little memory is needed."""
    first, *rest = _chunks(frames)
    part = function(first)
    out = np.empty((len(frames), *part.shape[1:]), part.dtype)
    out[: len(first)] = part
    at = len(first)
    for chunk in rest:
        out[at : at + len(chunk)] = function(chunk)
        at += len(chunk)
    return out


def _chunks(frames: FloatArray) -> Iterator[FloatArray]:
    """Cut along the first axis; an empty array is one chunk."""
    per_epoch = max(int(np.prod(frames.shape[1:-1])), 1)
    size = max(_FRAMES_AT_ONCE // per_epoch, 1)
    for start in range(0, max(len(frames), 1), size):
        yield frames[start : start + size]
