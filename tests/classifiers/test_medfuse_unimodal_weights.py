"""Own heads that have a say beside the fused one."""

import numpy as np
import pytest
import torch

from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.nn import MedFuseOutput

WEIGHTS = {"eeg": 0.5, "eog": 0.25}


def test_epochs_by_hand(medfuse, make_nights):
    """One sequence; in epoch 1 there is no EOG, and in epoch 4 no EEG."""
    X, y = make_nights(2, n_epochs=6)
    stager = medfuse(sequence_length=6, max_epochs=2).fit(X, y)
    stager.set_params(unimodal_weights=WEIGHTS)
    inputs = {name: torch.tensor(X[:6].epochs(name))[None] for name in WEIGHTS}
    present = {name: torch.ones(1, 6, dtype=torch.bool) for name in WEIGHTS}
    present["eog"][:, 1] = False
    present["eeg"][:, 4] = False
    with torch.no_grad():
        output = stager.module_(inputs, present)
    logs = {name: x[0].log_softmax(-1).numpy() for name, x in output.logits.items()}
    blend = logs["fused"] + 0.5 * logs["eeg"] + 0.25 * logs["eog"]
    expected = np.exp(blend / 1.75)
    expected[1], expected[4] = np.exp(logs["eeg"][1]), np.exp(logs["eog"][4])
    expected /= expected.sum(axis=1, keepdims=True)
    night = X[:6].materialize()
    for name, epoch in (("eog", 1), ("eeg", 4)):
        night = without(night, name, epoch)
    np.testing.assert_allclose(stager.predict_proba(night), expected, atol=1e-5)


def without(X, name, epoch):
    """The night with a modality missing in one epoch."""
    (night,) = X.recordings
    valid = np.ones(night.n_epochs, np.bool_)
    valid[epoch] = False
    signals = dict(night.signals)
    signals[name] = signals[name].replace(valid=valid)
    return type(X)([night.with_signals(signals)], include_unscored=True)


def test_none_and_zero_leave_the_fused_head_alone(medfuse, make_nights):
    X, y = make_nights(2)
    stager = medfuse(max_epochs=1).fit(X, y)
    alone = stager.predict_proba(X)
    for weights in ({}, {"eeg": 0}):
        found = stager.set_params(unimodal_weights=weights).predict_proba(X)
        np.testing.assert_array_equal(found, alone)
    found = stager.set_params(unimodal_weights={"eeg": 1}).predict_proba(X)
    assert not np.allclose(found, alone, atol=1e-3)


def test_views_by_hand():
    """Of three modalities the last one is there in the first epoch only."""
    there = torch.tensor([[True, True, True]])
    present = {"eeg": there, "eog": there.clone(), "emg": there.clone()}
    present["emg"][0, 1:] = False
    present["eog"][0, 2] = False
    logits = {name: torch.randn(1, 3, 5) for name in ("fused", *present)}
    logs = {name: x.log_softmax(-1)[0] for name, x in logits.items()}
    found = HeadSelector(1, {"emg": 2, "eog": 0.5})(MedFuseOutput(logits, {}), present)
    expected = [
        (logs["fused"] + 2 * logs["emg"] + 0.5 * logs["eog"])[0] / 3.5,
        (logs["fused"] + 0.5 * logs["eog"])[1] / 1.5,
        logs["fused"][2],
    ]
    expected = torch.stack(expected).log_softmax(-1)
    torch.testing.assert_close(found[0], expected)


def test_views_that_are_read():
    eog = torch.tensor([True, True, False])
    present = {"eeg": torch.ones(3, dtype=torch.bool), "eog": eog}
    assert HeadSelector(2, {"eog": 1}).heads(present) == {"fused", "eeg", "eog"}
    assert HeadSelector(1, {"eog": 1}).heads(present) == {"fused", "eog"}
    assert HeadSelector(2, {"eeg": 1}).heads({"eog": eog}) == {"eog"}
    assert HeadSelector(1, {"eog": 1}).heads({"eog": eog}) == {"fused"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"unimodal_weights": "eeg"}, "'unimodal_weights'.*map modalities.*'eeg'"),
        ({"unimodal_weights": {"emg": 1}}, "'unimodal_weights'.*eeg, eog.*'emg'"),
        ({"unimodal_weights": {"eeg": -1}}, r"unimodal_weights\['eeg'\].*>= 0"),
        (
            {"unimodal_weights": {"eeg": 1}, "multi_view": 0},
            "'unimodal_weights'.*multi_view",
        ),
    ],
)
def test_bad_weights(medfuse, make_nights, params, words):
    with pytest.raises(ValueError, match=words):
        medfuse(**params, max_epochs=1).fit(*make_nights(2))
