"""Classifiers that learn in a blink, and data that they can learn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray, Recording, Signal

TINY_MEDFUSE = {
    "sequence_length": 4,
    "d_model": 8,
    "n_heads": 2,
    "n_layers": 1,
    "dim_feedforward": 16,
    "d_head": 16,
    "dropout": 0.1,
    "lr": 0.02,
    "batch_size": 8,
    "max_epochs": 2,
}
TINY_SLEEPMG = {"lr": 0.01, "dropout": 0.1, "batch_size": 16, "max_epochs": 2}
SHARED = {"random_state": 0, "device": "cpu", "n_threads": 1}


@pytest.fixture(scope="session")
def medfuse():
    """A factory of small MedFuseSleepClassifier."""
    return lambda **params: MedFuseSleepClassifier(**TINY_MEDFUSE | SHARED | params)


@pytest.fixture(scope="session")
def sleepmg():
    """A factory of small SleepMGClassifier."""
    return lambda **params: SleepMGClassifier(**TINY_SLEEPMG | SHARED | params)


@pytest.fixture(params=["medfuse", "sleepmg"])
def make(request):
    """A factory of either classifier."""
    return request.getfixturevalue(request.param)


def features(stages, rng, size=4):
    """Noisy features with a peak at the stage, on a circle of as many."""
    stages = np.asarray(stages)
    peak = np.eye(5)[stages % 5] @ rng.normal(size=(5, size)) * 3
    return (peak + 0.3 * rng.normal(size=(len(stages), size))).astype(np.float32)


@pytest.fixture(scope="session")
def make_nights():
    """A factory of nights of features, each of another subject.

    ``make_nights(4, n_epochs=20, missing={0: "eog"})``: the first lacks a modality.
    """

    def make(n_nights=4, *, n_epochs=20, missing=None, stages=5, seed=0):
        nights = []
        for i in range(n_nights):
            hypnogram = np.random.default_rng([seed, i]).permutation(n_epochs) % stages
            signals = {
                name: Signal(
                    features(hypnogram, np.random.default_rng(k))
                    + 0.1 * np.random.default_rng([seed, i, k]).normal(size=(1, 4))
                )
                for k, name in enumerate(("eeg", "eog"))
                if (missing or {}).get(i) != name
            }
            nights.append(
                Recording(
                    id=f"n{i}", subject=f"s{i}", signals=signals, hypnogram=hypnogram
                )
            )
        X = EpochArray(nights)
        return X, X.hypnogram

    return make


@pytest.fixture(scope="session")
def blobs():
    """Plain features of four columns, and stages in words."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return features(y, rng), np.array(["W", "N2", "REM"])[y]


@pytest.fixture(scope="session")
def loud_nights():
    """A factory of nights of raw signals whose amplitude is that of the stage.

    ``loud_nights(("eeg", "eog"), missing={0: "eog"}, sfreq=100, seconds=4)``: three
    nights of as many subjects, of epochs of 4 s; the first one lacks a modality.
    """

    def make(
        names=("eeg",), *, lengths=(14, 9, 12), missing=None, sfreq=100, seconds=4
    ):
        nights = []
        for i, n_epochs in enumerate(lengths):
            rng = np.random.default_rng(i)
            hypnogram = rng.permutation(n_epochs) % 3
            scale = np.repeat(4.0**hypnogram, round(sfreq * seconds))
            signals = {
                name: Signal(scale * rng.normal(size=(1, len(scale))), sfreq)
                for name in names
                if (missing or {}).get(i) != name
            }
            about = {
                "id": f"n{i}",
                "subject": f"s{i}",
                "epoch_duration": float(seconds),
            }
            nights.append(Recording(**about, signals=signals, hypnogram=hypnogram))
        X = EpochArray(nights)
        return X, X.hypnogram

    return make


@pytest.fixture
def check_stager(loud_nights, tmp_path):
    """A check of what every stager of raw signals does, given one that is small.

    ``check_stager(make(), names=("eeg", "eog"))``: it stages, from disk too, trains
    further, and is read back from a model file and a pickle.
    """

    def check(stager, names=("eeg",)):
        X, y = loud_nights(names)
        stager.fit(X, y)
        assert stager.score(X, y) > 0.8
        proba = stager.predict_proba(X)
        save_model(stager, tmp_path / "my.model")
        again = load_model(tmp_path / "my.model")
        np.testing.assert_array_equal(again.predict_proba(X), proba)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(stager)).predict_proba(X), proba
        )
        stored = X.materialize(tmp_path / "nights")
        np.testing.assert_array_equal(stager.predict_proba(stored), proba)
        before = stager.module_.state_dict()
        stager.set_params(max_epochs=1, precision="bfloat16").partial_fit(stored, y)
        after = stager.module_.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before)
        assert np.isfinite(stager.predict_proba(X)).all()

    return check
