"""DeepSleepNet as a stager: its two stages, its nights, and what it needs.

Fixtures
--------
deepsleepnet : a factory of small DeepSleepNetClassifier.
signal_nights : a factory of nights of one signal whose amplitude is the stage's.
"""

import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import DeepSleepNetClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 20, 30


@pytest.fixture
def deepsleepnet():
    def make(**params):
        small = {
            "n_filters": (4, 8),
            "hidden_size": 8,
            "norm_momentum": 0.1,
            "pretrain_epochs": 3,
            "pretrain_batch_size": 16,
            "max_epochs": 3,
            "batch_size": 2,
            "sequence_length": 5,
            "lr": 0.01,
            "dropout": 0.1,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return DeepSleepNetClassifier(**small | params)

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
            nights.append(
                Recording(
                    id=f"n{i}", subject=f"s{i}", signals=signals, hypnogram=hypnogram
                )
            )
        X = EpochArray(nights)
        return X, X.hypnogram

    return make


class Watch(Callback):
    """Keeps which module was trained, on what, and with which learning rates."""

    stages: ClassVar[list] = []

    def on_train_begin(self, net, **kwargs):
        groups = net.optimizer_.param_groups
        rates = sorted({(g["lr"], g["weight_decay"], len(g["params"])) for g in groups})
        Watch.stages.append({"module": type(net.module_).__name__, "rates": rates})
        Watch.stages[-1] |= {"labels": [], "shapes": [], "continues": []}
        Watch.stages[-1]["weights"] = net.criterion_.class_weight

    def on_grad_computed(self, net, batch, **kwargs):
        seen, targets = Watch.stages[-1], net.last_batch_.targets["stages"]
        seen["labels"] += targets[targets >= 0].tolist()
        seen["shapes"].append(tuple(targets.shape))
        seen["continues"].append(batch[0].get("continues"))


def test_it_stages(deepsleepnet, signal_nights):
    X, y = signal_nights()
    stager = deepsleepnet(pretrain_epochs=40, max_epochs=30, encoder_lr=1e-3).fit(X, y)
    assert stager.score(X, y) > 0.8


def test_two_stages(deepsleepnet, signal_nights):
    X, y = signal_nights()
    Watch.stages = []
    params = {"class_weight": "balanced", "callbacks": [Watch()]}
    deepsleepnet(pretrain_epochs=2, max_epochs=1, **params).fit(X, y)
    first, second = Watch.stages
    assert first["weights"] is None  # its classes are balanced by the sampler
    assert second["weights"].shape == (3,)
    counts = np.bincount(first["labels"])
    assert counts.tolist() == [2 * np.bincount(y).max()] * 3  # balanced
    assert all(len(shape) == 1 for shape in first["shapes"])
    assert np.bincount(second["labels"]).tolist() == np.bincount(y).tolist()
    assert second["shapes"][0] == (2, 5)
    carried = [bool(c.all()) for c in second["continues"]]
    assert carried == [False, True, True, False, True]  # 14 and 12 epochs, then 9
    assert first["continues"][0] is None
    # the penalty of one convolution, divided by the length for the mean loss
    decays = {decay for _, decay, _ in first["rates"]}
    assert decays == {0, 1e-3}
    assert {(lr, decay) for lr, decay, _ in second["rates"]} == {
        (1e-6, 1e-3 / 5),
        (1e-6, 0),
        (0.01, 0),
    }


def test_the_second_stage_keeps_the_pretrained_encoder(deepsleepnet, signal_nights):
    X, y = signal_nights()
    states = []

    class Keep(Callback):
        def on_train_end(self, net, **kwargs):
            state = net.module_.state_dict()
            found = [n for n in state if n.endswith("small.0.weight")]
            states.append(state[found[0]].clone())

    deepsleepnet(encoder_lr=1e-12, callbacks=[Keep()]).fit(X, y)
    assert len(states) == 2
    torch.testing.assert_close(states[0], states[1], atol=1e-6, rtol=0)


def test_gradients_are_clipped_in_the_second_stage(deepsleepnet, signal_nights):
    X, y = signal_nights()
    norms = []

    class Norm(Callback):
        def on_grad_computed(self, net, **kwargs):
            grads = [p.grad for p in net.module_.parameters() if p.grad is not None]
            norms.append(torch.stack([g.norm() for g in grads]).norm().item())

    deepsleepnet(gradient_clip=1e-3, max_epochs=1, callbacks=[Norm()]).fit(X, y)
    assert max(norms[-5:]) <= 1e-3 / 5 * 1.001
    assert norms[0] > 1e-3


def test_training_goes_on_with_the_second_stage(deepsleepnet, signal_nights):
    X, y = signal_nights()
    stager = deepsleepnet().fit(X, y)
    Watch.stages = []
    stager.set_params(callbacks=[Watch()], max_epochs=1).partial_fit(X, y)
    assert [stage["module"] for stage in Watch.stages] == ["DeepSleepNet"]


def test_nights_are_decoded_whole(deepsleepnet, signal_nights):
    X, y = signal_nights()
    stager = deepsleepnet(pretrain_epochs=1, max_epochs=1).fit(X, y)
    shapes = []
    decode = type(stager.module_).decode

    def watched(self, encoded, present=None):
        shapes.append(tuple(encoded.shape[:2]))
        return decode(self, encoded, present)

    type(stager.module_).decode = watched
    try:
        proba = stager.predict_proba(X)
    finally:
        type(stager.module_).decode = decode
    assert shapes == [(3, 14)]
    for night in X.recordings:  # neither other nights nor the padding matter
        rows = X.recording == night.id
        np.testing.assert_allclose(stager.predict_proba(night), proba[rows], atol=1e-5)
    first_half = stager.predict_proba(X[:7])  # context comes from the night
    np.testing.assert_allclose(first_half, proba[:7], atol=1e-6)


def test_all_modalities_are_needed(deepsleepnet, signal_nights):
    X, y = signal_nights(names=("eeg", "eog"), missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="9 of 35 training epochs lack one of"):
        stager = deepsleepnet(pretrain_epochs=1, max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="9 of 35 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[14:23], np.tile(stager.class_prior_, (9, 1)))
    with pytest.raises(ValueError, match="takes all of these modalities"):
        stager.predict(X.select(["eeg"]))


def test_shuffled_sequences(deepsleepnet, signal_nights):
    X, y = signal_nights()
    Watch.stages = []
    deepsleepnet(sampler="shuffled", max_epochs=1, callbacks=[Watch()]).fit(X, y)
    assert set(Watch.stages[1]["continues"]) == {None}


def test_parameters_that_cannot_be_used(deepsleepnet, signal_nights):
    X, y = signal_nights()
    for params, words in [
        ({"sampler": "balanced"}, "'sampler' parameter of DeepSleepNetClassifier"),
        ({"encoder_lr": 0}, "'encoder_lr' parameter"),
        ({"pretrain_epochs": 0}, "'pretrain_epochs' parameter"),
        ({"hidden_size": 8.5}, "'hidden_size' parameter of DeepSleepNetClassifier"),
        ({"n_layers": 0}, "'n_layers' parameter of DeepSleepNetClassifier"),
        ({"dropout": 1.5}, "'dropout' parameter"),
        ({"norm_momentum": -3}, "'norm_momentum' parameter"),
        ({"norm_momentum": 7}, "'norm_momentum' .* > 0 and <= 1. Got 7"),
        ({"n_filters": 4}, "'n_filters' .* two whole numbers. Got 4"),
        ({"n_filters": (4, 8, 2)}, r"'n_filters' .* Got \(4, 8, 2\)"),
        ({"n_filters": (0, 8)}, r"'n_filters\[0\]' parameter"),
    ]:
        with pytest.raises(ValueError, match=words):
            deepsleepnet(**params).fit(X, y)


def test_model_file_and_pickle(deepsleepnet, signal_nights, tmp_path):
    X, y = signal_nights()
    stager = deepsleepnet(pretrain_epochs=1, max_epochs=1).fit(X, y)
    save_model(stager, tmp_path / "my.model")
    for again in (
        load_model(tmp_path / "my.model"),
        pickle.loads(pickle.dumps(stager)),
    ):
        np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))


