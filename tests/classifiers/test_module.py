"""A user's torch module as a stager.

Fixtures
--------
labelled_nights : a factory of nights of features with stages (`make_nights`).
"""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from sleepkit.classifiers import ModuleClassifier
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.model_selection import SubjectKFold
from sleepkit.persistence import save_model

FAST = {"lr": 0.02, "batch_size": 8, "random_state": 0, "device": "cpu", "n_threads": 1}


class OneSignal(nn.Module):
    """Logits of the features of the only modality."""

    def __init__(self, layout, n_classes, hidden=16):
        super().__init__()
        (shape,) = layout.values()
        self.layers = nn.Sequential(
            nn.Linear(*shape, hidden), nn.ReLU(), nn.Linear(hidden, n_classes)
        )

    def forward(self, x):
        return self.layers(x)


class TwoSignals(nn.Module):
    """Logits of the features of both modalities side by side."""

    def __init__(self, n_classes):
        super().__init__()
        self.layer = nn.Linear(8, n_classes)

    def forward(self, signals):
        assert list(signals) == ["eeg", "eog"]
        return self.layer(torch.cat(list(signals.values()), dim=-1))


class OneSample(TwoSignals):
    """The same for modalities of one channel, shape (batch, 1, 4)."""

    def forward(self, signals):
        return super().forward({name: x[:, 0] for name, x in signals.items()})


class AnySubset(TwoSignals):
    """The same, which reads what is present."""

    def forward(self, signals, present):
        assert list(present) == ["eeg", "eog"]
        assert not signals["eog"][~present["eog"]].any()
        return super().forward(signals)


class Recurrent(nn.Module):
    """A GRU along the sequence, behind an encoder of epochs that counts its calls."""

    def __init__(self, n_classes):
        super().__init__()
        self.encoder, self.gru = nn.Linear(4, 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, n_classes)
        self.n_encoded = 0

    def forward(self, x):
        return self.decode(self.encode(x))

    def encode(self, x):
        self.n_encoded += x.shape[0] * x.shape[1]
        return {"tokens": torch.relu(self.encoder(x))}

    def decode(self, encoded):
        return self.head(self.gru(encoded["tokens"])[0])


@pytest.fixture
def labelled_nights(make_nights):
    return make_nights


# ------------------------------------------------------------------- what it is given


def test_the_only_modality_is_a_tensor(labelled_nights):
    X, y = labelled_nights(4)
    eeg = X.select(["eeg"])
    stager = ModuleClassifier(OneSignal, max_epochs=15, **FAST).fit(eeg, y)
    assert stager.score(eeg, y) > 0.8
    assert stager.module_.module.layers[0].in_features == 4  # by its layout
    assert stager.predict_proba(eeg).shape == (80, 5)


def test_several_modalities_are_a_dict(labelled_nights):
    X, y = labelled_nights(4)
    stager = ModuleClassifier(TwoSignals, max_epochs=15, **FAST).fit(X, y)
    assert stager.score(X, y) > 0.8


@pytest.mark.parametrize("length", [1, 5])
def test_sequences_encode_every_epoch_once(labelled_nights, length):
    X, y = labelled_nights(3)
    eeg = X.select(["eeg"])
    stager = ModuleClassifier(
        Recurrent, sequence_length=length, stride=1, max_epochs=10, **FAST
    ).fit(eeg, y)
    assert stager.score(eeg, y) > 0.5
    module = stager.module_.module
    module.n_encoded = 0
    stager.predict(eeg)
    assert module.n_encoded == 60


