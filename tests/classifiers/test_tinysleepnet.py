"""TinySleepNet as a stager: its nights, what is penalised, and what it needs.

Fixtures
--------
tinysleepnet : a factory of small TinySleepNetClassifier.
signal_nights : a factory of nights of one signal whose amplitude is the stage's.
"""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import TinySleepNetClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 20, 30


@pytest.fixture
def tinysleepnet():
    def make(**params):
        small = {
            "n_filters": (4, 8),
            "hidden_size": 8,
            "norm_momentum": 0.1,
            "max_epochs": 2,
            "batch_size": 2,
            "sequence_length": 5,
            "validation_fraction": 0,
            "lr": 0.01,
            "dropout": 0.1,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return TinySleepNetClassifier(**small | params)

    return make


@pytest.fixture(scope="session")
def signal_nights():
    def make(lengths=(14, 9, 12), *, missing=None, names=("eeg",)):
        nights = []
        for i, n_epochs in enumerate(lengths):
            rng = np.random.default_rng(i)
            hypnogram = rng.integers(3, size=n_epochs)
            scale = np.repeat(4.0**hypnogram, SFREQ * SECONDS)
            signals = {
                name: Signal(scale * rng.normal(size=(1, len(scale))), SFREQ)
                for name in names
                if (missing or {}).get(i) != name
            }
            night = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": hypnogram}
            nights.append(Recording(signals=signals, **night))
        X = EpochArray(nights)
        return X, X.hypnogram

    return make


class Watch(Callback):
    """Keeps what the last training had."""

    def on_train_begin(self, net, **kwargs):
        Watch.penalised = [
            tuple(parameter.shape)
            for group in net.optimizer_.param_groups
            for parameter in group["params"]
            if group["weight_decay"]
        ]
        Watch.weight = net.criterion_.class_weight
        Watch.continues, Watch.norms = [], []

    def on_grad_computed(self, net, batch, **kwargs):
        carried = batch[0].get("continues")
        Watch.continues.append(None if carried is None else bool(carried.all()))
        grads = [p.grad for p in net.module_.parameters()]
        Watch.norms.append(torch.stack([g.norm() for g in grads]).norm().item())


def test_it_stages(tinysleepnet, signal_nights):
    X, y = signal_nights()
    assert tinysleepnet(max_epochs=30).fit(X, y).score(X, y) > 0.8


def test_the_training(tinysleepnet, signal_nights):
    X, y = signal_nights()
    params = {"max_epochs": 1, "callbacks": [Watch()]}
    tinysleepnet(gradient_clip=1e-3, **params).fit(X, y)
    assert Watch.continues == [False, True, True, False, True]  # 14 and 12, then 9
    assert Watch.penalised == [(4, 1, 10), (8, 4, 8), (8, 8, 8), (8, 8, 8)]
    assert max(Watch.norms) <= 1e-3 * 1.001
    assert Watch.weight.tolist() == [1.0, 1.5, 1.0]
    tinysleepnet(class_weight=None, **params).fit(X, y)
    assert Watch.weight is None
    assert max(Watch.norms) > 1e-3


def test_predictions_do_not_depend_on_later_epochs(tinysleepnet, signal_nights):
    """A night that ends earlier is staged the same up to there."""
    X, y = signal_nights()
    stager = tinysleepnet().fit(X, y)
    proba = stager.predict_proba(X)
    night = X.recordings[0]
    signal = night.signals["eeg"]
    cut = signal.data[:, : 6 * SFREQ * SECONDS]
    early = Recording(id="early", subject="s", signals={"eeg": Signal(cut, SFREQ)})
    np.testing.assert_allclose(stager.predict_proba(early), proba[:6], atol=1e-5)
    np.testing.assert_allclose(stager.predict_proba(X[:7]), proba[:7], atol=1e-6)


def test_all_modalities_are_needed(tinysleepnet, signal_nights):
    X, y = signal_nights(names=("eeg", "eog"), missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="9 of 35 training epochs lack one of"):
        stager = tinysleepnet(max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="9 of 35 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[14:23], np.tile(stager.class_prior_, (9, 1)))


def test_model_file(tinysleepnet, signal_nights, tmp_path):
    X, y = signal_nights()
    stager = tinysleepnet(max_epochs=1).fit(X, y)
    save_model(stager, tmp_path / "my.model")
    again = load_model(tmp_path / "my.model")
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))


def test_epochs_of_another_length_are_refused(tinysleepnet, signal_nights):
    X, y = signal_nights()
    with pytest.raises(ValueError, match=r"epochs of 20 s, .* X has epochs of 30 s"):
        tinysleepnet(epoch_duration=20).fit(X, y)


def test_parameters_that_cannot_be_used(tinysleepnet, signal_nights):
    X, y = signal_nights()
    for params, words in [
        ({"class_weight": "rare"}, "'class_weight' .* TinySleepNetClassifier"),
        ({"gradient_clip": 0}, "'gradient_clip' parameter of TinySleepNetClassifier"),
        ({"hidden_size": 8.5}, "'hidden_size'"),
        ({"n_layers": 0}, "'n_layers'"),
        ({"dropout": 1.5}, "'dropout'"),
        ({"norm_momentum": 7}, "'norm_momentum' .* <= 1. Got 7"),
        ({"n_filters": 4}, "'n_filters' .* two whole numbers. Got 4"),
    ]:
        with pytest.raises(ValueError, match=words):
            tinysleepnet(**params).fit(X, y)


def test_the_published_defaults():
    stager = TinySleepNetClassifier()
    assert (stager.sequence_length, stager.batch_size, stager.lr) == (20, 15, 1e-4)
    stager.layout_, stager.classes_ = {"eeg": (1, 3000)}, np.arange(5)
    stager.epoch_duration_ = 30.0
    with torch.device("meta"):
        module = stager._build_module()
    assert sum(p.numel() for p in module.parameters()) == 1_516_421
