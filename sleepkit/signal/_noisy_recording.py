"""Recordings that are noisy as a whole, and distances in robust SDs."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.utils import SD_OF_MAD


def robust_z(values: FloatArray, reference: FloatArray | None = None) -> FloatArray:
    """Robust z-scores along the last axis: distances from the median in robust SDs.

    Parameters
    ----------
    values : ndarray of float, shape (..., n_values)
        The values; NaN ones stay NaN and do not count.
    reference : ndarray of float, shape (..., n_reference), default=None
        Values that median and robust SD are taken from, such as the training
        recordings; None means `values`.

    Returns
    -------
    ndarray of float, shape (..., n_values)
        The scores. Where the robust SD is zero, they are 0 at the median and infinite
        elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import robust_z
    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(1)
    array([-1.3, -0.7,  0. ,  0.7, 65.4])
    """
    reference = values if reference is None else reference
    with np.errstate(divide="ignore", invalid="ignore"):
        center = _nanmedian(reference)
        scale = SD_OF_MAD * _nanmedian(np.abs(reference - center))
        away = values - center
        return np.where(away == 0, away, away / scale)


def is_noisy_recording(
    sd: FloatArray, *, threshold: float = 41.0, fraction: float = 0.4
) -> bool:
    """Whether too many windows of a recording are noisy.

    Parameters
    ----------
    sd : ndarray of float, shape (n_windows,)
        Value of each window to compare with the threshold; NaN windows do not count.
        The papers use the SD of the EEG minus that of the EOG, which detects failures
        of either; the SD of one signal gives an absolute rule, and `robust_z` of either
        a rule in robust SDs.
    threshold : float, default=41.0
        A window is noisy where the magnitude of its value is larger.
    fraction : float, default=0.4
        A recording is noisy where more than this fraction of its windows is.

    Returns
    -------
    bool
        Whether the recording is noisy; False where no window counts.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import is_noisy_recording
    >>> sd_eeg, sd_eog = np.array([20, 80, 90, 20]), np.array([30, 25, 30, 70])
    >>> is_noisy_recording(sd_eeg - sd_eog)  # 3 of 4 windows differ by more than 41
    True
    >>> is_noisy_recording(sd_eeg, threshold=85.0)
    False
    """
    known = np.asarray(sd)[~np.isnan(sd)]
    return bool(known.size and np.mean(np.abs(known) > threshold) > fraction)


def _nanmedian(values: FloatArray) -> FloatArray:
    """Median along the last axis without NaN; NaN where all values are."""
    empty = np.isnan(values).all(axis=-1, keepdims=True)
    if not values.size:
        return np.where(empty, np.nan, 0.0)
    median = np.nanmedian(np.where(empty, 0.0, values), axis=-1, keepdims=True)
    return np.where(empty, np.nan, median)
