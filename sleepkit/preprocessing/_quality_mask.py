"""Epochs and recordings of bad signal quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from numbers import Real
from typing import Any

import numpy as np

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.preprocessing._base import RecordingTransformer, continuous_epochs
from sleepkit.recording import EpochArray, Recording, assign_channels
from sleepkit.signal import (
    QUALITY_LIMITS,
    QualityLimits,
    WindowFlags,
    flag_windows,
    is_noisy_recording,
)
from sleepkit.utils import check_option


class QualityMask(RecordingTransformer):
    """Mask of epochs that show no signal of the body, by modality.

    Epochs are judged by what the signals of electrodes can be: their levels, spectra
    and steps (`QUALITY_LIMITS`). The verdict on an epoch depends on that epoch alone,
    whatever else the night holds.

    The samples stay; bad epochs are marked as invalid in `Signal.valid`, so that a
    modality that fails for an hour is missing for that hour, and the others are used.
    Put this step first: filtering hides clipping, and spreads samples that are not
    finite.

    Parameters
    ----------
    limits : mapping of str to mapping, default=None
        Limits of a modality that differ from its `QUALITY_LIMITS`, such as ``{"emg":
        {"max_rms": 60.0, "max_mains": None}}``. The names are those of `QualityLimits`;
        None turns a rule off.
    channels : {"any", "all"}, default="any"
        Whether an epoch of a modality is bad if any channel is bad, or only if all are.
    only : sequence of str, default=("eeg", "eog", "emg", "ecg")
        The modalities that are checked. Others than these have no `QUALITY_LIMITS`, and
        are only checked for missing, flat and clipped epochs; breathing or oxygen
        saturation would look flat and clipped.
    sfreq : float or None, default=None
        Sampling rate of plain arrays in hertz. None means that only missing, flat and
        clipped epochs are found in them. Recordings carry their rate.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out pass unchanged.

    See Also
    --------
    sleepkit.signal.flag_windows : Flags the windows of one signal, with reasons.
    noisy_recordings : Finds recordings that are noisy as a whole.

    Notes
    -----
    In a plain array, the bad rows of a modality become NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import QualityMask
    >>> noise = np.random.default_rng(0).normal(0, 3, (4, 2, 3000))
    >>> X = np.cumsum(noise, axis=2)  # power falls as that of EEG
    >>> X[1, 0] = 0
    >>> X[2, 1] = 10 * noise[2, 1]  # it does not fall
    >>> mask = QualityMask(sfreq=100, modalities={"eeg": [0], "eog": [1]})
    >>> np.isnan(mask.fit_transform(X)).all(axis=2)
    array([[False, False],
           [ True, False],
           [False,  True],
           [False, False]])
    """

    _takes_signals_only = True

    def __init__(
        self,
        *,
        limits: Mapping[str, Mapping[str, float | None]] | None = None,
        channels: str = "any",
        only: Sequence[str] = ("eeg", "eog", "emg", "ecg"),
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.limits = limits
        self.channels = channels
        self.only = only
        self.sfreq = sfreq
        self.modalities = modalities

    def report(self, recording: Recording) -> dict[str, WindowFlags]:
        """Report what is wrong with each epoch, with reasons.

        Parameters
        ----------
        recording : Recording
            A recording of continuous signals.

        Returns
        -------
        dict of str to WindowFlags
            For each modality in ``only`` that the recording has, flags of shape
            (n_channels, n_epochs). Epochs that are invalid already are missing.

        Raises
        ------
        RecordingError
            If a modality is epoched already.

        Examples
        --------
        >>> import numpy as np
        >>> from sleepkit.preprocessing import QualityMask
        >>> from sleepkit.recording import Recording, Signal
        >>> noise = np.random.default_rng(0).normal(0, 30, (1, 9000))
        >>> night = Recording(id="n", subject="s", signals={"eeg": Signal(noise, 100)})
        >>> QualityMask().report(night)["eeg"].reasons
        array([['noisy', 'noisy', 'noisy']], dtype='<U5')
        """
        self._check_parameters()
        return {
            name: self._flags(name, recording)
            for name in self.only
            if name in recording.signals
        }

    def _check_parameters(self) -> None:
        """Check how channels combine, the rate, and the limits."""
        check_option("channels", self.channels, ["any", "all"], owner="QualityMask")
        if self.sfreq is not None:
            self._check_positive("sfreq")
        changes = {} if self.limits is None else self.limits
        if not isinstance(changes, Mapping) or not set(changes) <= set(self.only):
            msg = (
                "The 'limits' parameter of QualityMask must be a mapping whose keys "
                f"are of 'only' {self.only!r}. Got {self.limits!r} instead."
            )
            raise ValueError(msg)
        for modality in changes:
            _check_limits(modality, changes[modality])

    def _limits(self, modality: str) -> QualityLimits:
        """Limits of a modality, with the changes to them."""
        changes: Any = (self.limits or {}).get(modality, {})
        return replace(QUALITY_LIMITS.get(modality, QualityLimits()), **changes)

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Refuse also an ``only`` that names no modality of X, as a misspelling."""
        super()._fit(X, y)
        if not isinstance(X, EpochArray):
            self._channels(X)
        elif not set(self.only) & set(X.modalities):
            msg = (
                "The 'only' parameter of QualityMask must name one of the modalities "
                f"{X.modalities}. Got {self.only!r} instead."
            )
            raise ValueError(msg)

    def _transform_recording(self, recording: Recording) -> Recording:
        """Mask the bad epochs of the signals in ``only``."""
        masked = dict(recording.signals)
        for name, flags in self.report(recording).items():
            masked[name] = masked[name].replace(valid=~self._combine(flags.bad))
        return recording.with_signals(masked)

    def _flags(self, name: str, recording: Recording) -> WindowFlags:
        """Flag the epochs of a signal; those that are invalid already are missing."""
        signal = recording.signals[name]
        epochs = continuous_epochs(name, signal, recording, owner="QualityMask")
        flags = flag_windows(
            np.moveaxis(epochs, 0, -2), sfreq=signal.sfreq, limits=self._limits(name)
        )
        if signal.valid is None:
            return flags
        valid = signal.valid[: len(epochs)]  # it may reach beyond the last epoch
        cleared = {kind: getattr(flags, kind) & valid for kind in flags.kinds}
        cleared["missing"] |= ~valid
        return flags._replace(**cleared, sd=np.where(valid, flags.sd, np.nan))

    def _combine(self, bad: BoolArray) -> BoolArray:
        """Verdict on each epoch from those on its channels, the first axis."""
        combine = np.logical_or if self.channels == "any" else np.logical_and
        return np.asarray(combine.reduce(bad, axis=0))

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Set bad rows to NaN, each checked by itself."""
        masked = X[:, np.newaxis].copy() if X.ndim == 2 else X.copy()
        channels = self._channels(X)
        for name in set(self.only) & set(channels):
            where = channels[name]
            windows = np.moveaxis(masked[:, where], 0, -2)
            limits = self._limits(name)
            flags = flag_windows(windows, sfreq=self.sfreq, limits=limits)
            bad = np.flatnonzero(self._combine(flags.bad))
            masked[bad[:, np.newaxis], where] = np.nan
        return masked.reshape(X.shape)

    def _channels(self, X: FloatArray) -> dict[str, list[int]]:
        """Assign the channels of a plain array to modalities."""
        n_channels = X.shape[1] if X.ndim > 2 else 1
        return assign_channels(self.modalities, n_channels, owner="QualityMask")


def _check_limits(modality: str, changes: Any) -> None:
    """Require finite numbers by names of limits; None where a rule can be off."""
    owner = f"The limits[{modality!r}] of QualityMask"
    if not isinstance(changes, Mapping):
        msg = f"{owner} must be a mapping of limits. Got {changes!r} instead."
        raise ValueError(msg)
    usual = asdict(QualityLimits())
    for name, value in changes.items():
        if name not in usual:
            msg = f"{owner} must only name {', '.join(usual)}. Got {name!r} instead."
            raise ValueError(msg)
        optional = usual[name] is None
        if isinstance(value, Real) and math.isfinite(value):
            continue
        if value is not None or not optional:
            rule = "a finite number or None" if optional else "a finite number"
            msg = f"{owner} must have {rule} as {name!r}. Got {value!r} instead."
            raise ValueError(msg)


def noisy_recordings(
    X: EpochArray,
    modality: str = "eeg",
    other: str | None = "eog",
    *,
    threshold: float = 41.0,
    fraction: float = 0.4,
) -> BoolArray:
    """Find recordings that are noisy as a whole, by the rule of the papers.

    Parameters
    ----------
    X : EpochArray
        Recordings of continuous signals; all their epochs count, with or without a row.
    modality : str, default="eeg"
        The modality whose SD is taken in each epoch, as the mean over its channels.
    other : str or None, default="eog"
        The modality whose SD is subtracted, since a failing electrode affects one of
        the two; None compares the SD of `modality` itself.
    threshold : float, default=41.0
        An epoch is noisy where the magnitude of the difference (or the SD) is larger,
        in microvolts.
    fraction : float, default=0.4
        A recording is noisy where more than this fraction of its epochs is. Epochs that
        are missing or invalid in one of the modalities do not count.

    Returns
    -------
    ndarray of bool, shape (n_recordings,)
        For each of ``X.recordings`` whether it is noisy; False where it lacks one of
        the modalities.

    See Also
    --------
    QualityMask : Masks single epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import noisy_recordings
    >>> from sleepkit.recording import EpochArray
    >>> X = np.random.default_rng(0).normal(0, 20, (6, 2, 3000))
    >>> X[3:, 0] *= 5
    >>> night = ["a", "a", "a", "b", "b", "b"]
    >>> modalities = {"eeg": [0], "eog": [1]}
    >>> X = EpochArray.from_arrays(X, recording=night, modalities=modalities, sfreq=100)
    >>> noisy_recordings(X)
    array([False,  True])
    """
    noisy = [
        is_noisy_recording(
            _difference(recording, modality, other),
            threshold=threshold,
            fraction=fraction,
        )
        for recording in X.recordings
    ]
    return np.array(noisy, np.bool_)


def _difference(recording: Recording, modality: str, other: str | None) -> FloatArray:
    """SD of each epoch minus that of the other modality; NaN where unknown."""
    signals = recording.signals
    names = [modality] if other is None else [modality, other]
    if any(name not in signals for name in names):
        return np.full(recording.n_epochs, np.nan)
    spreads = []
    for name in names:
        epochs = continuous_epochs(
            name, signals[name], recording, owner="noisy_recordings"
        )
        sd = flag_windows(np.moveaxis(epochs, 0, -2)).sd.mean(axis=0)
        valid = signals[name].valid
        spreads.append(sd if valid is None else np.where(valid[: len(sd)], sd, np.nan))
    return spreads[0] if other is None else spreads[0] - spreads[1]
