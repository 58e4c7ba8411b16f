"""Design of zero-phase FIR band-pass filters."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy  # its submodules are imported when they are used

from sleepkit._typing import FloatArray
from sleepkit.utils import check_count, check_positive

_HAMMING_LENGTH: Final = 3.3  # taps = 3.3 * sfreq / transition width, for 53 dB
_MIN_TRANSITION: Final = 2.0  # hertz, unless the edge itself leaves less room


def check_band(
    low: float | None, high: float | None, *, owner: str
) -> tuple[float | None, float | None]:
    """Require the edges of a pass band, in hertz, to be positive and in order."""
    low = None if low is None else check_positive("low", low, owner=owner)
    high = None if high is None else check_positive("high", high, owner=owner)
    if low is not None and high is not None and low >= high:
        msg = f"{owner} needs 0 < low < high; got low={low:g}, high={high:g}."
        raise ValueError(msg)
    return low, high


def effective_band(
    sfreq: float, low: float | None, high: float | None, *, owner: str
) -> tuple[float | None, float | None]:
    """Drop a high edge at or above the Nyquist frequency; refuse such a low edge."""
    nyquist = check_positive("sfreq", sfreq, owner=owner) / 2
    low, high = check_band(low, high, owner=owner)
    if low is not None and low >= nyquist:
        msg = (
            f"{owner} needs low < sfreq / 2 = {nyquist:g} Hz, or nothing would be "
            f"left; got low={low:g}, sfreq={sfreq:g}."
        )
        raise ValueError(msg)
    return low, None if high is not None and high >= nyquist else high


def design_bandpass(
    sfreq: float,
    low: float | None = None,
    high: float | None = None,
    *,
    fir_order: int | None = None,
) -> FloatArray:
    """Design a zero-phase band-pass, high-pass or low-pass.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    low : float, default=None
        Lower edge of the pass band in hertz; None leaves the high-pass out.
    high : float, default=None
        Upper edge of the pass band in hertz. None, or an edge at or above
        ``sfreq / 2``, leaves the low-pass out.
    fir_order : int, default=None
        None makes the filter as long as its edges require. An even number makes a
        filter of ``fir_order + 1`` taps and runs it forward and backward; a short one
        has wide edges.

    Returns
    -------
    ndarray of float64, shape (n_taps,)
        An odd number of symmetric taps for `filter_signal`.

    Raises
    ------
    ValueError
        If the edges are out of order or above ``sfreq / 2``, or the order is odd.

    Notes
    -----
    Without `fir_order` the design is that of :func:`mne.filter.create_filter`: windowed
    sincs with a Hamming window, transitions ``min(max(0.25 * low, 2), low)`` and
    ``min(max(0.25 * high, 2), sfreq / 2 - high)`` hertz wide that lie outside the pass
    band. With it, it is MATLAB's ``filtfilt(fir1(order, ...), 1, x)``, which the sleep
    staging papers use with order 100.

    Examples
    --------
    >>> from sleepkit.signal import design_bandpass
    >>> design_bandpass(100, 0.3, 40).shape  # 3.3 / 0.3 Hz = 11 s
    (1101,)
    >>> design_bandpass(100, 0.3, 40, fir_order=100).shape
    (201,)
    """
    low, high = effective_band(sfreq, low, high, owner="design_bandpass")
    if fir_order is not None:
        return _forward_backward(sfreq, low, high, fir_order)
    switches = []
    if high is not None:
        width = min(max(0.25 * high, _MIN_TRANSITION), sfreq / 2 - high)
        switches.append((high + width / 2, width))
    if low is not None:
        width = min(max(0.25 * low, _MIN_TRANSITION), low)
        switches.append((low - width / 2, width))
    return switching_filter(sfreq, switches, passes_top=high is None)


def _forward_backward(
    sfreq: float, low: float | None, high: float | None, order: int
) -> FloatArray:
    """Design a short filter, and convolve it with its mirror image."""
    if check_count("fir_order", order, owner="design_bandpass", minimum=2) % 2:
        msg = f"design_bandpass needs an even fir_order; got fir_order={order}."
        raise ValueError(msg)
    edges = [edge for edge in (low, high) if edge is not None]
    if not edges:
        return np.ones(1)
    once = scipy.signal.firwin(order + 1, edges, fs=sfreq, pass_zero=low is None)
    return np.convolve(once, once[::-1])


def switching_filter(
    sfreq: float, switches: list[tuple[float, float]], *, passes_top: bool
) -> FloatArray:
    """Sum low-passes that switch between stop and pass band, from the top down.

    Each switch is a (cutoff, width) in hertz.
    """
    parts = [_lowpass(sfreq, cutoff, width) for cutoff, width in switches]
    taps = np.zeros(max((part.size for part in parts), default=1))
    if passes_top:
        taps[taps.size // 2] = 1
    sign = -1 if passes_top else 1
    for part in parts:
        margin = (taps.size - part.size) // 2
        taps[margin : taps.size - margin] += sign * part
        sign = -sign
    return taps


def _lowpass(sfreq: float, cutoff: float, width: float) -> FloatArray:
    """Design a Hamming-windowed low-pass with a transition of this width."""
    n_taps = round(_HAMMING_LENGTH * sfreq / width)
    return np.asarray(scipy.signal.firwin(n_taps + 1 - n_taps % 2, cutoff, fs=sfreq))
