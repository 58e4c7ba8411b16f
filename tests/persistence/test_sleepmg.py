"""Variants of SleepMG are restored from a file; code of the user is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from torch import nn

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.exceptions import ModelFileError
from sleepkit.nn import VectorNet
from sleepkit.persistence import load_model, save_model
from sleepkit.training import ModalityBalance, OnTheFlyModulation, ReversalSchedule

COLUMNS = {"eeg": [0, 1], "eog": [2]}


class Mine(nn.Module):
    def __init__(self, *shape):
        super().__init__()

    def forward(self, x):
        return x.flatten(1)


@pytest.fixture(scope="module")
def epochs():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 5
    return rng.standard_normal((40, 3, 250)) * (1 + y)[:, None, None], y


def fitted(epochs, **params):
    params = {"modalities": COLUMNS, "batch_size": 16, "max_epochs": 2} | params
    stager = SleepMGClassifier(random_state=0, device="cpu", **params)
    return stager.fit(*epochs, groups=np.arange(40) // 10)


@pytest.mark.parametrize(
    "params",
    [
        {"fusion": "attention", "balance": ()},
        {"modality_specific": False},
        {"modality_specific": False, "fusion": "attention", "balance": ()},
        {"epoch_duration": 5.0},
        {"per_channel": False},
        {"balance": ["extractor"], "adversarial": 0},
        {"domains": "subject", "callbacks": [ReversalSchedule()]},
        {"balance": (), "callbacks": [ModalityBalance(mode="update")]},
        {"balance": (), "callbacks": [OnTheFlyModulation()]},
    ],
)
def test_variants_are_restored(epochs, path, params):
    stager, (X, y) = fitted(epochs, **params), epochs
    save_model(stager, path)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))
    np.testing.assert_array_equal(again.transform(X), stager.transform(X))
    assert again.net_.history[-1].keys() >= {"train_loss", "valid_accuracy"}
    again.partial_fit(X, y)


@pytest.mark.parametrize(
    ("encoder", "named"),
    [
        (Mine, "its encoder is the class .*Mine. A model file cannot name .* joblib"),
        ({"eeg": Mine}, "its encoder.eeg is the class"),
        (VectorNet, "its encoder is the class sleepkit.nn"),
    ],
)
def test_encoder_classes_are_refused(epochs, path, encoder, named):
    X, y = epochs
    if encoder is VectorNet:
        stager = SleepMGClassifier(encoder=encoder)  # its parameters are enough
    else:
        stager = fitted((X, y), encoder=encoder)
    with pytest.raises(ModelFileError, match=named):
        save_model(stager, path)
    assert not path.exists()


class MyStager(SleepMGClassifier):
    """Classifier of a user, by inheritance."""


@pytest.mark.parametrize("wrap", [lambda s: s, make_pipeline], ids=["alone", "step"])
def test_a_classifier_of_the_user_is_refused(epochs, path, wrap):
    stager = MyStager(modalities=COLUMNS, max_epochs=1, device="cpu")
    stager.fit(*epochs, groups=np.arange(40) // 10)
    words = "only sleepkit's own classifiers .* MyStager is not one; use joblib for"
    with pytest.raises(ModelFileError, match=words):
        save_model(wrap(stager), path)
    assert not path.exists()
