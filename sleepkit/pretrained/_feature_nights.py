"""Public feature nights of Sleep-EDF Expanded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, Recording, Signal

_N_CHANNELS: Final = 3  # EEG Fpz-Cz, EEG Pz-Oz, EOG
N_FEATURES: Final = 10
_SUBJECT: Final = 5  # characters of a file's name: SC4SS
SOURCE: Final = (
    "features of Sleep-EDF Expanded (PhysioNet, ODC-By 1.0): a file SC4SS_nightN.npz "
    "for each night, with 'features' (n_epochs, 3, 10) of EEG Fpz-Cz, EEG Pz-Oz and "
    "EOG, and 'labels' 0 to 4, negative where unscored"
)


def find_nights(folder: Path | None) -> list[Path]:
    """List the files of a folder; say what is missing where there is none."""
    found = [] if folder is None else sorted(Path(folder).glob("*.npz"))
    if not found:
        where = "no folder was given" if folder is None else f"{folder} holds none"
        msg = f"The training needs a folder of feature nights, but {where}: {SOURCE}."
        raise RecordingError(msg)
    return found


def digest_of(paths: list[Path]) -> str:
    """Digest of the content of files."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read_nights(paths: list[Path]) -> EpochArray:
    """Scored epochs of the nights; the others stay as context."""
    return EpochArray(_read(path) for path in paths)


def single_channels(X: EpochArray) -> EpochArray:
    """Give each night twice, with the EEG of one channel only."""
    nights = []
    for recording in X.recordings:
        signals = recording.load().signals
        for channel in range(_N_CHANNELS - 1):
            columns = slice(channel * N_FEATURES, (channel + 1) * N_FEATURES)
            one = Signal(signals["eeg"].data[:, columns])
            changed = recording.with_signals({**signals, "eeg": one})
            nights.append(changed.replace(id=f"{recording.id}/{channel}"))
    return EpochArray(nights)


def _read(path: Path) -> Recording:
    """Read one night."""
    try:
        with np.load(path) as night:
            features, labels = night["features"], night["labels"]
    except (KeyError, OSError, ValueError) as error:
        msg = f"{path} is no feature night ({error}): {SOURCE}."
        raise RecordingError(msg) from error
    if features.shape != (len(labels), _N_CHANNELS, N_FEATURES):
        msg = f"{path} is no feature night (shape {features.shape}): {SOURCE}."
        raise RecordingError(msg)
    eeg = features[:, :2].reshape(len(labels), -1)
    return Recording(
        id=path.stem,
        subject=path.stem[:_SUBJECT],
        signals={"eeg": Signal(eeg), "eog": Signal(features[:, 2])},
        hypnogram=np.where(labels < 0, UNSCORED, labels),
    )
