"""FeatureNet as a stager: its weights of the stages, clipped gradients, its rate."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import FeatureNetClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.nn import FeatureNetWithHead


@pytest.fixture
def featurenet():
    """A factory of small FeatureNetClassifier."""

    def make(**params):
        small = {"dropout": 0.0, "lr": 0.003, "batch_size": 12, "max_epochs": 3}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return FeatureNetClassifier(**small | shared | params)

    return make


def test_it_stages(featurenet, check_stager):
    check_stager(featurenet(max_epochs=6, batch_size=6, validation_fraction=0))


def test_the_published_size():
    stager = FeatureNetClassifier()
    stager.layout_, stager.classes_ = {"eeg": (10, 3000)}, np.arange(5)
    n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 348_517


def test_weights_of_the_stages(featurenet):
    """By code and by name, and 1 for what is no stage."""
    stager = featurenet()
    for classes, expected in [
        ([0, 1, 2, 3, 4], [1, 1.2, 1, 1, 1.25]),
        (["N1", "N2", "REM"], [1.2, 1, 1.25]),
        (["one", "two"], [1, 1]),
    ]:
        stager.classes_ = np.array(classes)
        weights = stager._class_weights(stager.classes_)
        torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float32))
    stager.set_params(class_weight={"one": 3})
    assert stager._class_weights(stager.classes_).tolist() == [3, 1]


def test_training(featurenet, loud_nights):
    """Values of gradients are clipped; Adam has the betas; weights are in the loss."""
    X, y = loud_nights()
    largest, seen = [], {}

    class Watch(Callback):
        def on_grad_computed(self, net, **kwargs):
            grads = [p.grad.abs().max() for p in net.module_.parameters()]
            largest.append(max(grads).item())
            seen["betas"] = net.optimizer_.param_groups[0]["betas"]
            seen["weights"] = net.criterion_.class_weight.tolist()

    params = {"gradient_clip": 1e-4, "betas": (0.5, 0.99), "max_epochs": 1}
    featurenet(**params, callbacks=[Watch()]).fit(X, y)
    assert largest
    assert max(largest) <= 1e-4
    assert seen["betas"] == (0.5, 0.99)
    assert seen["weights"] == pytest.approx([1, 1.2, 1])


def test_kernels_follow_the_rate_of_a_known_epoch(featurenet):
    stager = featurenet()
    stager.layout_, stager.classes_ = {"eeg": (1, 6000)}, np.arange(2)
    kernels = []
    for duration in (None, 30.0):
        module = stager.set_params(epoch_duration=duration)._build_module()
        assert isinstance(module, FeatureNetWithHead)
        kernels.append(module.encoder.small[0].kernel_size)
    assert kernels == [(50,), (100,)]


def test_all_modalities_are_needed(featurenet, loud_nights):
    X, y = loud_nights(("eeg", "eog"), missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="9 of 35 training epochs lack one of"):
        stager = featurenet(max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="9 of 35 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[14:23], np.tile(stager.class_prior_, (9, 1)))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"d_head": 0}, "'d_head' parameter of FeatureNetClassifier"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"gradient_clip": 0}, "'gradient_clip' parameter"),
        ({"betas": 0.9}, "'betas' .* must be two numbers >= 0 and < 1. Got 0.9"),
        ({"betas": (0.9, 1)}, r"'betas\[1\]' parameter"),
        ({"epoch_duration": -1}, "'epoch_duration' parameter"),
        ({"class_weight": "rare"}, "one of 'published', 'balanced'. Got 'rare'"),
    ],
)
def test_parameters_that_cannot_be_used(featurenet, loud_nights, params, words):
    X, y = loud_nights()
    with pytest.raises(ValueError, match=words):
        featurenet(**params).fit(X, y)
