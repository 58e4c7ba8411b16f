"""MMASleepNet as a stager: its training, and the softmax of the release."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import MMASleepNetClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.recording import EpochArray, Recording, Signal

NAMES = ("eeg", "eog")


@pytest.fixture
def mmasleepnet():
    """A factory of small MMASleepNetClassifier."""

    def make(**params):
        small = {"n_filters": (4, 8), "dim_feedforward": 16, "d_head": 8}
        small |= {"dropout": 0.0, "lr": 0.01, "batch_size": 8, "max_epochs": 2}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return MMASleepNetClassifier(**small | shared | params)

    return make


def test_it_stages(mmasleepnet, check_stager):
    check_stager(mmasleepnet(max_epochs=12, lr=0.02, validation_fraction=0), NAMES)


def test_the_published_size():
    stager = MMASleepNetClassifier()
    stager.layout_ = {"eeg": (2, 3000), "eog": (1, 3000), "emg": (1, 3000)}
    stager.classes_ = np.arange(5)
    with torch.device("meta"):
        n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 1_604_229


def test_training(mmasleepnet, loud_nights):
    X, y = loud_nights(NAMES)
    seen = {}

    class Watch(Callback):
        def on_train_begin(self, net, **kwargs):
            seen.update(net.optimizer_.param_groups[0])
            seen["weights"] = net.criterion_.class_weight.tolist()

    mmasleepnet(max_epochs=1, callbacks=[Watch()]).fit(X, y)
    assert seen["weights"] == pytest.approx([1, 1.8, 1])
    assert (seen["amsgrad"], seen["weight_decay"]) == (True, 0.01)


def test_the_softmax_of_the_release(mmasleepnet, loud_nights):
    """The loss takes a softmax of probabilities; predictions are these."""
    X, y = loud_nights(NAMES)
    losses = {}
    for twice in (False, True):
        params = {"released_double_softmax": twice, "validation_fraction": 0}
        stager = mmasleepnet(**params, max_epochs=1, batch_size=40, lr=1e-9).fit(X, y)
        losses[twice] = stager.net_.history[0, "train_loss"]
        proba = stager.predict_proba(X)
        np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
        inputs = {n: torch.tensor(X.epochs(n), dtype=torch.float32) for n in NAMES}
        with torch.no_grad():
            output = stager.module_.eval()(inputs)
        expected = output if twice else output.softmax(-1)
        np.testing.assert_allclose(proba, expected.numpy(), atol=1e-5)
    assert losses[True] != losses[False]


def test_all_modalities_are_needed(mmasleepnet, loud_nights):
    X, y = loud_nights(NAMES, missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="9 of 35 training epochs lack one of"):
        stager = mmasleepnet(max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="9 of 35 epochs .* in every modality"):
        stager.predict(X)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_filters": (1, 8)}, r"'n_filters\[0\]' parameter of MMASleepNet must be"),
        ({"n_filters": (4, 6)}, "'n_filters' of MMASleepNet must be a multiple of 8"),
        ({"n_heads": 0}, "'n_heads' parameter of MMASleepNetClassifier"),
        ({"dropout": 2}, "'dropout' parameter"),
        ({"betas": None}, "'betas' parameter"),
    ],
)
def test_parameters_that_cannot_be_used(mmasleepnet, loud_nights, params, words):
    X, y = loud_nights(NAMES)
    with pytest.raises(ValueError, match=words):
        mmasleepnet(**params).fit(X, y)


def test_one_sampling_rate(mmasleepnet):
    rates = {"eeg": 20, "eog": 10}.items()
    signals = {name: Signal(np.zeros((1, 60 * rate)), rate) for name, rate in rates}
    X = EpochArray([Recording(signals=signals, hypnogram=[0, 1], id="n", subject="n")])
    with pytest.raises(ValueError, match=r"same n_times; got eeg .*600.*, eog .*300"):
        mmasleepnet().fit(X, X.hypnogram)


def test_two_planes_of_eeg_and_one_of_others(mmasleepnet):
    X = np.zeros((6, 3, 40))
    stager = mmasleepnet(modalities={"eeg": [0, 2], "eog": [1]}, max_epochs=1)
    assert stager.fit(X, [0, 1] * 3).predict(X).shape == (6,)
    assert stager.module_.encoder.branches.n_planes == 3
