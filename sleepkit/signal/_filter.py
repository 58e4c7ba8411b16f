"""Zero-phase FIR filtering of whole recordings."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from sleepkit._typing import FloatArray
from sleepkit.signal._gaps import as_floats, bridge_gaps

_BLOCKS_AT_ONCE: Final = 16  # one FFT call over several blocks uses vector units
_MIN_FFT: Final = 4096


def filter_signal(x: Any, taps: FloatArray) -> FloatArray:
    """Filter a signal along the last axis, without delay.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        The signal. NaN and infinite samples are gaps.
    taps : ndarray, shape (n_taps,)
        An odd number of symmetric taps.

    Returns
    -------
    ndarray, shape (..., n_times)
        The filtered signal, float32 where `x` is float32 and else float64, with NaN in
        the gaps.

    Raises
    ------
    ValueError
        If `x` has no samples.

    Notes
    -----
    The ends are extended by odd reflection, as MNE and ``scipy.signal.filtfilt`` do;
    beyond the reflection of a signal shorter than half the filter lie zeros. Gaps are
    interpolated linearly first, so that a gap does not spread over the seconds around
    it; samples within half a filter length of a gap are estimates.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import design_bandpass, filter_signal
    >>> times = np.arange(3000) / 100
    >>> slow, fast = np.sin(2 * np.pi * 2 * times), np.sin(2 * np.pi * 40 * times)
    >>> smooth = filter_signal(slow + fast, design_bandpass(100, None, 20))
    >>> bool(np.abs(smooth - slow)[100:-100].max() < 0.01)
    True
    """
    x = as_floats(x)
    if x.ndim == 0 or x.shape[-1] == 0:
        msg = f"filter_signal needs at least one sample; got shape {x.shape}."
        raise ValueError(msg)
    x, gaps = bridge_gaps(x)
    out = np.empty(x.shape, x.dtype)
    n_times = x.shape[-1]
    for row, target in zip(
        x.reshape(-1, n_times), out.reshape(-1, n_times), strict=True
    ):
        target[:] = _convolve(row, taps)
    if gaps is not None:
        out[gaps] = np.nan
    return out


def _convolve(row: FloatArray, taps: FloatArray) -> FloatArray:
    """Convolve by overlap-save, keeping the part of each block without wrap-around."""
    overlap = taps.size - 1
    n_padded = row.size + overlap
    n_fft = fft.next_fast_len(min(max(8 * taps.size, _MIN_FFT), n_padded), real=True)
    step = n_fft - overlap
    n_blocks = -(-row.size // step)
    padded = _extend(row, overlap // 2, n_blocks * step + overlap)
    blocks = sliding_window_view(padded, n_fft)[::step]
    response = fft.rfft(taps, n_fft)
    out = np.empty((n_blocks, step), row.dtype)
    for start in range(0, n_blocks, _BLOCKS_AT_ONCE):
        some = slice(start, start + _BLOCKS_AT_ONCE)
        # float64, or an electrode's offset would drown a signal 1,000 times smaller
        spectra = fft.rfft(blocks[some].astype(np.float64))
        spectra *= response
        out[some] = fft.irfft(spectra, n_fft, overwrite_x=True)[:, overlap:]
    return out.ravel()[: row.size]


def _extend(row: FloatArray, half: int, n_total: int) -> FloatArray:
    """Extend both ends by odd reflection, as far as the signal reaches."""
    reach = min(half, row.size - 1)
    end = half + row.size
    padded = np.zeros(n_total, row.dtype)
    padded[half:end] = row
    padded[half - reach : half] = 2 * row[0] - row[reach:0:-1]
    padded[end : end + reach] = 2 * row[-1] - row[-2 : -reach - 2 : -1]
    return padded
