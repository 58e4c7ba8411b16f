"""Signal quality: windows that show no signal of the body."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sleepkit._typing import Array, BoolArray, FloatArray
from sleepkit.signal._quality_limits import QualityLimits
from sleepkit.signal._quality_measures import is_measurable, measure_windows


class WindowFlags(NamedTuple):
    """Quality flags of the windows of a signal, and their SDs.

    Attributes
    ----------
    missing : ndarray of bool, shape (..., n_windows)
        Contains NaN or infinite samples. The other flags of such a window are False.
    flat : ndarray of bool, shape (..., n_windows)
        Almost constant, mostly at one value, or no stronger than an amplifier's noise.
    clipped : ndarray of bool, shape (..., n_windows)
        Stays at its own largest or smallest value.
    strong : ndarray of bool, shape (..., n_windows)
        Stronger than the body's signals.
    mains : ndarray of bool, shape (..., n_windows)
        Mostly hum of 50 or 60 Hz.
    noisy : ndarray of bool, shape (..., n_windows)
        Not flat, and noise: its spectrum does not fall, or is too strong at high
        frequencies, or there is no quiet between the beats of an ECG.
    loose : ndarray of bool, shape (..., n_windows)
        An electrode without contact: huge drifts, or one pop after the other.
    sd : ndarray of float, shape (..., n_windows)
        Standard deviation in microvolts; NaN where samples are missing.
    """

    missing: BoolArray
    flat: BoolArray
    clipped: BoolArray
    strong: BoolArray
    mains: BoolArray
    noisy: BoolArray
    loose: BoolArray
    sd: FloatArray

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the flags."""
        return self._fields[:-1]

    @property
    def bad(self) -> BoolArray:
        """Whether any flag is set, shape (..., n_windows)."""
        flags = [getattr(self, kind) for kind in self.kinds]
        return np.asarray(np.any(flags, axis=0))

    @property
    def reasons(self) -> Array:
        """Names of the flags that are set, such as ``"flat, mains"`` or ``""``."""
        names = np.full(self.sd.shape, "", object)
        for kind in self.kinds:
            flag = getattr(self, kind)
            names[flag & (names != "")] += ", "
            names[flag] += kind
        return names.astype(str)


def flag_windows(
    windows: FloatArray,
    *,
    sfreq: float | None = None,
    limits: QualityLimits | None = None,
) -> WindowFlags:
    """Flag windows of a signal that show no signal of the body.

    The flags of a window depend on its own samples only, and not on other windows.

    Parameters
    ----------
    windows : ndarray of float, shape (..., n_windows, n_times)
        The signal in microvolts, cut into windows; usually
        ``(n_channels, n_epochs, n_times)``, a view of one night. Filters of the
        amplifier do not matter; later ones hide clipping.
    sfreq : float or None, default=None
        Sampling rate in hertz. With None, below 25 Hz, or with windows of less than two
        seconds, windows are only flagged as missing, flat by their range or repeats,
        and clipped.
    limits : QualityLimits or None, default=None
        The limits of the modality, such as ``QUALITY_LIMITS["eeg"]``. None means
        ``QualityLimits()``, whose rules suit any signal.

    Returns
    -------
    WindowFlags
        The flags, each of shape (..., n_windows).

    See Also
    --------
    QUALITY_LIMITS : The limits of each modality, and their reasons.

    Notes
    -----
    A rule for frequencies that the rate cannot hold is not applied: at 50 Hz there is
    no mains to be seen, and the spectrum is judged up to 23 Hz.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.signal import QUALITY_LIMITS, flag_windows
    >>> noise = np.random.default_rng(0).normal(0, 30, (5, 3000))
    >>> windows = np.cumsum(noise, axis=1) / 10  # power falls as that of EEG
    >>> windows[1] = 0.2
    >>> windows[2] = windows[2].clip(*np.quantile(windows[2], [0.2, 0.8]))
    >>> windows[3, 7] = np.nan
    >>> windows[4] = noise[4]
    >>> flags = flag_windows(windows, sfreq=100, limits=QUALITY_LIMITS["eeg"])
    >>> flags.reasons.tolist()
    ['', 'flat', 'clipped', 'missing', 'noisy']
    """
    limits = QualityLimits() if limits is None else limits
    with np.errstate(all="ignore"):  # samples may be missing or constant
        highest, lowest = windows.max(axis=-1), windows.min(axis=-1)
        finite = np.isfinite(highest) & np.isfinite(lowest)
        spread = highest - lowest
        sd = np.where(finite, _standard_deviation(windows), np.nan)
        physical = _physical_flags(windows, sfreq, limits)
    repeated = _fraction(windows[..., 1:] == windows[..., :-1])
    stays = repeated > limits.max_repeated
    stays[stays] = _mostly_one_value(windows[stays], limits.max_repeated)
    flat = (spread < limits.min_range) | stays
    at_limit = (windows == highest[..., None]) | (windows == lowest[..., None])
    staying = _fraction(at_limit[..., 1:] & at_limit[..., :-1])
    clipped = (spread > 0) & (staying > limits.max_clipped)
    weak, strong, mains, noisy, loose = physical
    flat |= weak
    return WindowFlags(
        missing=~finite,
        flat=finite & flat,
        clipped=finite & clipped,
        strong=finite & strong,
        mains=finite & mains,
        noisy=finite & noisy & ~flat,
        loose=finite & loose,
        sd=sd,
    )


def _physical_flags(
    windows: FloatArray, sfreq: float | None, limits: QualityLimits
) -> list[BoolArray]:
    """Flag windows as weak, strong, mains, noisy and loose."""
    if sfreq is None or not is_measurable(windows.shape[-1], sfreq):
        return [np.zeros(windows.shape[:-1], np.bool_)] * 5
    rms, mains, fast, exponent, drift, jump, evenness = measure_windows(
        windows, sfreq, limits
    )

    def above(values: FloatArray, limit: float | None) -> BoolArray:
        return values > (np.inf if limit is None else limit)

    def below(values: FloatArray, limit: float | None) -> BoolArray:
        return values < (-np.inf if limit is None else limit)

    return [
        below(rms, limits.min_rms),
        above(rms, limits.max_rms),
        above(mains, limits.max_mains),
        above(fast, limits.max_fast)
        | below(exponent, limits.min_exponent)
        | above(evenness, limits.max_evenness),
        above(drift, limits.max_drift) | above(jump, limits.max_jump),
    ]


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
