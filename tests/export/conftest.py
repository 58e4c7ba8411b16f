"""Fixtures: small stagers, fitted once, and their ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import (
    LogPoolClassifier,
    MedFuseSleepClassifier,
    SleepMGClassifier,
    TemporalConvClassifier,
)
from sleepkit.datasets import make_polysomnography
from sleepkit.export import to_onnx
from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    FixedChannels,
    PowerShares,
    RelativeFeatures,
    Resampler,
    SignalScaler,
    SpectrumScaler,
    STFTEpocher,
)
from sleepkit.recording import EpochArray

pytest.importorskip("onnxruntime")
SHARED = {"max_epochs": 1, "validation_fraction": 0, "random_state": 0, "n_threads": 1}


@pytest.fixture(scope="session")
def nights():
    """Two nights of EEG and EOG, with epochs that are not valid."""
    X, _, _ = make_polysomnography(
        2, hours=0.2, modalities=("eeg", "eog"), random_state=0
    )
    marked = []
    for recording in X.recordings:
        valid = np.arange(recording.n_epochs) != 9
        eeg = recording.signals["eeg"].replace(valid=valid)
        eog = recording.signals["eog"].replace(valid=valid)
        marked.append(recording.with_signals({"eeg": eeg, "eog": eog}))
    return EpochArray(marked)


def powers_pipeline():
    """Features of three kinds in front of a pool of two nets."""
    shares = [
        ("resample", Resampler(64)),
        ("filter", BandpassFilter({"eeg": (2, 30)})),
        ("scale", SignalScaler(robust=False)),
        ("power", PowerShares()),
        ("channels", FixedChannels({"eeg": 2}, n_features=10)),
        ("relative", RelativeFeatures()),
        ("standardize", SpectrumScaler()),
    ]
    bands = [
        ("scale", SignalScaler()),
        ("power", BandPower({"slow": (1, 4), "fast": (8, 20)}, ratios=())),
        ("night", SpectrumScaler("recording")),
    ]
    return [
        Pipeline([*steps, ("stage", TemporalConvClassifier(n_filters=4, **SHARED))])
        for steps in (shares, bands)
    ]


@pytest.fixture(scope="session")
def powers_stager(nights):
    """Pool of nets on band powers of signals."""
    first, second = powers_pipeline()
    first.fit(nights, nights.hypnogram)
    only = nights.select(["eeg"])
    second.fit(only, only.hypnogram)
    members = [("shares", first), ("bands", second)]
    pool = LogPoolClassifier(members, weights=[0.7, 0.6], prefit=True)
    return pool.fit(nights, nights.hypnogram)


@pytest.fixture(scope="session")
def powers_file(powers_stager, tmp_path_factory):
    """Its graph from signals."""
    path = tmp_path_factory.mktemp("onnx") / "powers.onnx"
    to_onnx(powers_stager, path, sfreq=100, n_channels=1, about={"method": "powers"})
    return path


@pytest.fixture(scope="session")
def sleepmg(nights):
    """SleepMG on signals that are scaled, and their epochs."""
    steps = [("resample", Resampler(20)), ("scale", SignalScaler())]
    net = SleepMGClassifier(modality_dropout=0.3, batch_size=16, **SHARED)
    return Pipeline([*steps, ("stage", net)]).fit(nights, nights.hypnogram)


@pytest.fixture(scope="session")
def medfuse():
    """MedFuseSleep on spectra of three modalities, and nights."""
    X, y, _ = make_polysomnography(
        2, hours=0.2, modalities=("eeg", "eog", "emg"), random_state=0
    )
    net = MedFuseSleepClassifier(
        d_model=8,
        n_heads=2,
        n_layers=1,
        dim_feedforward=16,
        d_head=8,
        sequence_length=8,
        leave_out_noise=False,
        **SHARED,
    )
    steps = [
        ("filter", BandpassFilter((0.5, 35))),
        ("resample", Resampler(100)),
        ("spectra", STFTEpocher(hop=10.0)),
        ("scale", SpectrumScaler("recording")),
    ]
    return Pipeline([*steps, ("stage", net)]).fit(X, y), X
