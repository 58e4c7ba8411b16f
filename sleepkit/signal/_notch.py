"""Design of zero-phase FIR notch filters for the power line."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.signal._design import switching_filter

_TRANSITION: Final = 0.5  # hertz, on either side of the notch
_RELATIVE_WIDTH: Final = 1 / 200


def line_harmonics(sfreq: float, freq: float) -> tuple[float, ...]:
    """List a frequency and its multiples that a notch filter can reach.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    freq : float
        Frequency of the power line in hertz, 50 or 60.

    Returns
    -------
    tuple of float
        The multiples of `freq` whose notches lie below ``sfreq / 2``.

    Examples
    --------
    >>> from sleepkit.signal import line_harmonics
    >>> line_harmonics(256, 50)
    (50.0, 100.0)
    >>> line_harmonics(100, 50)
    ()
    """
    multiples = freq * np.arange(1, int(sfreq / 2 / freq) + 1)
    reach = _half_width(multiples) + _TRANSITION
    return tuple(float(each) for each in multiples[multiples + reach < sfreq / 2])


def design_notch(sfreq: float, freqs: Any) -> FloatArray:
    """Design a zero-phase filter that removes narrow bands.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    freqs : sequence of float
        Centres of the notches in hertz, such as from `line_harmonics`.

    Returns
    -------
    ndarray of float64, shape (n_taps,)
        An odd number of symmetric taps for `filter_signal`.

    Raises
    ------
    ValueError
        If a notch touches zero, ``sfreq / 2`` or another notch.

    Notes
    -----
    The design of :func:`mne.filter.notch_filter`: each notch is ``freq / 200`` hertz
    wide, and its transitions 0.5 Hz.

    Examples
    --------
    >>> from sleepkit.signal import design_notch
    >>> design_notch(100, [40]).shape  # 3.3 / 0.5 Hz = 6.6 s
    (661,)
    """
    freqs = np.sort(np.asarray(freqs, np.float64))
    inner = _half_width(freqs)
    lows, highs = (freqs + sign * (inner + _TRANSITION) for sign in (-1, 1))
    edges = np.stack([lows, highs], axis=1).ravel()
    if np.any(np.diff(edges) <= 0) or edges[0] <= 0 or edges[-1] >= sfreq / 2:
        msg = (
            "design_notch needs notches apart from each other, from 0 and from "
            f"sfreq / 2 = {sfreq / 2:g} Hz; got freqs={freqs.tolist()}."
        )
        raise ValueError(msg)
    cutoffs = edges + np.tile([0.5, -0.5], freqs.size) * _TRANSITION
    switches = [(float(cutoff), _TRANSITION) for cutoff in cutoffs[::-1]]
    return switching_filter(sfreq, switches, passes_top=True)


def _half_width(freqs: FloatArray) -> FloatArray:
    """Return half the width of the stop band at each frequency."""
    return freqs * (_RELATIVE_WIDTH / 2)
