"""The cohorts and the variants of SleepMG that sleepmg_tables.py compares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import joblib
import numpy as np
import torch
from scipy.signal import lfilter
from skorch.callbacks import Callback
from torch import nn

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import BandpassFilter, Resampler
from sleepkit.recording import EpochArray
from sleepkit.training import ModalityBalance, OnTheFlyModulation

N_SUBJECTS, HOURS, PASSES = 20, 1, 30
NIGHT_PASSES = 10

BOTH = ("classifier", "discriminator")
# name -> parameters, what is balanced (None cannot even be measured), and how
VARIANTS = {
    "FeatureNet": ({"modality_specific": False, "adversarial": 0}, (), {}),
    "G": ({"modality_specific": False}, (), {}),
    "M": ({"adversarial": 0}, (), {}),
    "NaiveMG": ({}, (), {}),
    "attention": ({"adversarial": 0, "fusion": "attention"}, None, {}),
    "OGM-GE": ({"adversarial": 0}, (), {}),
    "M balanced": ({"adversarial": 0}, ["classifier"], {}),
    "M signed": ({"adversarial": 0}, ["classifier"], {"metric": "signed"}),
    "M update": ({"adversarial": 0}, ["classifier"], {"mode": "update"}),
    "extractors": ({}, ["extractor"], {}),
    "classifier": ({}, ["classifier"], {}),
    "discriminator": ({}, ["discriminator"], {}),
    "SleepMG": ({}, BOTH, {}),
    "SleepMG signed": ({}, BOTH, {"metric": "signed"}),
    "SleepMG update": ({}, BOTH, {"mode": "update"}),
}
HOW_BALANCED = ("NaiveMG", "SleepMG", "SleepMG signed", "SleepMG update")


def simulated_variants(seed, histories, parameters):
    """Every variant, with a small FeatureNet for each modality."""
    return {
        name: stager(
            name,
            histories / f"{name.replace(' ', '-')}-{seed}",
            encoder=SmallFeatureNet,
            max_epochs=PASSES,
            patience=PASSES,
            **parameters,
        )
        for name in VARIANTS
    }


def night_variants(parameters):
    """NaiveMG and SleepMG, with a linear layer for each modality's features."""
    passes = {"max_epochs": NIGHT_PASSES, "patience": NIGHT_PASSES}
    return {name: stager(name, **passes, **parameters) for name in HOW_BALANCED}


def stager(name, history=None, **params):
    """A variant that measures the balance of its modalities where it can."""
    changed, targets, options = VARIANTS[name]
    callbacks = [] if targets is None else [ModalityBalance(targets, **options)]
    if name == "OGM-GE":
        callbacks.append(OnTheFlyModulation())
    if history is not None:
        callbacks.append(KeepHistory(str(history)))
    fixed = {"balance": (), "device": "cpu", "n_threads": 1}  # jobs run side by side
    return SleepMGClassifier(**changed, **fixed, **params, callbacks=callbacks)


class KeepHistory(Callback):
    """Write what was measured in each pass of a training to a file of its own."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, net, X=None, y=None, **_):
        train, _validation = X
        rows = [
            {key: value for key, value in row.items() if isinstance(value, float)}
            for row in net.history
        ]
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        fold = joblib.hash(train.stages)  # the same training, the same file
        (folder / f"{fold}.json").write_text(json.dumps(rows), encoding="utf-8")


def mean_history(folders, n_trainings):
    """Mean over trainings of all that was measured in each pass, as dicts."""
    files = sorted(path for folder in folders for path in folder.glob("*.json"))
    if len(files) != n_trainings:
        msg = f"{len(files)} histories, not {n_trainings}, beside {folders[0]}."
        raise ValueError(msg)
    histories = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return [
        {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        for rows in zip(*histories, strict=True)
    ]


class SmallFeatureNet(nn.Module):
    """FeatureNet with a quarter of its filters, for one channel."""

    def __init__(self, n_channels, n_times):
        super().__init__()
        self.small = _branch(n_channels, 8, (50, 6), 8, (16, 8))
        self.large = _branch(n_channels, 16, (400, 50), 6, (8, 4))

    def forward(self, x):
        return torch.cat([self.small(x), self.large(x)], dim=1)


def _branch(n_channels, n_first, wide, narrow, pools):
    """A wide convolution with a stride, and three narrow ones; both pooled."""
    layers = [*_convolution(n_channels, n_first, *wide), nn.MaxPool1d(pools[0])]
    layers.append(nn.Dropout(0.5))
    for n_in in (n_first, 16, 16):
        layers.append(nn.ZeroPad1d(((narrow - 1) // 2, narrow // 2)))
        layers += _convolution(n_in, 16, narrow)
    return nn.Sequential(*layers, nn.MaxPool1d(pools[1]), nn.Flatten())


def _convolution(n_in, n_out, *size):
    """A convolution, normalised and rectified."""
    return [nn.Conv1d(n_in, n_out, *size), nn.BatchNorm1d(n_out), nn.ReLU()]


@dataclass(frozen=True)
class OwnElectrodes:
    """Give each subject a gain and a spectral slope in each modality."""

    seed: int

    def __call__(self, recording):
        signals = dict(recording.signals)
        for name, signal in signals.items():
            rng = np.random.default_rng(
                [self.seed, crc32(f"{recording.subject} {name}".encode())]
            )
            gain, echo = np.exp(0.3 * rng.standard_normal()), rng.uniform(-0.4, 0.4)
            coloured = gain * lfilter([1, echo], [1], signal.data)
            signals[name] = signal.replace(data=coloured.astype(np.float32))
        return recording.with_signals(signals)


def simulated_subjects(seed, folder):
    """Subjects drawn by the seed, in a folder: EEG, EOG, EMG and ECG at 100 Hz."""
    X, y, _ = make_polysomnography(N_SUBJECTS, hours=HOURS, random_state=seed)
    X = BandpassFilter((0.3, 35)).fit_transform(X.map(OwnElectrodes(seed)))
    return Resampler(100).fit_transform(X).materialize(folder), y


def each_channel_alone(X):
    """The same rows, with Fpz-Cz and Pz-Oz as two modalities."""
    fpz, pz = np.split(X.epochs("eeg"), 2, axis=1)
    return EpochArray.from_arrays(
        {"fpz": fpz, "pz": pz, "eog": X.epochs("eog")},
        recording=X.recording,
        subject=X.subject,
    )
