"""Levels, spectrum and steps of windows, as medians over pieces of two seconds."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.signal._frames import framed, map_frames
from sleepkit.signal._quality_limits import QualityLimits
from sleepkit.utils import SD_OF_MAD

_PIECE: Final = 2.0  # seconds
_STEP: Final = (
    0.02  # seconds; a whole cycle of the mains, which therefore adds no steps
)
_MAINS: Final = (50.0, 60.0)
_FAST: Final = (20.0, 35.0)
# Edges in hertz of bands that are about as wide on a log scale.
_FIT: Final = (1.0, 2.0, 4.0, 7.0, 10.0, 13.0, 17.0, 22.0, 28.0)
_PASS: Final = (
    0.92  # part of the frequencies that the recorder's anti-alias filter leaves
)


class WindowMeasures(NamedTuple):
    """The values that limits apply to, each (..., n_windows); NaN where unknown."""

    rms: FloatArray
    mains: FloatArray
    fast: FloatArray
    exponent: FloatArray
    drift: FloatArray
    jump: FloatArray
    evenness: FloatArray


def is_measurable(n_times: int, sfreq: float) -> bool:
    """Whether windows are long enough and sampled finely enough to be measured."""
    return n_times >= round(_PIECE * sfreq) and round(_STEP * sfreq) > 0


def measure_windows(
    windows: FloatArray, sfreq: float, limits: QualityLimits
) -> WindowMeasures:
    """Measure windows of shape (..., n_windows, n_times)."""
    size, lag = round(_PIECE * sfreq), round(_STEP * sfreq)
    bands = _Bands(size, sfreq, limits)
    heart = limits.max_evenness is not None

    def measure(pieces: FloatArray) -> FloatArray:
        means = pieces @ np.full(size, 1 / size, pieces.dtype)  # faster than mean()
        pieces = (pieces - means[..., np.newaxis]).astype(np.float32, copy=False)
        steps = np.diff(pieces[..., ::lag])
        drift = _robust_sd(means - _median(means)[..., np.newaxis])
        jump = _median(np.abs(steps).max(axis=-1))
        evenness = _evenness(steps) if heart else np.full_like(drift, np.nan)
        measures = np.stack([drift, jump, evenness], axis=-1)
        power = _median(bands.power(pieces), axis=-2)
        return np.concatenate([measures, power], axis=-1)

    pieces = framed(np.moveaxis(windows, -2, 0), size, size)
    measures = np.moveaxis(map_frames(measure, pieces), (0, -1), (-1, 0))
    drift, jump, evenness = measures[:3]
    rms, mains, fast, exponent = bands.levels(measures[3:])
    return WindowMeasures(rms, mains, fast, exponent, drift, jump, evenness)


class _Bands:
    """Bands of a power spectrum: the signal's own, the mains, and those of the fit."""

    def __init__(self, size: int, sfreq: float, limits: QualityLimits) -> None:
        freqs = np.fft.rfftfreq(size, 1 / sfreq)
        top = _PASS * sfreq / 2
        mains = [np.abs(freqs - line) <= 1 for line in _MAINS]
        clean = (freqs <= top) & ~np.any(mains, axis=0)

        def within(low: float, high: float) -> FloatArray:
            return np.where((freqs >= low) & (freqs < high) & clean, 1.0, 0.0)

        fit = [within(*edges) for edges in pairwise(_FIT)]
        fit = [band / band.sum() for band in fit[: np.searchsorted(_FIT, top) - 1]]
        fast = within(*_FAST)
        filled = (_FAST[1] - _FAST[0]) / freqs[1] / max(fast.sum(), 1)
        own = within(limits.low_freq, limits.high_freq)
        columns = [own, *mains, filled * fast, *fit]
        weights = np.stack(columns, axis=1)
        self._unknown = ~np.any(weights, axis=0)
        used = np.any(weights, axis=1)
        self._waves = _waves(freqs[used] / sfreq, size)
        self._weights = np.tile(weights[used], (2, 1)).astype(np.float32)
        octaves = np.log([band @ freqs for band in fit])
        self._octaves = octaves - octaves.mean()

    def power(self, pieces: FloatArray) -> FloatArray:
        """Power of each piece in each band, of shape (..., n_bands)."""
        # Of so few frequencies, a product is as fast as a fast Fourier transform.
        parts = pieces.reshape(-1, pieces.shape[-1]) @ self._waves
        power = np.square(parts, out=parts) @ self._weights
        return power.reshape(*pieces.shape[:-1], self._weights.shape[1])

    def levels(
        self, power: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """RMS, share of the mains, RMS of fast activity and exponent; NaN if unknown.

        ``power`` is of shape (n_bands, ...).
        """
        power[self._unknown] = np.nan
        own, *mains, fast = power[:4]
        line = np.fmax(*mains)
        slope = np.tensordot(self._octaves, np.log(power[4:]), 1)
        exponent = -slope / (self._octaves @ self._octaves)
        return np.sqrt(own), line / (own + line), np.sqrt(fast), exponent


def _waves(cycles: FloatArray, size: int) -> FloatArray:
    """Cosines, then sines, of cycles per sample under a Hann window of unit power.

    The squares of their products with a signal add up to its variance.
    """
    taps = np.hanning(size + 1)[:-1, np.newaxis]
    angles = 2 * np.pi * np.arange(size)[:, np.newaxis] * cycles
    waves = np.hstack([np.cos(angles), np.sin(angles)]) * taps
    return np.asarray(waves * np.sqrt(2 / (size * np.sum(taps**2))), np.float32)


def _evenness(steps: FloatArray) -> FloatArray:
    """Robust SD of the steps of a piece over their SD."""
    return _median(_robust_sd(steps) / np.sqrt(np.square(steps).mean(axis=-1)))


def _robust_sd(differences: FloatArray) -> FloatArray:
    """Robust SD of differences from a centre."""
    return SD_OF_MAD * _median(np.abs(differences))


def _median(values: FloatArray, axis: int = -1) -> FloatArray:
    """Median along an axis; sorting a few values is faster than `numpy.median`."""
    ordered, n = np.sort(values, axis=axis), values.shape[axis]
    middle: FloatArray = ordered.take(n // 2, axis=axis)
    return middle if n % 2 else (middle + ordered.take(n // 2 - 1, axis=axis)) / 2
