"""Random signals: noise with a spectrum that changes, and slow fluctuations."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft
from scipy.signal import lfilter

from sleepkit._typing import FloatArray

HOP = 2
"""Seconds from one frame of noise to the next; a frame lasts twice as long."""


def frame_frequencies(sfreq: float) -> FloatArray:
    """Frequencies in hertz at which `coloured_noise` takes its spectrum."""
    return np.fft.rfftfreq(int(2 * HOP * sfreq), 1 / sfreq)


def coloured_noise(
    power: FloatArray, sfreq: float, rng: np.random.Generator
) -> FloatArray:
    """Draw Gaussian noise with a power spectral density (units**2 / Hz) per frame.

    Frames overlap by half under a sine window, whose squares add up to one, so the
    variance is even. ``n`` frames make ``(n - 1) * HOP`` seconds.
    """
    size = int(2 * HOP * sfreq)
    amplitude = np.sqrt(power * (sfreq * size / 4), dtype=np.float32)
    parts = rng.standard_normal((*power.shape, 2), dtype=np.float32)
    parts *= amplitude[..., np.newaxis]
    frames = irfft(parts.view(np.complex64)[..., 0], n=size, axis=-1)
    frames *= np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    halves = frames.reshape(len(power), 2, -1)
    return np.ravel(halves[:-1, 1] + halves[1:, 0])


def fluctuation(
    n_times: int, n_series: int, time_constant: float, rng: np.random.Generator
) -> FloatArray:
    """Draw standard first-order autoregressive series, shape (n_times, n_series)."""
    memory = np.exp(-1 / time_constant)
    shocks = rng.standard_normal((n_times, n_series), dtype=np.float32)
    shocks[1:] *= np.sqrt(1 - memory**2)
    series: FloatArray = lfilter([1.0], [1.0, -memory], shocks, axis=0)
    return series.astype(np.float32)


def to_samples(values: FloatArray, sfreq: float) -> FloatArray:
    """Interpolate a series of one value a second to ``sfreq``."""
    step = np.diff(values, append=values[-1:]).astype(np.float32)
    within = np.arange(sfreq, dtype=np.float32) / np.float32(sfreq)
    return np.ravel(values[:, np.newaxis] + step[:, np.newaxis] * within)
