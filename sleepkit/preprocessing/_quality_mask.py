"""Epochs and recordings of bad signal quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.preprocessing._base import RecordingTransformer, continuous_epochs
from sleepkit.recording import EpochArray, Recording, Signal, assign_channels
from sleepkit.signal import flag_windows, is_noisy_recording
from sleepkit.utils import check_option


class QualityMask(RecordingTransformer):
    """Mask of epochs that are flat, clipped, outlying or missing, by modality.

    The samples stay; bad epochs are marked as invalid in `Signal.valid`, so that a
    modality that fails for an hour is missing for that hour, and the others are used.
    Put this step first: filtering hides clipping, and spreads samples that are not
    finite.

    Parameters
    ----------
    min_range : float, default=1.0
        An epoch is flat where its largest and smallest sample are less than this apart,
        in microvolts.
    max_repeated : float, default=0.5
        An epoch is flat where more than this fraction of its samples equals the one
        before, and more than this fraction is of one value.
    max_clipped : float, default=0.01
        An epoch is clipped where more than this fraction of its samples repeats its
        largest or smallest value.
    max_z : float or None, default=5.0
        An epoch is outlying where the logarithm of its SD is more than this many robust
        SDs from the median of its recording. None turns the rule off; rows of plain
        arrays belong to no recording, and the rule does not apply to them.
    channels : {"any", "all"}, default="any"
        Whether an epoch of a modality is bad if any channel is bad, or only if all are.
    only : sequence of str, default=("eeg", "eog", "emg", "ecg")
        The modalities that are checked. The thresholds are for electrode signals in
        microvolts; breathing or oxygen saturation would look flat and clipped.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out pass unchanged.

    See Also
    --------
    noisy_recordings : Finds recordings that are noisy as a whole.

    Notes
    -----
    In a plain array, the bad rows of a modality become NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import QualityMask
    >>> X = np.random.default_rng(0).normal(0, 20, (4, 2, 3000))
    >>> X[1, 0] = 0
    >>> mask = QualityMask(modalities={"eeg": [0], "eog": [1]})
    >>> np.isnan(mask.fit_transform(X)).all(axis=2)
    array([[False, False],
           [ True, False],
           [False, False],
           [False, False]])
    """

    _takes_signals_only = True

    def __init__(
        self,
        *,
        min_range: float = 1.0,
        max_repeated: float = 0.5,
        max_clipped: float = 0.01,
        max_z: float | None = 5.0,
        channels: str = "any",
        only: Sequence[str] = ("eeg", "eog", "emg", "ecg"),
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.min_range = min_range
        self.max_repeated = max_repeated
        self.max_clipped = max_clipped
        self.max_z = max_z
        self.channels = channels
        self.only = only
        self.modalities = modalities

    def _check_parameters(self) -> None:
        """Check the thresholds."""
        for name in ("min_range", "max_repeated", "max_clipped"):
            self._check_positive(name, zero=True)
        if self.max_z is not None:
            self._check_positive("max_z")
        check_option("channels", self.channels, ["any", "all"], owner="QualityMask")

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
        for name in self.only:
            if name in masked:
                masked[name] = self._mask(name, masked[name], recording)
        return recording.with_signals(masked)

    def _mask(self, name: str, signal: Signal, recording: Recording) -> Signal:
        """Mask the bad epochs of a signal; invalid epochs stay invalid."""
        epochs = continuous_epochs(name, signal, recording, owner="QualityMask")
        valid = np.ones(len(epochs), np.bool_)
        if signal.valid is not None:  # it may reach beyond the last epoch
            valid &= signal.valid[: len(epochs)]
        mask = valid.copy()
        mask[valid] = self._good(epochs if valid.all() else epochs[valid], self.max_z)
        return signal.replace(valid=mask)

    def _good(self, epochs: FloatArray, max_z: float | None) -> BoolArray:
        """Mark the good ones among epochs of shape (n_epochs, n_channels, n_times)."""
        bad = flag_windows(
            np.moveaxis(epochs, 0, -2),
            min_range=self.min_range,
            max_repeated=self.max_repeated,
            max_clipped=self.max_clipped,
            max_z=max_z,
        ).bad
        combine = np.logical_or if self.channels == "any" else np.logical_and
        good: BoolArray = ~combine.reduce(bad, axis=0)
        return good

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Set bad rows to NaN, each checked by itself."""
        masked = X[:, np.newaxis].copy() if X.ndim == 2 else X.copy()
        channels = self._channels(X)
        for where in (channels[name] for name in self.only if name in channels):
            bad = np.flatnonzero(~self._good(masked[:, where], None))
            masked[bad[:, np.newaxis], where] = np.nan
        return masked.reshape(X.shape)

    def _channels(self, X: FloatArray) -> dict[str, list[int]]:
        """Assign the channels of a plain array to modalities."""
        n_channels = X.shape[1] if X.ndim > 2 else 1
        return assign_channels(self.modalities, n_channels, owner="QualityMask")


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
        sd = flag_windows(np.moveaxis(epochs, 0, -2), max_z=None).sd.mean(axis=0)
        valid = signals[name].valid
        spreads.append(sd if valid is None else np.where(valid[: len(sd)], sd, np.nan))
    return spreads[0] if other is None else spreads[0] - spreads[1]
