"""Polyphase resampling of whole recordings."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.signal._gaps import as_floats, bridge_gaps
from sleepkit.signal._polyphase import polyphase
from sleepkit.utils import check_positive

_MAX_TERM: Final = 10_000
_MAX_DRIFT: Final = 1e-7  # 3 ms in a night of 8 h


def resampling_ratio(sfreq: float, new_sfreq: float) -> Fraction:
    """Fraction ``new_sfreq / sfreq`` in lowest terms of at most 10,000.

    A ratio that no such fraction meets within 1e-7, which is 3 ms in 8 h, is an error.
    """
    sfreq = check_positive("sfreq", sfreq, owner="resample")
    new_sfreq = check_positive("new_sfreq", new_sfreq, owner="resample")
    exact = new_sfreq / sfreq
    # the bound holds for the larger term, so approximate the ratio that is below one
    if exact <= 1:
        ratio = Fraction(exact).limit_denominator(_MAX_TERM)
    else:
        inverse = Fraction(1 / exact).limit_denominator(_MAX_TERM)
        ratio = 1 / inverse if inverse else Fraction(0)
    if abs(float(ratio) / exact - 1) > _MAX_DRIFT:
        msg = (
            f"resample needs new_sfreq / sfreq to be a fraction of whole numbers up to "
            f"{_MAX_TERM}; got new_sfreq={new_sfreq!r}, sfreq={sfreq!r}."
        )
        raise ValueError(msg)
    return ratio


def resample(x: Any, sfreq: float, new_sfreq: float) -> FloatArray:
    """Resample along the last axis with a polyphase filter.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        The signal. NaN and infinite samples are gaps.
    sfreq, new_sfreq : float
        The current and the new sampling rate in hertz.

    Returns
    -------
    ndarray, shape (..., n_new_times)
        The signal at the new rate, ``round(n_times * new_sfreq / sfreq)`` samples long
        but at least one. It is float32 where `x` is float32 and else float64; a sample
        is NaN where the nearest one of `x` is missing.

    Raises
    ------
    ValueError
        If `x` has no samples, or the ratio of the rates is no fraction of whole numbers
        up to 10,000 (within 1e-7, which is 3 ms in 8 h).

    Notes
    -----
    The low-pass and the mirrored ends are those of :func:`mne.filter.resample` with
    ``method="polyphase"``, and so is the result wherever the new length is exact. Both
    ends of a signal are uncertain for about ten samples of the lower rate, so resample
    whole recordings, never single epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import resample
    >>> resample(np.zeros((2, 1250)), 125, 100).shape
    (2, 1000)
    """
    x = as_floats(x)
    if x.ndim == 0 or x.shape[-1] == 0:
        msg = f"resample needs at least one sample; got shape {x.shape}."
        raise ValueError(msg)
    ratio = resampling_ratio(sfreq, new_sfreq)
    if ratio == 1:
        return np.array(x)
    x, gaps = bridge_gaps(x)
    up, down = ratio.numerator, ratio.denominator
    n_new = max(round(x.shape[-1] * ratio), 1)
    out = polyphase(x, up, down)[..., :n_new]
    if gaps is not None:
        nearest = np.rint(np.arange(n_new) * (down / up)).astype(np.intp)
        out[gaps[..., np.minimum(nearest, x.shape[-1] - 1)]] = np.nan
    return np.asarray(out)
