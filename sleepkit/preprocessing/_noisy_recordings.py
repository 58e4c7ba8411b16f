"""Recordings that are noisy as a whole."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.preprocessing._base import continuous_epochs
from sleepkit.recording import EpochArray, Recording
from sleepkit.signal import flag_windows, is_noisy_recording


def noisy_recordings(
    X: EpochArray,
    modality: str = "eeg",
    other: str | None = "eog",
    *,
    threshold: float = 41.0,
    fraction: float = 0.4,
) -> BoolArray:
    """Find the recordings that are noisy by the rule of the papers.

    Parameters
    ----------
    X : EpochArray
        The nights, of continuous signals; all epochs of a recording are looked at,
        whether they have rows or not.
    modality : str, default="eeg"
        The modality whose SD is taken in each epoch, as the mean over its channels.
    other : str or None, default="eog"
        The modality whose SD is subtracted, since a broken electrode shows in one of
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
    QualityMask : Mark single epochs.

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
    """Take the SD of each epoch minus that of the other modality; NaN where unknown."""
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
