"""MaskSleepNet as a stager: any subset of the modalities."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import MaskSleepNetClassifier

NAMES = ("eeg", "eog")


@pytest.fixture
def masksleepnet():
    """A factory of small MaskSleepNetClassifier."""

    def make(**params):
        small = {"n_filters": (4, 8), "n_layers": 1, "n_heads": 2, "dropout": 0.1}
        small |= {"dim_feedforward": 16, "lr": 0.01, "batch_size": 8, "max_epochs": 2}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return MaskSleepNetClassifier(**small | shared | params)

    return make


def test_it_stages(masksleepnet, check_stager):
    stager = masksleepnet(max_epochs=16, validation_fraction=0, lr_drop_epoch=None)
    check_stager(stager, NAMES)


def test_any_subset(masksleepnet, loud_nights):
    """Each modality alone; a night that lacks one is trained on and staged."""
    X, y = loud_nights(NAMES, missing={1: "eog"})
    params = {"max_epochs": 16, "validation_fraction": 0, "lr_drop_epoch": None}
    stager = masksleepnet(**params).fit(X, y)
    assert stager.score(X, y) > 0.8
    for name in NAMES:
        alone = X.select([name])
        there = np.isfinite(alone.epochs(name)).any((1, 2))
        predicted = stager.predict(X[there].select([name]))
        assert np.mean(predicted == y[there]) > 0.6


def test_the_published_size():
    stager = MaskSleepNetClassifier()
    stager.layout_ = dict.fromkeys(("eeg", "eog", "emg"), (1, 3000))
    stager.classes_ = np.arange(5)
    with torch.device("meta"):
        n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 1_661_189


def test_training(masksleepnet, loud_nights):
    X, y = loud_nights(NAMES)
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            group = net.optimizer_.param_groups[0]
            seen.append((group["lr"], group["weight_decay"], net.module_.masking))

    masksleepnet(lr_drop_epoch=1, masking=0.3, callbacks=[Watch()]).fit(X, y)
    assert seen == [(0.01, 1e-3, 0.3), (pytest.approx(0.001), 1e-3, 0.3)]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"masking": 2}, "'masking' parameter of MaskSleepNetClassifier"),
        ({"n_heads": 3}, "'n_heads' .* must divide .* Got 3"),
        ({"n_layers": 0}, "'n_layers' parameter of MaskSleepNetClassifier"),
        ({"lr_drop_epoch": 0.5}, "'lr_drop_epoch' parameter"),
        ({"n_filters": None}, "'n_filters' parameter"),
    ],
)
def test_parameters_that_cannot_be_used(masksleepnet, loud_nights, params, words):
    X, y = loud_nights(NAMES)
    with pytest.raises(ValueError, match=words):
        masksleepnet(**params).fit(X, y)
