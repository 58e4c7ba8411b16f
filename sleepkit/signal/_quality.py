"""Signal quality: missing, flat, clipped and outlying windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.utils import SD_OF_MAD


class WindowFlags(NamedTuple):
    """Quality flags of the windows of a signal, and their SDs.

    Attributes
    ----------
    nonfinite : ndarray of bool, shape (..., n_windows)
        Contains NaN or infinite samples. The other flags of such a window are False.
    flat : ndarray of bool, shape (..., n_windows)
        Almost constant, or mostly at one value.
    clipped : ndarray of bool, shape (..., n_windows)
        Repeats its own largest or smallest value.
    outlying : ndarray of bool, shape (..., n_windows)
        Far stronger or weaker than the other windows of the channel.
    sd : ndarray of float, shape (..., n_windows)
        Standard deviation in microvolts; NaN where samples are not finite.
    """

    nonfinite: BoolArray
    flat: BoolArray
    clipped: BoolArray
    outlying: BoolArray
    sd: FloatArray

    @property
    def bad(self) -> BoolArray:
        """Whether any flag is set, shape (..., n_windows)."""
        return self.nonfinite | self.flat | self.clipped | self.outlying


def flag_windows(
    windows: FloatArray,
    *,
    min_range: float = 1.0,
    max_repeated: float = 0.5,
    max_clipped: float = 0.01,
    max_z: float | None = 5.0,
) -> WindowFlags:
    """Flag windows of a signal that are unfit for sleep staging.

    Parameters
    ----------
    windows : ndarray of float, shape (..., n_windows, n_times)
        The signal in microvolts, cut into windows; usually
        ``(n_channels, n_epochs, n_times)``, a view of one night.
    min_range : float, default=1.0
        A window is flat where its largest and smallest sample are less than this apart,
        in microvolts.
    max_repeated : float, default=0.5
        A window is flat where more than this fraction of its samples equals the one
        before, and more than this fraction is of one value; repeats of many values
        only show a coarse resolution of the recorder.
    max_clipped : float, default=0.01
        A window is clipped where more than this fraction of its samples repeats the
        largest or smallest value of the window. Filtering hides clipping: flag before
        filtering.
    max_z : float or None, default=5.0
        A window is outlying where the logarithm of its SD is more than this many robust
        SDs from the median of its channel's other windows. None turns the rule off.

    Returns
    -------
    WindowFlags
        The flags, each of shape (..., n_windows).

    Notes
    -----
    The robust SD is 1.4826 times the median absolute deviation, over the windows that
    are finite and not flat.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import flag_windows
    >>> t = np.arange(300) / 100
    >>> windows = np.stack([20 * np.sin(9 * t + k) for k in range(5)])
    >>> windows[1] = 0.2
    >>> windows[2] = windows[2].clip(-15, 15)
    >>> windows[3, 7] = np.nan
    >>> flags = flag_windows(windows)
    >>> flags.flat.nonzero()[0], flags.clipped.nonzero()[0]
    (array([1]), array([2]))
    >>> flags.bad
    array([False,  True,  True,  True, False])
    """
    with np.errstate(invalid="ignore"):
        highest, lowest = windows.max(axis=-1), windows.min(axis=-1)
        finite = np.isfinite(highest) & np.isfinite(lowest)
        spread = highest - lowest
        sd = np.where(finite, _standard_deviation(windows), np.nan)
    repeated = _fraction(windows[..., 1:] == windows[..., :-1])
    stays = repeated > max_repeated
    stays[stays] = _mostly_one_value(windows[stays], max_repeated)
    flat = finite & ((spread < min_range) | stays)
    at_limit = (windows == highest[..., None]) | (windows == lowest[..., None])
    staying = _fraction(at_limit[..., 1:] & at_limit[..., :-1])
    clipped = finite & (spread > 0) & (staying > max_clipped)
    outlying = np.zeros_like(flat)
    if max_z is not None:
        usual = np.where(flat, np.nan, sd)
        with np.errstate(divide="ignore"):
            outlying = np.abs(robust_z(np.log(usual))) > max_z
    return WindowFlags(~finite, flat, clipped, outlying, sd)


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


def _standard_deviation(windows: FloatArray) -> FloatArray:
    """SD along the last axis, in the dtype of the windows for speed."""
    centred = windows - windows.mean(axis=-1, keepdims=True)
    power = np.einsum("...t,...t->...", centred, centred)
    deviation: FloatArray = np.sqrt(power / max(windows.shape[-1], 1))
    return deviation


def _fraction(marks: BoolArray) -> FloatArray:
    """Fraction of the samples of a window that are marked, along the last axis."""
    fraction: FloatArray = np.count_nonzero(marks, axis=-1) / (marks.shape[-1] + 1)
    return fraction


def _mostly_one_value(windows: FloatArray, fraction: float) -> BoolArray:
    """Whether more than a fraction of each window is of one value."""
    ordered = np.sort(windows, axis=-1)
    n_times = windows.shape[-1]
    reach = min(int(fraction * n_times), n_times)
    found = ordered[..., reach:] == ordered[..., : n_times - reach]
    return np.asarray(found.any(axis=-1))


def _nanmedian(values: FloatArray) -> FloatArray:
    """Median along the last axis without NaN; NaN where all values are."""
    empty = np.isnan(values).all(axis=-1, keepdims=True)
    if not values.size:
        return np.where(empty, np.nan, 0.0)
    median = np.nanmedian(np.where(empty, 0.0, values), axis=-1, keepdims=True)
    return np.where(empty, np.nan, median)