def test_two_steps_give_what_one_gives(labelled_nights):
    class InOneStep(Recurrent):
        encode = decode = None

        def forward(self, x):
            return self.head(self.gru(torch.relu(self.encoder(x)))[0])

    del InOneStep.encode, InOneStep.decode
    X, y = labelled_nights(3)
    eeg = X.select(["eeg"])
    params = FAST | {"sequence_length": 5, "max_epochs": 2}
    two = ModuleClassifier(Recurrent, **params).fit(eeg, y)
    weights = two.module_.state_dict()

    class Whole(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.inner = Recurrent(n_classes)

        def forward(self, x):
            return self.inner(x)

    one = ModuleClassifier(Whole, **params).fit(eeg, y)
    one.module_.module.inner.load_state_dict(
        {name.removeprefix("module."): w for name, w in weights.items()}
    )
    np.testing.assert_allclose(
        one.predict_proba(eeg), two.predict_proba(eeg), atol=1e-6
    )


class EncodesSequences(Recurrent):
    """The same with an encoder that reads along the sequence."""

    def encode(self, x):
        return self.gru(torch.relu(self.encoder(x)))[0]

    def decode(self, encoded):
        return self.head(encoded)


class EncodesLists(Recurrent):
    """The same with an encoding that is a list."""

    def forward(self, x):
        return super().decode(super().encode(x))

    def encode(self, x):
        return [self.encoder(x)]


class Autoencoder(OneSignal):
    """A module whose methods reconstruct the input."""

    def __init__(self, layout, n_classes):
        super().__init__(layout, n_classes)
        self.encode, self.decode = nn.Linear(4, 2), nn.Linear(2, 4)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (EncodesSequences, r"decode\(encode\(x\)\) is not forward\(x\).*other names"),
        (EncodesLists, r"encode .* must return tensors .* seq = 5, 1. Got list"),
        (Autoencoder, r"Autoencoder.decode, which predictions call, must return .*, 4"),
    ],
)
def test_two_steps_that_give_something_else(labelled_nights, module, words):
    X, y = labelled_nights(2)
    stager = ModuleClassifier(module, sequence_length=5, **FAST)
    with pytest.raises(ValueError, match=words):
        stager.fit(X.select(["eeg"]), y)


def test_plain_arrays(blobs):
    X, y = blobs
    stager = ModuleClassifier(OneSignal, max_epochs=20, **FAST).fit(X, y)
    assert stager.score(X, y) > 0.9
    signals = {"eeg": [0], "eog": [1]}
    wide = np.stack([X, X], axis=1)  # two channels of four samples
    stager = ModuleClassifier(OneSample, modalities=signals, max_epochs=20, **FAST)
    assert stager.fit(wide, y).score(wide, y) > 0.9


# ------------------------------------------------------------------ what is missing


