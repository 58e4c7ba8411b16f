"""Spectra of epochs: frames in decibels, and power in frequency bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from sleepkit._typing import FloatArray
from sleepkit.signal._gaps import as_floats
from sleepkit.utils import check_count, check_positive

_FRAMES_AT_ONCE: Final = 256  # what an FFT call works on stays in the cache
_DB_PER_NEPER: Final = 10 / np.log(10)  # for power

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


def spectrum_freqs(
    sfreq: float, n_fft: int = 256, n_bins: int | None = None
) -> FloatArray:
    """List the frequencies of the bins of `epoch_spectra`.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    n_fft : int, default=256
        Length of the Fourier transform in samples.
    n_bins : int, default=None
        Number of bins, ``n_fft // 2`` without the one at 0 Hz (as None) or one more
        with it.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        Frequencies in hertz.

    Raises
    ------
    ValueError
        If the number of bins is neither.

    Examples
    --------
    >>> from sleepkit.signal import spectrum_freqs
    >>> spectrum_freqs(100)[[0, -1]].tolist()
    [0.390625, 50.0]
    """
    return np.asarray(fft.rfftfreq(n_fft, 1 / sfreq)[_first_bin(n_fft, n_bins) :])


def epoch_spectra(
    epochs: Any,
    sfreq: float,
    *,
    window: float = 2.0,
    hop: float = 1.0,
    n_fft: int = 256,
    n_bins: int | None = None,
    floor: float = 1e-3,
) -> FloatArray:
    """Compute the short-time spectrum of each epoch in decibels.

    Parameters
    ----------
    epochs : array-like, shape (n_epochs, ..., n_times)
        The samples in microvolts, such as from `to_epochs`. Rows shorter than a window
        are filled up with zeros.
    sfreq : float
        Sampling rate in hertz.
    window : float, default=2.0
        Length of a frame in seconds; a symmetric Hamming window is laid over it.
    hop : float, default=1.0
        Seconds from one frame to the next. Frames never cross the end of an epoch.
    n_fft : int, default=256
        Length of the Fourier transform in samples; frames are filled up with zeros.
    n_bins : int, default=None
        Number of bins, ``n_fft // 2`` without the one at 0 Hz (as None) or one more
        with it.
    floor : float, default=1e-3
        Smallest amplitude in microvolts; what is below it counts as that much.

    Returns
    -------
    ndarray, shape (n_epochs, ..., n_frames, n_bins)
        Amplitudes in decibels, float32 where the epochs are and else float64. Frames
        that hold NaN are NaN.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a frame is longer than the transform.

    Notes
    -----
    The value is ``20 * log10(max(|X|, floor))`` with ``X = 2 / sum(w) * FFT(w * x)``,
    so that a sine of 1 uV at the centre of a bin gives 0 dB. Epochs of 30 s at 100 Hz
    give the 29 frames of 128 or 129 bins of SeqSleepNet and the models after it; their
    constant factor is another one, which a standardisation takes away.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import epoch_spectra, to_epochs
    >>> times = np.arange(6000) / 100
    >>> spectra = epoch_spectra(to_epochs(np.sin(2 * np.pi * 12.5 * times), 100), 100)
    >>> spectra.shape
    (2, 29, 128)
    >>> int(spectra[0, 0].argmax())  # 12.5 Hz is bin 32, and bin 0 is left out
    31
    >>> bool(abs(spectra[0, 0].max()) < 0.01)
    True
    """
    owner = "epoch_spectra"
    first = _first_bin(n_fft, n_bins)
    n_window = _n_samples("window", window, sfreq, owner)
    step = _n_samples("hop", hop, sfreq, owner)
    power_floor = check_positive("floor", floor, owner=owner) ** 2
    if n_window > n_fft:
        msg = (
            f"{owner} needs n_fft of at least window * sfreq = {n_window}; "
            f"got n_fft={n_fft}, window={window:g}, sfreq={sfreq:g}."
        )
        raise ValueError(msg)
    taps = np.hamming(n_window)
    taps *= 2 / taps.sum()

    def decibels(frames: FloatArray) -> FloatArray:
        power = _frame_power(frames, taps, n_fft)[..., first:]
        np.maximum(power, power_floor, out=power)
        np.log(power, out=power)
        power *= _DB_PER_NEPER
        return power

    return _map_frames(decibels, _framed(epochs, n_window, step))


def band_powers(
    epochs: Any,
    sfreq: float,
    bands: Mapping[str, tuple[float, float]] = BANDS,
    *,
    window: float = 4.0,
    floor: float = 1e-3,
    bandwidth: float | None = None,
) -> FloatArray:
    """Compute the logarithm of the power of each epoch in frequency bands.

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
        Smallest power in microvolts squared; what is below it counts as that much.
    bandwidth : float, default=None
        Frequency in hertz above which the signal has no true content; None means
        ``sfreq / 2``.

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
    The power density is Welch's as in :func:`scipy.signal.welch` with its defaults: a
    Hann window, the mean taken off each segment.

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
    n_window = _n_samples("window", window, sfreq, owner)
    n_fft = fft.next_fast_len(n_window, real=True)
    freqs = fft.rfftfreq(n_fft, 1 / sfreq)
    check_positive("floor", floor, owner=owner)
    weights = np.stack([_in_band(freqs, name, band) for name, band in bands.items()])
    taps = np.hanning(n_window + 1)[:-1]
    # one-sided density times the distance of two bins
    weights = (2 * weights / (np.sum(taps**2) * n_fft)).T

    def powers(frames: FloatArray) -> FloatArray:
        frames = frames - frames.mean(axis=-1, keepdims=True)
        segments = _frame_power(frames, taps, n_fft) @ weights.astype(frames.dtype)
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(segments)
            n_known = known.sum(axis=-2, dtype=segments.dtype)
            mean = np.nansum(segments, axis=-2) / n_known
        return np.asarray(np.log10(np.maximum(mean, floor)))

    step = max(n_window // 2, 1)
    out = _map_frames(powers, _framed(epochs, n_window, step))
    limit = sfreq / 2 if bandwidth is None else bandwidth
    out[..., [high > limit for _, high in bands.values()]] = np.nan
    return out


def _first_bin(n_fft: int, n_bins: int | None) -> int:
    """Return 1 where the bin at 0 Hz is left out, else 0."""
    half = check_count("n_fft", n_fft, owner="epoch_spectra", minimum=2) // 2
    if n_bins in (None, half):
        return 1
    if n_bins == half + 1:
        return 0
    msg = (
        f"epoch_spectra needs n_bins to be n_fft // 2 = {half} (without 0 Hz) or "
        f"{half + 1}; got n_bins={n_bins}."
    )
    raise ValueError(msg)


def _n_samples(name: str, seconds: float, sfreq: float, owner: str) -> int:
    """Turn a duration into samples, at least one."""
    check_positive("sfreq", sfreq, owner=owner)
    return max(round(check_positive(name, seconds, owner=owner) * sfreq), 1)


def _in_band(freqs: FloatArray, name: str, band: tuple[float, float]) -> FloatArray:
    """Mark the frequencies of one band."""
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


def _framed(epochs: Any, n_window: int, step: int) -> FloatArray:
    """View epochs as overlapping frames, shape (n_epochs, ..., n_frames, n_window)."""
    epochs = as_floats(epochs)
    missing = n_window - epochs.shape[-1]
    if missing > 0:
        epochs = np.pad(epochs, [(0, 0)] * (epochs.ndim - 1) + [(0, missing)])
    return sliding_window_view(epochs, n_window, axis=-1)[..., ::step, :]


def _frame_power(frames: FloatArray, taps: FloatArray, n_fft: int) -> FloatArray:
    """Return the squared magnitude of the windowed transform."""
    spectra = fft.rfft(frames * taps.astype(frames.dtype), n_fft)
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def _map_frames(
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
