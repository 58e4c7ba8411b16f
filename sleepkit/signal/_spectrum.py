"""Short-time spectra of epochs in decibels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy import fft

from sleepkit._typing import FloatArray
from sleepkit.signal._frames import frame_power, framed, map_frames, n_samples
from sleepkit.utils import check_count, check_positive

_DB_PER_NEPER: Final = 10 / np.log(10)  # for power


def spectrum_freqs(
    sfreq: float, n_fft: int = 256, n_bins: int | None = None
) -> FloatArray:
    """Compute the frequencies of the bins of `epoch_spectra`.

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
    """Short-time amplitude spectrum of each epoch in decibels.

    Parameters
    ----------
    epochs : array-like, shape (n_epochs, ..., n_times)
        The samples in microvolts, such as from `to_epochs`. Rows shorter than a window
        are filled up with zeros.
    sfreq : float
        Sampling rate in hertz.
    window : float, default=2.0
        Length of a frame in seconds, weighted by a symmetric Hamming window.
    hop : float, default=1.0
        Seconds from one frame to the next. Frames never cross the end of an epoch.
    n_fft : int, default=256
        Length of the Fourier transform in samples; frames are filled up with zeros.
    n_bins : int, default=None
        Number of bins, ``n_fft // 2`` without the one at 0 Hz (as None) or one more
        with it.
    floor : float, default=1e-3
        Smallest amplitude in microvolts; smaller values are clipped to it.

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
    spectra differ by a constant factor, which standardisation removes.

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
    n_window = n_samples("window", window, sfreq, owner)
    step = n_samples("hop", hop, sfreq, owner)
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
        power = frame_power(frames, taps, n_fft)[..., first:]
        np.maximum(power, power_floor, out=power)
        np.log(power, out=power)
        power *= _DB_PER_NEPER
        return power

    return map_frames(decibels, framed(epochs, n_window, step))


def _first_bin(n_fft: int, n_bins: int | None) -> int:
    """Index of the first bin: 1 where the bin at 0 Hz is left out, else 0."""
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
