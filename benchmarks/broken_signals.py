"""Steps that break a modality for a part of the night, and steps that mark it."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from sleepkit.preprocessing import QualityMask
from sleepkit.recording import EpochArray


def draw(recording, name):
    """Random numbers that belong to a night and a name."""
    return np.random.default_rng(crc32(f"{recording.id} {name}".encode()))


def stretch(n, share, rng):
    """A part of ``n`` samples or epochs, anywhere; the same part whatever ``n``."""
    begin = (1 - share) * rng.random()
    return slice(int(begin * n), int((begin + share) * n))


@dataclass(frozen=True)
class BrokenSignal:
    """An electrode that fails for a fifth to nine tenths of the night.

    Where it is ``"loose"``, the recorder clips what it picks up, at 150 uV; where it is
    ``"noisy"``, white noise of 120 uV is added to the signal.
    """

    modality: str
    kind: str

    def where(self, recording, n):
        """The part of ``n`` samples or epochs of a night that is broken."""
        rng = draw(recording, self.modality)
        share = rng.uniform(0.2, 0.9)
        return stretch(n, share, rng)

    def __call__(self, recording):
        signals = dict(recording.signals)
        if self.modality not in signals:
            return recording
        signal = signals[self.modality]
        data = signal.data.copy()
        part = data[:, self.where(recording, data.shape[1])]
        rng = draw(recording, f"{self.modality} noise")
        if self.kind == "loose":
            part[:] = rng.normal(0, 150, part.shape).clip(-150, 150)
        else:
            part += rng.normal(0, 120, part.shape)
        signals[self.modality] = signal.replace(data=data)
        return recording.with_signals(signals)


@dataclass(frozen=True)
class BrokenFeatures:
    """Features of half the night that say nothing: noise, ten times too large, stuck.

    ``masked`` marks them as missing, as if the failure were known.
    """

    modality: str
    kind: str
    masked: bool = False

    def __call__(self, recording):
        signals = dict(recording.signals)
        if self.modality not in signals:
            return recording
        rng = draw(recording, self.modality)
        signal = signals[self.modality]
        data = signal.data.copy()
        valid = np.ones(len(data), bool) if signal.valid is None else signal.valid
        broken = stretch(len(data), 0.5, rng)
        if self.kind == "noise":
            data[broken] = rng.normal(size=data[broken].shape)
        elif self.kind == "x 10":
            data[broken] *= 10
        else:
            data[broken] = data[np.flatnonzero(valid)[0]]
        valid = valid.copy()
        if self.masked:
            valid[broken] = False
        signals[self.modality] = signal.replace(data=data, valid=valid)
        return recording.with_signals(signals)


@dataclass(frozen=True)
class Chain:
    """One step after the other."""

    steps: tuple

    def __call__(self, recording):
        for step in self.steps:
            recording = step(recording)
        return recording


def mask_by_quality(recording):
    """Mask the epochs that QualityMask finds."""
    night = EpochArray([recording], include_unscored=True)
    return QualityMask().fit_transform(night).recordings[0].compute()


def mask_by_difference(recording):
    """Mark epochs of EEG and EOG whose SD is more than 41 uV above the other's."""
    signals = dict(recording.signals)
    spread = {}
    for name in ("eeg", "eog"):
        size = int(signals[name].sfreq * recording.epoch_duration)
        epochs = signals[name].data[0, : size * recording.n_epochs]
        spread[name] = epochs.reshape(recording.n_epochs, size).std(axis=1)
    for name, other in (("eeg", "eog"), ("eog", "eeg")):
        valid = ~(spread[name] - spread[other] > 41)
        signals[name] = signals[name].replace(valid=valid)
    return recording.with_signals(signals)
