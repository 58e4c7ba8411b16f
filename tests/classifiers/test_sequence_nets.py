"""What the stagers of spectra in sequences have in common, beside MedFuseSleep.

Fixtures
--------
make_stager : a factory of one of them, small.
fitted : one that was fitted on `nights`, which no test changes.
nights : nights of features of two modalities, and their stages.
"""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import (
    LSeqSleepNetClassifier,
    SeqSleepNetClassifier,
    SleepTransformerClassifier,
)
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.recording import EpochArray

SMALL = {
    LSeqSleepNetClassifier: {
        "subsequence_length": 3,
        "n_filters": 6,
        "hidden_size": 6,
        "attention_size": 4,
        "d_head": 32,
        "max_epochs": 24,
    },
    SeqSleepNetClassifier: {"n_filters": 6, "hidden_size": 6, "attention_size": 4},
    SleepTransformerClassifier: {
        "d_model": 8,
        "n_heads": 2,
        "n_layers": 1,
        "dim_feedforward": 16,
        "attention_size": 4,
        "d_head": 16,
    },
}
SHARED = {
    "sequence_length": 4,
    "dropout": 0.1,
    "lr": 0.03,
    "batch_size": 6,
    "max_epochs": 12,
    "validate_every": None,
    "random_state": 0,
    "device": "cpu",
    "n_threads": 1,
}


@pytest.fixture(scope="module", params=SMALL, ids=lambda kind: kind.__name__)
def make_stager(request):
    kind = request.param
    return lambda **params: kind(**SHARED | SMALL[kind] | params)


@pytest.fixture(scope="module")
def nights(make_nights):
    return make_nights(4)


@pytest.fixture(scope="module")
def fitted(make_stager, nights):
    return make_stager().fit(*nights)


class Watch(Callback):
    """Keeps the penalties of the optimizer, and the names of what has each."""

    def on_train_begin(self, net, **kwargs):
        names = {id(p): name for name, p in net.module_.named_parameters()}
        self.decays_ = {
            names[id(p)]: group["weight_decay"]
            for group in net.optimizer_.param_groups
            for p in group["params"]
        }


def test_it_stages(fitted, nights):
    assert fitted.score(*nights) > 0.7


def test_spectra(make_stager, make_night):
    X = EpochArray([make_night(6, seed=seed, sfreq=100.0) for seed in range(2)])
    spectra = SpectrumScaler().fit_transform(STFTEpocher().fit_transform(X))
    stager = make_stager(max_epochs=1).fit(spectra, X.hypnogram)
    assert stager.layout_ == {"eeg": (1, 29, 128), "eog": (1, 29, 128)}
    assert stager.predict(spectra).shape == (12,)
    with pytest.raises(ValueError, match=r"takes spectra .* got 'eeg' epochs of shape"):
        stager.fit(X, X.hypnogram)


def test_sequences_at_every_epoch_are_averaged(fitted, nights):
    X, _ = nights
    night = X[X.recording == "n1"][:6]
    encoded = fitted.module_.eval()  # of whole nights: context comes from there
    values = {n: X.epochs(n)[X.recording == "n1"] for n in ("eeg", "eog")}
    total, count = np.zeros((20, 5)), np.zeros((20, 1))
    for start in range(17):
        part = slice(start, start + 4)
        inputs = {n: as_tensor(v[part])[None] for n, v in values.items()}
        logits = encoded(inputs)[0].detach().double()
        total[part] += logits.log_softmax(-1).numpy()
        count[part] += 1
    expected = np.exp(total / count)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(night), expected[:6], atol=1e-5)


def as_tensor(values):
    return torch.tensor(values, dtype=torch.float32)


def test_each_epoch_is_encoded_once(fitted, nights, monkeypatch):
    n_encoded = []
    kind = type(fitted.module_)
    encode = kind.encode

    def watched(self, inputs, present=None):
        n_encoded.append(inputs["eeg"].shape[0] * inputs["eeg"].shape[1])
        return encode(self, inputs, present)

    monkeypatch.setattr(kind, "encode", watched)
    fitted.predict(nights[0])
    assert sum(n_encoded) == len(nights[0])


def test_all_modalities_are_needed(make_stager, make_nights):
    X, y = make_nights(3, missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="20 of 60 training epochs lack one of"):
        stager = make_stager(max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="20 of 60 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[20:40], np.tile(stager.class_prior_, (20, 1)))
    with pytest.raises(ValueError, match="takes all of these modalities"):
        stager.predict(X.select(["eeg"]))


def test_the_penalty_is_divided_by_the_batch(make_stager, nights):
    watched = {"max_epochs": 1, "callbacks": [("watch", Watch())]}
    stager = make_stager(weight_decay=0.6, **watched).fit(*nights)
    decays = dict(stager.net_.callbacks_)["watch"].decays_
    free = {name for name, decay in decays.items() if decay == 0}
    assert free == {name for name in decays if "filterbank" in name}
    assert {round(decay, 9) for decay in decays.values()} - {0} == {0.1}


def test_training_goes_on(make_stager, nights):
    X, y = nights
    stager = make_stager(max_epochs=2).partial_fit(X, y)
    first = stager.net_.history[0, "train_loss"]
    stager.set_params(max_epochs=4).partial_fit(X, y)
    assert stager.net_.history[-1, "train_loss"] < first


def test_nights_on_disk_give_the_same(make_stager, nights):
    X, y = nights
    scaled = SpectrumScaler().fit_transform(X)  # computed when needed
    in_ram, mapped = (make_stager(max_epochs=1, max_ram=r) for r in (1e9, 1))
    np.testing.assert_array_equal(
        in_ram.fit(scaled, y).predict_proba(scaled),
        mapped.fit(scaled, y).predict_proba(scaled),
    )


def test_bfloat16(fitted, nights):
    X, _ = nights
    lower = pickle.loads(pickle.dumps(fitted)).set_params(precision="bfloat16")
    proba, near = fitted.predict_proba(X), lower.predict_proba(X)
    assert not np.array_equal(proba, near)
    np.testing.assert_allclose(near, proba, atol=0.1)


def test_training_in_bfloat16(make_stager, nights):
    stager = make_stager(precision="bfloat16").fit(*nights)
    assert stager.score(*nights) > 0.6


def test_model_file_and_pickle(fitted, nights, tmp_path):
    X, _ = nights
    save_model(fitted, tmp_path / "my.model")
    for again in (
        load_model(tmp_path / "my.model"),
        pickle.loads(pickle.dumps(fitted)),
    ):
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_parameters_that_cannot_be_used(make_stager, nights):
    owner = type(make_stager()).__name__
    known = make_stager().get_params()
    for name, value in {
        "sequence_length": 0,
        "stride": 5,
        "subsequence_length": 0,
        "n_filters": 0,
        "hidden_size": 2.5,
        "attention_size": 0,
        "d_model": 0,
        "n_heads": 0,
        "n_layers": 0,
        "dim_feedforward": 0,
        "d_head": 0,
        "dropout": 1,
        "norm_momentum": 1.5,
        "validate_every": 0,
    }.items():
        if name in known:
            with pytest.raises(ValueError, match=f"'{name}' parameter of {owner}"):
                make_stager(**{name: value}).fit(*nights)
