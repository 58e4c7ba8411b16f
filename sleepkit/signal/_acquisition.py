"""What lies between the body and the file: gain, tilt, band limits, noise, mains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import fft

from sleepkit._typing import FloatArray
from sleepkit.signal._filter import filter_signal
from sleepkit.signal._gaps import as_floats
from sleepkit.utils import check_positive

_PIVOT: Final = 4.0  # hertz, the middle octave of the 0.5 to 35 Hz of sleep
_FLAT_BELOW: Final = 0.5  # hertz, where a tilt ends
_NEPERS: Final = math.log(10) / 20  # in a decibel of amplitude
_LOWEST: Final = 0.01  # hertz, taken for 0, where a high-pass is minus infinity dB
_HIGHPASS_ORDER: Final = 1
_LOWPASS_ORDER: Final = 4
_REACH: Final = 8.0  # seconds on either side: resolves the high-pass of an amplifier
_PIECE: Final = 2.0  # seconds, in which the level of a signal is measured
_LEVEL_FROM: Final = 1.0  # hertz, so that drifts do not count


@dataclass(frozen=True)
class Acquisition:
    """How one channel is acquired: gain, tilt, band limits, noise and mains.

    Parameters
    ----------
    gain : float, default=0.0
        Decibels that are added at all frequencies.
    tilt : float, default=0.0
        Decibels per octave that are added above 4 Hz and subtracted below, down to
        0.5 Hz.
    highpass, lowpass : float, default=None
        Frequencies in hertz at which an amplifier's filters have lost 3 dB: a
        high-pass of order 1, a time constant, and a low-pass of order 4. None leaves a
        filter out.
    snr : float, default=None
        Power of the signal over that of the added noise, in decibels; None adds no
        noise. The powers are those from 1 Hz to half the sampling rate, the signal's
        after gain, tilt and filters, as the median over two-second pieces (over frames
        of spectra) that are not flat. So a flat channel stays flat.
    noise_tilt : float, default=0.0
        Decibels per octave of the noise above 0.5 Hz: 0 is white noise, -3 is 1/f.
    mains : float, default=None
        Power of the signal over that of the added mains line, in decibels; None adds
        none. Spectra get none, nor do signals of too low a rate.
    mains_freq : float, default=50.0
        Frequency of the mains line in hertz.
    flipped : bool, default=False
        Whether the polarity is reversed; spectra have none.
    seed : int, default=0
        Seed of the noise and of the phase of the mains line.

    Raises
    ------
    ValueError
        If a frequency is not positive, or a number is not finite.

    See Also
    --------
    acquire_signal : Applies it to samples.
    acquire_spectra : Applies it to spectra.

    Examples
    --------
    >>> from sleepkit.signal import Acquisition
    >>> Acquisition(gain=6.0, tilt=-1.0).response([1.0, 4.0, 16.0])
    array([8., 6., 4.])
    >>> Acquisition(lowpass=30.0).response([1.0, 30.0, 60.0]).round(1)
    array([ -0. ,  -3. , -24.1])
    """

    gain: float = 0.0
    tilt: float = 0.0
    highpass: float | None = None
    lowpass: float | None = None
    snr: float | None = None
    noise_tilt: float = 0.0
    mains: float | None = None
    mains_freq: float = 50.0
    flipped: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse filters without a frequency, and decibels that are no number."""
        for name in ("highpass", "lowpass", "mains_freq"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name), owner="Acquisition")
        for name in ("gain", "tilt", "snr", "noise_tilt", "mains"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                msg = (
                    f"The {name!r} parameter of Acquisition must be a finite number. "
                    f"Got {value!r} instead."
                )
                raise ValueError(msg)

    def response(self, freqs: Any) -> FloatArray:
        """Compute the frequency response.

        Parameters
        ----------
        freqs : array-like of float
            Frequencies in hertz.

        Returns
        -------
        ndarray of float64, shape of `freqs`
            Decibels that are added at each.
        """
        freqs = np.maximum(np.asarray(freqs, np.float64), _LOWEST)
        decibels = self.gain + _tilted(freqs, self.tilt)
        if self.highpass is not None:
            decibels -= _loss((self.highpass / freqs) ** (2 * _HIGHPASS_ORDER))
        if self.lowpass is not None:
            decibels -= _loss((freqs / self.lowpass) ** (2 * _LOWPASS_ORDER))
        return np.asarray(decibels)


def acquire_signal(x: Any, sfreq: float, acquisition: Acquisition) -> FloatArray:
    """Acquire the samples of a channel.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        The samples, such as microvolts. NaN and infinite samples are gaps.
    sfreq : float
        Sampling rate in hertz.
    acquisition : Acquisition
        What is added; all of its filters are without delay.

    Returns
    -------
    ndarray, shape (n_times,)
        The samples, float32 where `x` is float32 and else float64, with NaN in the
        gaps.

    Raises
    ------
    ValueError
        If `x` is not flat, or empty.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import Acquisition, acquire_signal
    >>> x = np.random.default_rng(0).normal(0, 20, 6000)
    >>> louder = acquire_signal(x, 100, Acquisition(gain=6.0, snr=20.0))
    >>> float(np.round(louder.std() / x.std(), 1))
    2.0
    """
    x = as_floats(x)
    if x.ndim != 1:
        msg = f"acquire_signal needs one channel, shape (n_times,); got {x.shape}."
        raise ValueError(msg)
    freqs = fft.rfftfreq(_n_taps(sfreq), 1 / sfreq)
    acquired = filter_signal(x, _taps(acquisition.response(freqs)))
    if acquisition.flipped:
        acquired *= -1
    power, rng = _power(acquired, sfreq), np.random.default_rng(acquisition.seed)
    phase = rng.random()
    if acquisition.mains is not None and acquisition.mains_freq < sfreq / 2:
        amplitude = np.sqrt(2 * power) * _amplitude(-acquisition.mains)
        cycles = np.arange(x.size) * (acquisition.mains_freq / sfreq) + phase
        acquired += (amplitude * np.sin(2 * np.pi * cycles)).astype(x.dtype)
    if acquisition.snr is not None and power:
        noise = 10 * np.log10(_noise_power(freqs, acquisition) * len(freqs))
        white = rng.standard_normal(x.size, dtype=np.float32)
        acquired += filter_signal(white, np.sqrt(power) * _taps(noise))
    return acquired


def acquire_spectra(spectra: Any, freqs: Any, acquisition: Acquisition) -> FloatArray:
    """Acquire the short-time spectra of a channel.

    Parameters
    ----------
    spectra : array-like, shape (..., n_bins)
        Frames in decibels, such as from `epoch_spectra`. NaN is missing.
    freqs : array-like of float, shape (n_bins,)
        Frequencies of the bins in hertz.
    acquisition : Acquisition
        What is added; `mains` and `flipped` do not count.

    Returns
    -------
    ndarray, shape (..., n_bins)
        The spectra, float32 where `spectra` are and else float64, with NaN where they
        have it.

    Notes
    -----
    Noise is added to the amplitude of each bin with a phase and a size that are random,
    as those of Gaussian noise are; the bins are taken to be independent.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import Acquisition, acquire_spectra
    >>> acquire_spectra([[0.0, 0.0, np.nan]], [1, 4, 16], Acquisition(tilt=1.5))
    array([[-3.,  0., nan]])
    """
    spectra, freqs = as_floats(spectra), np.asarray(freqs, np.float64)
    acquired = spectra + acquisition.response(freqs).astype(spectra.dtype)
    if acquisition.snr is None:
        return np.asarray(acquired)
    amplitudes = np.exp(acquired * _NEPERS)
    power = _frame_power(amplitudes, freqs)
    if not power:
        return np.asarray(acquired)
    sd = np.sqrt(_noise_power(freqs, acquisition) * (power / 2)).astype(np.float32)
    # Noise is complex: along the signal's phase, and across it.
    rng = np.random.default_rng(acquisition.seed)
    total = np.square(sd * rng.standard_normal(spectra.shape, dtype=np.float32))
    amplitudes += sd * rng.standard_normal(spectra.shape, dtype=np.float32)
    total = total + np.square(amplitudes, out=amplitudes)
    return np.asarray(np.log(total, out=total) / (2 * _NEPERS))


def _tilted(freqs: FloatArray, tilt: float) -> FloatArray:
    """Decibels of a tilt about the pivot."""
    return np.asarray(tilt * np.log2(np.maximum(freqs, _FLAT_BELOW) / _PIVOT))


def _loss(ratio: FloatArray) -> FloatArray:
    """Decibels that a Butterworth filter takes, by its power of relative frequency."""
    return np.asarray(10 * np.log10(1 + ratio))


def _amplitude(decibels: float) -> float:
    """Factor of the amplitude."""
    return float(10 ** (decibels / 20))


def _n_taps(sfreq: float) -> int:
    """Count the taps, an odd number, of a filter at this rate."""
    return 2 * round(_REACH * sfreq) + 1


def _taps(decibels: FloatArray) -> FloatArray:
    """Design a zero-phase filter with this response from 0 Hz to the highest bin."""
    n_taps = 2 * len(decibels) - 1
    impulse = fft.irfft(10 ** (decibels / 20), n_taps)
    return np.asarray(fft.fftshift(impulse) * np.hanning(n_taps + 2)[1:-1])


def _noise_power(freqs: FloatArray, acquisition: Acquisition) -> FloatArray:
    """Power of the noise in each bin, for a signal whose bins sum up to one."""
    noise = 10 ** (_tilted(freqs, acquisition.noise_tilt) / 10)
    counted = noise[freqs >= _LEVEL_FROM].sum()
    return np.asarray(noise * 10 ** (-(acquisition.snr or 0) / 10) / counted)


def _power(x: FloatArray, sfreq: float) -> float:
    """Median power of the pieces of a signal without gaps; 0 if there is none."""
    length = max(1, min(round(_PIECE * sfreq), x.size))
    pieces = x[: x.size // length * length].reshape(-1, length)
    pieces = pieces[np.isfinite(pieces).all(axis=1)]
    window = np.hamming(length)
    window *= np.sqrt(2 / length) / np.linalg.norm(window)
    amplitudes = np.abs(fft.rfft(pieces * window))
    return _frame_power(amplitudes, fft.rfftfreq(length, 1 / sfreq))


def _frame_power(amplitudes: FloatArray, freqs: FloatArray) -> float:
    """Median over frames of the power of their bins; 0 if all are empty or missing."""
    power = np.square(amplitudes[..., freqs >= _LEVEL_FROM])
    frames = np.nansum(power, axis=-1)
    known = frames[frames > 0]
    return float(np.median(known)) if known.size else 0.0
