"""AttnSleep as a stager: class-aware weights, a rate that falls, rates that fit."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import AttnSleepClassifier

EDF_20 = [8285, 2804, 17799, 5703, 7717]  # epochs of each stage


@pytest.fixture
def attnsleep():
    """A factory of small AttnSleepClassifier."""

    def make(**params):
        small = {"n_filters": (4, 8), "n_tokens": 6, "n_layers": 1, "n_heads": 1}
        small |= {"dropout": 0.1, "lr": 0.01, "batch_size": 8, "max_epochs": 2}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return AttnSleepClassifier(**small | shared | params)

    return make


def test_it_stages(attnsleep, check_stager):
    check_stager(attnsleep(max_epochs=15, validation_fraction=0, lr_drop_epoch=None))


def test_the_published_size():
    stager = AttnSleepClassifier()
    stager.layout_, stager.classes_ = {"eeg": (1, 3000)}, np.arange(5)
    with torch.device("meta"):
        n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 509_825


def test_class_aware_weights():
    """Those of Sleep-EDF-20; a class without rows, and one that is no stage."""
    stager, y = AttnSleepClassifier(), np.repeat(np.arange(5), EDF_20)
    stager.classes_ = np.arange(5)
    weights = stager._class_weights(y)
    expected = torch.tensor([0.30, 0.72, 0.30, 0.20, 0.30])
    torch.testing.assert_close(weights, expected)
    assert stager._class_weights(y[y > 0])[0].item() == pytest.approx(0.30)
    stager.classes_ = np.array(["N1", "x"])
    found = stager._class_weights(np.array(["N1", "x"])).tolist()
    assert found == pytest.approx([1.0, 0.5])


def test_weights_are_those_of_the_training_rows(attnsleep, loud_nights):
    """Neither masked rows nor the held-out subject count."""
    X, y = loud_nights(lengths=(20, 20, 20, 20))
    seen = {}

    class Watch(Callback):
        def on_train_begin(self, net, X=None, y=None, **kwargs):
            train, valid = X
            counts = np.bincount(train.targets["stages"][train.labelled])
            seen["counts"], seen["valid"] = counts, valid.labelled.sum()
            seen["weights"] = net.criterion_.class_weight.tolist()

    stager = attnsleep(validation_fraction=0.25, callbacks=[Watch()]).fit(X, y)
    mu = np.array([1.5, 2, 1.5]) / 3
    share = seen["counts"] / seen["counts"].sum()
    assert seen["valid"] == 20
    assert seen["counts"].sum() == 60
    expected = np.round(mu * np.maximum(1, np.log(mu / share)), 2)
    np.testing.assert_allclose(seen["weights"], expected, rtol=1e-6)
    np.testing.assert_allclose(stager.class_prior_, share)


def test_the_rate_falls_once(attnsleep, loud_nights):
    X, y = loud_nights()
    rates = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            group = net.optimizer_.param_groups[0]
            rates.append((group["lr"], group["amsgrad"]))

    for drop in (2, None):
        params = {"lr_drop_epoch": drop, "max_epochs": 3, "validation_fraction": 0}
        attnsleep(**params, callbacks=[Watch()]).fit(X, y)
    expected = [0.01, 0.01, 0.001, 0.01, 0.01, 0.01]
    assert [rate for rate, _ in rates] == pytest.approx(expected)
    assert all(amsgrad for _, amsgrad in rates)


def test_rates_that_do_not_fit(attnsleep, loud_nights):
    X, y = loud_nights(sfreq=50)
    with pytest.raises(ValueError, match="100 or 125 Hz; 'eeg' of X has 50 Hz"):
        attnsleep().fit(X, y)
    X, y = loud_nights()
    stager = attnsleep(max_epochs=1).fit(X, y)
    other, _ = loud_nights(sfreq=50, seconds=8)  # epochs of the same shape
    with pytest.raises(ValueError, match="'eeg' of X has 50 Hz"):
        stager.predict(other)
    with pytest.raises(ValueError, match="n_heads=5 divides: 3000"):
        attnsleep(n_heads=5).fit(X, y)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_filters": 4}, "'n_filters' parameter of AttnSleepClassifier"),
        ({"n_tokens": 0}, "'n_tokens' parameter"),
        ({"attention_dropout": -1}, "'attention_dropout' parameter"),
        ({"lr_drop_epoch": 0}, "'lr_drop_epoch' parameter"),
        ({"class_weight": "published"}, "one of 'class-aware', 'balanced'"),
    ],
)
def test_parameters_that_cannot_be_used(attnsleep, loud_nights, params, words):
    X, y = loud_nights()
    with pytest.raises(ValueError, match=words):
        attnsleep(**params).fit(X, y)
