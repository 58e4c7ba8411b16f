"""Nights of features, cut into short recordings."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.pretrained._feature_nights import N_FEATURES
from sleepkit.recording import EpochArray, Recording

_SHORTEST: Final = 40  # epochs
HALF_HOURS: Final = 80  # the longest of stretches of 20 to 40 minutes
_N_BANDS: Final = N_FEATURES // 2  # whose logarithms come first in a channel


def stretches(
    X: EpochArray, seed: int, longest: int = HALF_HOURS, *, z_scored: bool
) -> EpochArray:
    """Cut each night into stretches of random length, 20 minutes or longer.

    What is relative to a night misleads on half an hour of it, which may hold one or
    two stages: a net has to see such recordings in its training.

    Parameters
    ----------
    X : EpochArray
        Nights of features.
    seed : int
        Seed of the lengths.
    longest : int, default=80
        Epochs of the longest possible stretch.
    z_scored : bool
        Whether the features are band powers of signals that were z-scored over the
        night, as of `PowerShares`. Those of a stretch are scaled as if its signals had
        been z-scored by themselves.

    Returns
    -------
    EpochArray
        The stretches, a recording each.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for recording in X.recordings:
        whole, begin, n_epochs = recording.load(), 0, recording.n_epochs
        while begin < n_epochs - _SHORTEST:
            end = min(begin + int(rng.integers(_SHORTEST, longest + 1)), n_epochs)
            name = f"{recording.id}[{begin}:{end}]/{seed}/{longest}"
            parts.append(_cut(whole, slice(begin, end), name, z_scored))
            begin = end
    return EpochArray(parts)


def _cut(recording: Recording, epochs: slice, name: str, z_scored: bool) -> Recording:
    """Cut some epochs out of a night."""
    signals = {}
    for modality, signal in recording.signals.items():
        data = _rescaled(signal.data, epochs) if z_scored else signal.data[epochs]
        valid = None if signal.valid is None else signal.valid[epochs]
        signals[modality] = signal.replace(data=data, valid=valid)
    return Recording(
        id=name,
        subject=recording.subject,
        signals=signals,
        hypnogram=np.asarray(recording.hypnogram)[epochs],
    )


def _rescaled(features: FloatArray, epochs: slice) -> FloatArray:
    """Features of some epochs, with powers as if theirs were those of the night."""
    channels = features.reshape(len(features), -1, N_FEATURES)
    power = np.exp(channels[..., :_N_BANDS]).sum(axis=-1)  # (n_epochs, n_channels)
    part = channels[epochs].copy()
    shift = np.log(power[epochs].mean(axis=0) / power.mean(axis=0))
    part[..., :_N_BANDS] -= shift[:, np.newaxis]
    return part.reshape(len(part), -1)