def test_without_present_all_modalities_are_needed(labelled_nights):
    X, y = labelled_nights(4, missing={0: "eog"})
    incomplete = "20 of 80 training epochs lack one of eeg, eog and are not trained on"
    with pytest.warns(SleepkitWarning, match=incomplete) as warned:
        stager = ModuleClassifier(TwoSignals, max_epochs=2, **FAST).fit(X, y)
    assert warned[0].filename == __file__
    with pytest.warns(SleepkitWarning, match="20 of 80 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[:20], np.tile(stager.class_prior_, (20, 1)))
    assert np.ptp(proba[20:], axis=0).max() > 0.1
    with pytest.raises(ValueError, match=r"takes all of these .* X has eeg \(4,\)"):
        stager.predict(X.select(["eeg"]))
    hidden = y.copy()
    hidden[:20] = 0  # the labels of the first night, which are not trained on
    with pytest.warns(SleepkitWarning, match=incomplete):
        again = ModuleClassifier(TwoSignals, max_epochs=2, **FAST).fit(X, hidden)
    np.testing.assert_array_equal(again.predict_proba(X[20:]), proba[20:])
    X, y = labelled_nights(2, missing={0: "eog", 1: "eeg"})
    with pytest.raises(
        ValueError, match="all are masked, or without a valid signal in all of eeg, eog"
    ):
        stager.fit(X, y)


def test_with_present_any_subset_will_do(labelled_nights):
    X, y = labelled_nights(4, missing={0: "eog"})
    stager = ModuleClassifier(AnySubset, max_epochs=15, **FAST).fit(X, y)
    assert stager.score(X, y) > 0.6
    alone = stager.predict_proba(X.recordings[0])  # as beside nights that have both
    np.testing.assert_allclose(alone, stager.predict_proba(X)[:20], atol=1e-6)
    assert stager.predict(X.select(["eeg"])).shape == y.shape


# ----------------------------------------------------------------------- parameters


def test_parameters_of_the_module(labelled_nights):
    X, y = labelled_nights(4)
    eeg = X.select(["eeg"])
    stager = ModuleClassifier(OneSignal, module__hidden=3, max_epochs=1, **FAST)
    assert stager.get_params()["module__hidden"] == 3
    assert clone(stager).fit(eeg, y).module_.module.layers[0].out_features == 3
    stager.set_params(module__hidden=5, lr=0.5)
    assert (stager.lr, stager.module__hidden) == (0.5, 5)
    search = GridSearchCV(stager, {"module__hidden": [2, 4]}, cv=SubjectKFold(2))
    assert search.fit(eeg, y).best_params_["module__hidden"] in {2, 4}
    assert "module__hidden=5" in repr(stager)


def test_a_module_among_the_parameters_stays_as_it_is(blobs):
    class Stacked(nn.Sequential):
        def __init__(self, n_classes, lambda_=None):
            super().__init__(lambda_, nn.Linear(3, n_classes))

    X, y = blobs
    pretrained = nn.Linear(4, 3)
    before = pretrained.weight.detach().clone()
    stager = ModuleClassifier(Stacked, module__lambda_=pretrained, max_epochs=1, **FAST)
    stager.fit(X, y)
    assert torch.equal(pretrained.weight, before)
    assert not torch.equal(stager.module_.module[0].weight, before)
    assert isinstance(clone(stager).get_params()["module__lambda_"], nn.Linear)


def test_parameters_that_cannot_be_used(blobs):
    X, y = blobs
    with pytest.raises(TypeError, match=r"argument 'hidden'; .* module__hidden"):
        ModuleClassifier(OneSignal, hidden=3)
    with pytest.raises(TypeError, match="argument 'lr_'"):
        ModuleClassifier(OneSignal, lr_=0.1)
    with pytest.raises(ValueError, match="Invalid parameter 'lr_'"):
        ModuleClassifier(OneSignal).set_params(lr_=0.1)
    with pytest.raises(ValueError, match="OneSignal takes layout, n_classes, hidden"):
        ModuleClassifier(OneSignal, module__width=3).fit(X, y)
    with pytest.raises(ValueError, match="must be a class of torch"):
        ModuleClassifier(nn.Linear(4, 5)).fit(X, y)
    with pytest.raises(ValueError, match="'stride' parameter of ModuleClassifier"):
        ModuleClassifier(OneSignal, sequence_length=3, stride=4).fit(X, y)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (None, r"logits of shape \(batch, n_classes\) = \(8, 5\); got \(8, 6\)"),
        (4, r"\(batch, seq, n_classes\) = \(6, 4, 5\); got \(6, 4, 6\)"),
    ],
)
def test_logits_of_another_shape(labelled_nights, length, words):
    class Wide(OneSignal):
        def __init__(self, layout, n_classes):
            super().__init__(layout, n_classes + 1)

    X, y = labelled_nights(2)
    stager = ModuleClassifier(
        Wide, sequence_length=length, validation_fraction=0, **FAST
    )
    with pytest.raises(ValueError, match=words):
        stager.fit(X.select(["eeg"]), y)


def test_a_batch_of_one_row(blobs):
    class Normed(nn.Sequential):
        def __init__(self, n_classes):
            super().__init__(nn.BatchNorm1d(4), nn.Linear(4, n_classes))

    X, y = blobs
    stager = ModuleClassifier(Normed, **FAST | {"batch_size": 1})
    with pytest.raises(
        ValueError, match=r"more than 1 value .* parameter 'batch_size'"
    ):
        stager.fit(X, y)


# -------------------------------------------------------------------- a full stager


def test_cross_validation_and_pickle(labelled_nights):
    X, y = labelled_nights(4)
    eeg = X.select(["eeg"])
    stager = ModuleClassifier(OneSignal, max_epochs=15, **FAST)
    scores = cross_val_score(stager, eeg, y, cv=SubjectKFold(2), error_score="raise")
    assert scores.min() > 0.5
    again = pickle.loads(pickle.dumps(stager.fit(eeg, y)))
    np.testing.assert_array_equal(again.predict_proba(eeg), stager.predict_proba(eeg))


def test_a_model_file_names_the_way_out(labelled_nights, tmp_path):
    X, y = labelled_nights(2)
    stager = ModuleClassifier(OneSignal, max_epochs=1, **FAST)
    stager.fit(X.select(["eeg"]), y)
    with pytest.raises(ModelFileError, match=r"joblib"):
        save_model(stager, tmp_path / "my.model")
    assert not list(tmp_path.iterdir())