def test_the_length_of_an_epoch_is_that_of_the_nights(deepsleepnet):
    def nights(seconds):  # of the same shape at any length of an epoch
        data = np.random.default_rng(0).normal(size=(1, 4 * 800))
        signals = {"eeg": Signal(data, 800 / seconds)}
        night = {"id": "n", "subject": "s", "hypnogram": [0, 1, 2, 0]}
        return EpochArray(
            Recording(**night, signals=signals, epoch_duration=float(seconds))
        )

    X, y = nights(40), [0, 1, 2, 0]
    stager = deepsleepnet(pretrain_epochs=1, max_epochs=1).fit(X, y)
    assert stager.epoch_duration_ == 40
    assert stager.module_.encoder.cnn.large.first.kernel_size == (4 * 20,)
    with pytest.raises(ValueError, match=r"30 s, by its .* X has epochs of 40 s"):
        deepsleepnet(epoch_duration=30).fit(X, y)
    with pytest.raises(ValueError, match=r"40 s, by its .* X has epochs of 30 s"):
        stager.predict(nights(30))


def test_the_published_size():
    stager = DeepSleepNetClassifier()
    stager.layout_, stager.classes_ = {"eeg": (1, 3000)}, np.arange(5)
    stager.epoch_duration_ = 30.0
    n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 22_647_685
