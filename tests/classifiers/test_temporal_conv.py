"""Temporal convolutions as a stager: any subset, whole nights, how it is trained.

Fixtures
--------
temporal : a factory of small TemporalConvClassifier.
nights : four nights of features of two modalities, and their stages.
fitted : one that was fitted on `nights`, which no test changes.
"""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import TemporalConvClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal


@pytest.fixture(scope="module")
def temporal():
    def make(**params):
        small = {"sequence_length": 12, "n_filters": 16, "batch_size": 4}
        small |= {"lr": 0.01, "max_epochs": 25, "validation_fraction": 0}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return TemporalConvClassifier(**small | shared | params)

    return make


@pytest.fixture(scope="module")
def nights(make_nights):
    return make_nights(4)


@pytest.fixture(scope="module")
def fitted(temporal, nights):
    return temporal().fit(*nights)


class Watch(Callback):
    """Keeps what the training had of each batch."""

    def on_train_begin(self, net, **kwargs):
        self.rates_, self.norms_, self.parts_, self.shapes_ = [], [], [], []

    def on_grad_computed(self, net, batch, **kwargs):
        present = np.stack(list(batch[0]["present"].values()))
        self.shapes_.append(present.shape[1:])
        self.parts_ += [tuple(part) for part in present.any(axis=2).T]
        self.rates_.append(net.optimizer_.param_groups[0]["lr"])
        grads = [p.grad.norm() for p in net.module_.parameters()]
        self.norms_.append(torch.stack(grads).norm().item())


@pytest.fixture
def watch(temporal, nights):
    """Train with some parameters, and return what the training had."""

    def train(**params):
        stager = temporal(**params, callbacks=[("watch", Watch())]).fit(*nights)
        return dict(stager.net_.callbacks_)["watch"]

    return train


def test_any_subset_is_staged(fitted, nights, make_nights):
    X, y = nights
    assert fitted.score(X, y) > 0.95
    for name in ("eeg", "eog"):
        assert fitted.score(X.select([name]), y) > 0.95
    mixed, y = make_nights(4, missing={1: "eeg", 3: "eog"})
    assert fitted.score(mixed, y) > 0.95


def test_training_on_nights_that_lack_a_modality(temporal, make_nights):
    X, y = make_nights(4, missing={0: "eeg", 2: "eog"})
    stager = temporal().fit(X, y)
    complete, y = make_nights(4)
    assert stager.score(complete, y) > 0.9


def test_whole_nights(fitted, nights):
    """Neither the rows requested nor other nights nor the batch have an influence."""
    X, _ = nights
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(fitted.predict_proba(X[:7]), proba[:7], atol=1e-6)
    night = X[X.recording == "n1"]
    values = {name: torch.tensor(night.epochs(name)) for name in ("eeg", "eog")}
    with torch.no_grad():
        logits = fitted.module_.eval()({n: v.float()[None] for n, v in values.items()})
    np.testing.assert_allclose(
        fitted.predict_proba(night), logits[0].softmax(1), atol=1e-5
    )


def test_a_gap_is_the_end_of_a_night(fitted, nights):
    X, _ = nights
    values = {name: X.epochs(name)[:20].copy() for name in X.modalities}
    parts = [slice(0, 8), slice(9, 20)]
    apart = [fitted.predict_proba(recording(values, part)) for part in parts]
    for name in values:
        values[name][8] = np.nan
    with pytest.warns(SleepkitWarning, match="1 of 20 epochs have no valid signal"):
        proba = fitted.predict_proba(recording(values, slice(None)))
    np.testing.assert_allclose(proba[8], fitted.class_prior_)
    for part, expected in zip(parts, apart, strict=True):
        np.testing.assert_allclose(proba[part], expected, atol=1e-5)


def recording(values, part):
    """A recording of some of the epochs."""
    return Recording(
        id="n", subject="s", signals={n: Signal(v[part]) for n, v in values.items()}
    )


def test_plain_arrays(temporal, blobs):
    """Rows stand alone, and a modality that is NaN throughout a row is missing."""
    X, y = blobs
    stager = temporal(modalities={"eeg": [0, 1], "eog": [2, 3]}).fit(X, y)
    assert stager.score(X, y) > 0.95
    lacking = X.copy()
    lacking[::2, :2] = np.nan
    assert stager.score(lacking, y) > 0.8


def test_spectra(temporal, make_night):
    X = EpochArray([make_night(6, seed=seed, sfreq=100.0) for seed in range(2)])
    spectra = SpectrumScaler().fit_transform(STFTEpocher().fit_transform(X))
    stager = temporal(max_epochs=1).fit(spectra, X.hypnogram)
    assert stager.layout_ == {"eeg": (1, 29, 128), "eog": (1, 29, 128)}
    assert stager.predict(spectra).shape == (12,)
    with pytest.raises(ValueError, match=r"takes features or spectra .* got 'eeg'"):
        stager.fit(X, X.hypnogram)


def test_the_training(watch):
    seen = watch(max_epochs=20, gradient_clip=1e-3, warmup=0.1, modality_dropout=0.5)
    assert max(seen.norms_) <= 1e-3 * 1.001
    assert seen.rates_[0] < 0.01
    assert max(seen.rates_) == pytest.approx(0.01)
    assert seen.rates_[-1] < 1e-3
    assert {shape[1] for shape in seen.shapes_} == {12}
    share = np.mean([part != (True, True) for part in seen.parts_])
    assert 0.3 < share < 0.7
    assert set(seen.parts_) == {(True, True), (True, False), (False, True)}


def test_options_of_the_training(watch):
    seen = watch(max_epochs=2, schedule="constant", modality_dropout=0)
    assert set(seen.rates_) == {0.01}
    assert set(seen.parts_) == {(True, True)}


def test_training_goes_on(temporal, nights):
    X, y = nights
    stager = temporal(max_epochs=2).partial_fit(X, y)
    first = stager.net_.history[0, "train_loss"]
    stager.set_params(max_epochs=4).partial_fit(X.select(["eeg"]), y)
    assert stager.net_.history[-1, "train_loss"] < first


def test_model_file_and_pickle(fitted, nights, tmp_path):
    X, _ = nights
    save_model(fitted, tmp_path / "my.model")
    for again in (
        load_model(tmp_path / "my.model"),
        pickle.loads(pickle.dumps(fitted)),
    ):
        for some in (X, X.select(["eog"])):
            np.testing.assert_array_equal(
                again.predict_proba(some), fitted.predict_proba(some)
            )


def test_bfloat16(temporal, nights):
    assert temporal(precision="bfloat16").fit(*nights).score(*nights) > 0.9


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"sequence_length": 0}, "'sequence_length' parameter of TemporalConv"),
        ({"n_filters": 0}, "'n_filters' parameter"),
        ({"dropout": 1}, "'dropout' parameter"),
        ({"noise": -1}, "'noise' parameter"),
        ({"modality_dropout": 1}, "'modality_dropout' parameter"),
        ({"gradient_clip": 0}, "'gradient_clip' parameter"),
        ({"schedule": "released"}, "'schedule' parameter"),
        ({"warmup": -1}, "'warmup' parameter"),
    ],
)
def test_parameters_that_cannot_be_used(temporal, nights, params, words):
    with pytest.raises(ValueError, match=words):
        temporal(**params).fit(*nights)
