"""Each variant of MedFuseSleep is restored from a file."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray

BASE = {"multi_view": 0.0, "alignment": 0.0}
TEMPERATURE = {
    "temperature": "learned",
    "missing": "fused_head",
    "modality_dropout": 0.2,
}
STEPS = {"schedule": "released", "validate_every": 3}


@pytest.fixture(scope="module")
def nights():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 60)
    X = rng.standard_normal((60, 6)) + y[:, np.newaxis]
    columns = {"eeg": [0, 1, 2], "eog": [3, 4], "emg": [5]}
    subjects = np.repeat(["a", "b", "c", "d", "e"], 12)
    return EpochArray.from_arrays(X, recording=subjects, modalities=columns), y


def test_an_unknown_fusion_is_refused(nights, path):
    X, y = nights
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "d_head": 8, "max_epochs": 1}
    stager = MedFuseSleepClassifier(**sizes).fit(X, y).set_params(fusion="late")
    with pytest.raises(ModelFileError, match="late"):
        save_model(stager, path)


@pytest.mark.parametrize(
    "params", [BASE, TEMPERATURE, STEPS], ids=["base", "temperature", "steps"]
)
@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
def test_round_trip(nights, path, fusion, params):
    X, y = nights
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "dim_feedforward": 8}
    sizes |= {"d_head": 8, "sequence_length": 5, "max_epochs": 1, "random_state": 0}
    stager = MedFuseSleepClassifier(fusion=fusion, **sizes, **params).fit(X, y)
    save_model(stager, path)
    again = load_model(path)
    assert again.temperature_ == stager.temperature_
    for names in (X.modalities, ["eog"], ["eeg", "emg"]):
        some = X.select(names)
        found, expected = again.predict_proba(some), stager.predict_proba(some)
        np.testing.assert_array_equal(found, expected)
    again.partial_fit(X, y)
