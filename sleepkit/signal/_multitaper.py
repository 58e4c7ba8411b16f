"""Multitaper power density of epochs."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy import fft
from scipy.signal import windows

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.signal._frames import frame_power, map_frames
from sleepkit.signal._gaps import as_floats
from sleepkit.utils import check_positive

_MIN_PRODUCT: Final = 2.0  # of bandwidth and duration, which gives one taper
_ROUNDING: Final = 1e-6  # 0.7 * 30 is below 21


def multitaper_density(
    epochs: Any,
    sfreq: float,
    *,
    low: float = 0.5,
    high: float = 25.0,
    bandwidth: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Power density of each epoch, by the multitaper method.

    Parameters
    ----------
    epochs : array-like, shape (n_epochs, ..., n_times)
        The samples in microvolts, such as from `to_epochs`.
    sfreq : float
        Sampling rate in hertz.
    low : float, default=0.5
        Lowest frequency in hertz.
    high : float, default=25.0
        Highest frequency in hertz.
    bandwidth : float, default=1.0
        Width in hertz over which each value is smoothed. Of an epoch of ``T`` seconds,
        ``bandwidth * T - 1`` tapers are averaged, 29 of 30 s; less than the rate.

    Returns
    -------
    freqs : ndarray of float64, shape (n_bins,)
        Frequencies in hertz, ``1 / T`` apart; half the sampling rate is left out.
    density : ndarray, shape (n_epochs, ..., n_bins)
        One-sided density in microvolts squared per hertz, float32 where the epochs are
        and else float64. Epochs that hold NaN are NaN.

    Raises
    ------
    ValueError
        If the frequencies are not ``0 < low < high <= sfreq / 2``, or the bandwidth
        is below two divided by the length of an epoch, or not below the rate.

    See Also
    --------
    epoch_spectra : Short-time spectra within each epoch.
    sleepkit.plotting.SpectrogramDisplay : Draws the density of a night.

    Notes
    -----
    The estimate is that of [1]_, with the tapers of Slepian and their settings for a
    night: the mean of the periodograms by each taper, all weighted alike, of windows of
    30 s. The mean of each epoch is subtracted. The time grows with the rate, so
    `resample` a night first where only low frequencies are of interest.

    References
    ----------
    .. [1] Prerau et al. (2017). Sleep neurophysiological dynamics through the lens of
       multitaper spectral analysis. Physiology 32.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import multitaper_density
    >>> epoch = 10 * np.sin(2 * np.pi * 12 * np.arange(3000) / 100)
    >>> freqs, density = multitaper_density(epoch[np.newaxis], 100)
    >>> density.shape
    (1, 736)
    >>> bool(abs(freqs[density[0].argmax()] - 12) <= 0.5)
    True
    >>> round(float(density.sum()) / 30)  # bins are 1 / 30 Hz wide: 10 ** 2 / 2
    50
    """
    owner = "multitaper_density"
    check_positive("sfreq", sfreq, owner=owner)
    check_positive("bandwidth", bandwidth, owner=owner)
    epochs = as_floats(epochs)
    n_times = epochs.shape[-1]
    product = bandwidth * n_times / sfreq
    if product < _MIN_PRODUCT or bandwidth >= sfreq:
        msg = (
            f"{owner} needs a bandwidth of at least {_MIN_PRODUCT:g} / "
            f"{n_times / sfreq:g} s, the length of an epoch, and below the rate of "
            f"{sfreq:g} Hz; got {bandwidth!r}."
        )
        raise ValueError(msg)
    freqs = fft.rfftfreq(n_times, 1 / sfreq)
    kept = _between(freqs, low, high, sfreq / 2)
    n_tapers = math.floor(product + _ROUNDING) - 1
    tapers = windows.dpss(n_times, product / 2, n_tapers)
    scale = 2 / sfreq / n_tapers

    def density(chunk: FloatArray) -> FloatArray:
        some = chunk[..., :1, :]  # each epoch stands there once for each taper
        some = some - some.mean(axis=-1, keepdims=True)
        power = frame_power(some, tapers, n_times)[..., kept]
        return np.asarray(power.sum(axis=-2) * scale)

    by_taper = (*epochs.shape[:-1], n_tapers, n_times)  # a few epochs at a time
    view = np.broadcast_to(epochs[..., np.newaxis, :], by_taper)
    return freqs[kept], map_frames(density, view)


def _between(freqs: FloatArray, low: float, high: float, nyquist: float) -> BoolArray:
    """Frequencies in a range, below half the rate, which has one side alone."""
    if not 0 < low < high <= nyquist:
        msg = (
            f"multitaper_density needs 0 < low < high <= sfreq / 2 = {nyquist:g} Hz; "
            f"got low={low!r}, high={high!r}."
        )
        raise ValueError(msg)
    return (freqs >= low) & (freqs <= high) & ~np.isclose(freqs, nyquist, atol=0)
