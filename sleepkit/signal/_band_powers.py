"""Power of epochs in frequency bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from scipy import fft

from sleepkit._typing import FloatArray
from sleepkit.signal._frames import frame_power, framed, map_frames, n_samples
from sleepkit.utils import check_option, check_positive

# hertz; AASM's rhythms, with slow waves and the muscle's band apart
BANDS: Final[Mapping[str, tuple[float, float]]] = {
    "slow": (0.5, 1.0),
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
    "gamma": (30.0, 45.0),
}


_AVERAGES: Final = ("mean", "median")
_TAPERS: Final = {"hann": np.hanning, "hamming": np.hamming}


def band_powers(
    epochs: Any,
    sfreq: float,
    bands: Mapping[str, tuple[float, float]] = BANDS,
    *,
    window: float = 4.0,
    floor: float = 1e-3,
    bandwidth: float | None = None,
    average: str = "mean",
    taper: str = "hann",
) -> FloatArray:
    """Logarithmic power of each epoch in frequency bands.

    Parameters
    ----------
    epochs : array-like, shape (n_epochs, ..., n_times)
        The samples in microvolts. Rows shorter than a window are filled up with zeros.
    sfreq : float
        Sampling rate in hertz.
    bands : mapping of str to (low, high), default=BANDS
        The bands in hertz; low belongs to the band, high does not.
    window : float, default=4.0
        Length of Welch's segments in seconds; they overlap by half.
    floor : float, default=1e-3
        Smallest power in microvolts squared; smaller values are clipped to it.
    bandwidth : float, default=None
        Frequency in hertz above which the signal has no true content; None means
        ``sfreq / 2``.
    average : {"mean", "median"}, default="mean"
        Average of the segments. The median resists artefacts; as in scipy, it is
        divided by what it is for noise of mean 1, about 0.7.
    taper : {"hann", "hamming"}, default="hann"
        Window of a segment.

    Returns
    -------
    ndarray, shape (n_epochs, ..., n_bands)
        ``log10`` of the power in microvolts squared. It is NaN for a band that reaches
        above the bandwidth, and for an epoch without a segment free of NaN; other
        segments with NaN are left out.

    Raises
    ------
    ValueError
        If a band is not ``0 <= low < high`` or narrower than the resolution
        ``1 / window``, or another parameter is not positive.

    Notes
    -----
    The power density is Welch's as in :func:`scipy.signal.welch`, by default with its
    defaults: a Hann window, with the mean of each segment subtracted.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import band_powers
    >>> epoch = 10 * np.sin(2 * np.pi * 10 * np.arange(3000) / 100)
    >>> bands = {"alpha": (8, 12), "beta": (16, 30)}
    >>> band_powers(epoch[np.newaxis], 100, bands).round(2)  # log10 of 50 and the floor
    array([[ 1.7, -3. ]])
    """
    owner = "band_powers"
    n_window = n_samples("window", window, sfreq, owner)
    check_positive("floor", floor, owner=owner)
    check_option("average", average, _AVERAGES, owner=owner)
    check_option("taper", taper, _TAPERS, owner=owner)
    taps, n_fft, weights = band_weights(sfreq, bands, n_window, taper)

    def powers(frames: FloatArray) -> FloatArray:
        frames = frames - frames.mean(axis=-1, keepdims=True)
        spectra = frame_power(frames, taps, n_fft)
        if average == "median":
            spectra = _nan_median(spectra)
        segments = spectra @ weights.astype(frames.dtype)
        return np.asarray(np.log10(np.maximum(_nan_mean(segments), floor)))

    step = max(n_window // 2, 1)
    out = map_frames(powers, framed(epochs, n_window, step))
    limit = sfreq / 2 if bandwidth is None else bandwidth
    out[..., [high > limit for _, high in bands.values()]] = np.nan
    return out


def band_weights(
    sfreq: float, bands: Mapping[str, tuple[float, float]], n_window: int, taper: str
) -> tuple[FloatArray, int, FloatArray]:
    """Window of a segment, length of its transform, and weights (n_bins, n_bands)."""
    n_fft = fft.next_fast_len(n_window, real=True)
    freqs = fft.rfftfreq(n_fft, 1 / sfreq)
    inside = np.stack([_in_band(freqs, name, band) for name, band in bands.items()])
    taps = _TAPERS[taper](n_window + 1)[:-1]
    # one-sided density times the distance of two bins
    return taps, n_fft, (2 * inside / (np.sum(taps**2) * n_fft)).T


def _nan_mean(segments: FloatArray) -> FloatArray:
    """Mean over the segments that are known; NaN where none is."""
    with np.errstate(invalid="ignore"):
        n_known = (~np.isnan(segments)).sum(axis=-2, dtype=segments.dtype)
        return np.asarray(np.nansum(segments, axis=-2) / n_known)


def _nan_median(spectra: FloatArray) -> FloatArray:
    """Median over segments, unbiased for noise, where some may be NaN."""
    n_known = np.count_nonzero(~np.isnan(spectra), axis=-2, keepdims=True)
    n_last = spectra.shape[-2] - 1
    bias = median_bias(n_last + 1)
    ordered = np.sort(spectra, axis=-2)  # NaN last; five times as fast as nanmedian
    middles = (np.maximum(n_known - 1, 0) // 2, np.minimum(n_known // 2, n_last))
    low, high = (np.take_along_axis(ordered, at, axis=-2) for at in middles)
    divisor = bias[np.maximum(n_known - 1, 0) // 2].astype(spectra.dtype)
    return np.asarray((low + high) / 2 / divisor)


def median_bias(n_segments: int) -> FloatArray:
    """Median of noise of mean 1, of 1, 3, 5 ... segments, up to so many."""
    even = 2.0 * np.arange(1, (n_segments - 1) // 2 + 1)
    # Allen et al. 2012, FINDCHIRP, appendix B
    return np.concatenate([[1.0], 1 + np.cumsum(1 / (even + 1) - 1 / even)])


def _in_band(freqs: FloatArray, name: str, band: tuple[float, float]) -> FloatArray:
    """Return 1 for the frequencies inside one band, else 0."""
    low, high = band
    inside = (freqs >= low) & (freqs < high)
    if not 0 <= low < high:
        msg = f"band_powers needs 0 <= low < high; got {name}=({low:g}, {high:g})."
        raise ValueError(msg)
    if not inside.any() and high <= freqs[-1]:
        msg = (
            f"band_powers needs bands wider than 1 / window = {freqs[1]:g} Hz; "
            f"got {name}=({low:g}, {high:g})."
        )
        raise ValueError(msg)
    return inside.astype(np.float64)
