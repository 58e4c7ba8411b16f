"""Events: when they begin, and how their waves enter a signal."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._noise import fluctuation


def draw_onsets(rate: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw event times in seconds from rates per minute, one rate a second."""
    seconds = np.repeat(np.arange(len(rate)), rng.poisson(rate / 60))
    onsets: FloatArray = seconds + rng.random(len(seconds))
    return onsets


def clumped(
    rate: FloatArray, strength: float, time_constant: float, rng: np.random.Generator
) -> FloatArray:
    """Let a rate rise and fall, its mean unchanged, so that events come in bursts."""
    waves = fluctuation(len(rate), 1, time_constant, rng)[:, 0]
    clumps: FloatArray = rate * np.exp(strength * waves - strength**2 / 2)
    return clumps


def draw_sizes(
    n_events: int, median: float, spread: float, rng: np.random.Generator
) -> FloatArray:
    """Draw positive sizes, log-normal about their median, as a column."""
    sizes: FloatArray = median * np.exp(spread * rng.standard_normal((n_events, 1)))
    return sizes


def wave_times(duration: float, sfreq: float) -> FloatArray:
    """List the sampling times of a wave in seconds, as a row."""
    return np.arange(int(duration * sfreq), dtype=np.float32)[np.newaxis] / sfreq


def bump(
    times: FloatArray, center: float | FloatArray, width: float | FloatArray
) -> FloatArray:
    """Draw a Gaussian bell of height one."""
    bell: FloatArray = np.exp(-0.5 * ((times - center) / width) ** 2)
    return bell


def add_waves(
    signal: FloatArray, onsets: FloatArray, waves: FloatArray, sfreq: float
) -> None:
    """Add one wave (a row) at each onset in seconds, cut at the end of the signal."""
    first = (onsets * sfreq).astype(np.int64)
    index = first[:, np.newaxis] + np.arange(waves.shape[1])
    fits = index < len(signal)
    np.add.at(signal, index[fits], waves.astype(np.float32)[fits])
