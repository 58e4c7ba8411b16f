"""Removal of parts of an epoch without edges: a band, or a second."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._typing import FloatArray

_FLANK: Final = 0.25  # seconds over which a second fades
_EDGE: Final = 0.5  # seconds at the ends of an epoch over which a band fades
_MARGIN: Final = 10.0  # seconds around an epoch that a filter needs
_TRANSITION: Final = 0.25  # hertz beside the edges of a band


def remove_band(
    x: FloatArray, sfreq: float, start: int, stop: int, band: tuple[float, float]
) -> FloatArray:
    """Subtract a band, filtered with zero phase, between two samples.

    `x` has the shape (n_channels, n_times). The filter is applied in the frequency
    domain, with flanks of half a hertz; what it finds fades in and out over half a
    second inside of the stretch.
    """
    margin = min(round(_MARGIN * sfreq), stop - start - 1)
    first, last = max(start - margin, 0), min(stop + margin, x.shape[1])
    part = _without_gaps(x[:, first:last])
    part -= part.mean(axis=1, keepdims=True)
    beyond = margin - (start - first), margin - (last - stop)  # the ends of the night
    part = np.pad(part, [(0, 0), beyond], "reflect")
    part *= _fade_in_and_out(part.shape[1], margin)
    gain = _gain(np.fft.rfftfreq(part.shape[1], 1 / sfreq), band)
    found = np.fft.irfft(gain * np.fft.rfft(part), part.shape[1])
    found = found[:, margin : margin + stop - start]
    window = _fade_in_and_out(stop - start, round(_EDGE * sfreq))
    changed = x.copy()
    changed[:, start:stop] -= (window * found).astype(x.dtype)
    return changed


def fade_out(
    x: FloatArray, sfreq: float, start: int, stop: int, *, within: tuple[int, int]
) -> FloatArray:
    """Replace a short stretch by the straight line between its surroundings.

    `x` has the shape (n_channels, n_times). The signal fades into the line and out of
    it over a quarter of a second on either side, so that there are no edges; inside of
    the stretch where it meets the samples that `within` ends at.
    """
    flank = max(1, round(_FLANK * sfreq))
    first, last = max(start - flank, within[0]), min(stop + flank, within[1])
    before, after = (
        _mean(side) for side in (x[:, first : first + flank], x[:, last - flank : last])
    )
    line = np.linspace(before, after, last - first, axis=1)
    window = _fade_in_and_out(last - first, flank)
    changed = x.copy()
    faded = x[:, first:last] * (1 - window) + line * window
    changed[:, first:last] = faded.astype(x.dtype)
    return changed


def _gain(freqs: FloatArray, band: tuple[float, float]) -> FloatArray:
    """Gain of a filter with raised-cosine flanks at each frequency."""
    low, high = band
    below = high - freqs
    inside = np.minimum(freqs - low, below) if low else below  # from 0: no low flank
    inside = inside / (2 * _TRANSITION)
    gain: FloatArray = np.sin(np.pi / 2 * np.clip(inside + 0.5, 0, 1)) ** 2
    return gain


def _without_gaps(x: FloatArray) -> FloatArray:
    """Missing samples on the line between their neighbours, so that nothing rings."""
    filled, times = np.zeros(x.shape), np.arange(x.shape[1])
    for values, channel in zip(x, filled, strict=True):
        known = np.isfinite(values)
        if known.any():
            channel[:] = np.interp(times, times[known], values[known])
    return filled


def _mean(x: FloatArray) -> FloatArray:
    """Mean of the known samples of each channel; 0 where there are none."""
    known = np.isfinite(x)
    total = np.where(known, x, 0).sum(axis=1, dtype=np.float64)
    mean: FloatArray = total / np.maximum(known.sum(axis=1), 1)
    return mean


def _fade_in_and_out(n_times: int, n_flank: int) -> FloatArray:
    """Window that is 1 but for raised-cosine flanks."""
    n_flank = max(min(n_flank, n_times // 2), 1)
    distance = np.minimum(np.arange(n_times), np.arange(n_times)[::-1]) + 0.5
    window: FloatArray = np.sin(np.pi / 2 * np.clip(distance / n_flank, 0, 1)) ** 2
    return window
