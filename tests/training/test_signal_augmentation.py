"""Signal augmentation: each change, what is left alone, and its place in a training.

Fixtures
--------
only_one : a factory of augmentations with one change, of every epoch.
in_training : a factory of nets in training, which return what they read.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import iirnotch, lfilter
from skorch.callbacks import Callback

from sleepkit.classifiers import DeepSleepNetClassifier
from sleepkit.training import SignalAugmentation

CHANGES = ("scale", "shift", "offset", "mask", "noise", "bandstop")
SFREQ, SECONDS = 100, 30


@pytest.fixture
def only_one():
    def make(p=1.0, **changes):
        return SignalAugmentation(p, **dict.fromkeys(CHANGES) | changes)

    return make


def epochs(n=64, channels=2):
    return 20 * torch.randn(n, channels, SFREQ * SECONDS)


# -------------------------------------------------------------------------- each change


def test_nothing_changes_without_changes(only_one):
    x = epochs()
    assert torch.equal(only_one().augment(x), x)
    assert torch.equal(SignalAugmentation(0.0).augment(x), x)


def test_scale(only_one):
    x = epochs()
    factors = only_one(scale=(0.5, 2.0)).augment(x) / x
    torch.testing.assert_close(factors, factors[:, :1, :1].expand_as(x))
    drawn = factors[:, 0, 0]
    assert 0.5 <= drawn.min() < 0.7 < 1.8 < drawn.max() <= 2


@pytest.mark.parametrize("seconds", [-3.0, -0.01, 0.0, 1.5, 40.0])
def test_shift(only_one, seconds):
    x = epochs(3)
    by = round(seconds * SFREQ)
    expected = torch.zeros_like(x)
    if 0 <= by < x.shape[-1]:
        expected[..., by:] = x[..., : x.shape[-1] - by]
    elif by < 0:
        expected[..., :by] = x[..., -by:]
    found = only_one(shift=(seconds, seconds)).augment(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_offset(only_one):
    x = epochs()
    added = only_one(offset=(-10.0, 10.0)).augment(x) - x
    assert -10 <= added.min() < -7 < 7 < added.max() <= 10
    spread = added.flatten(1).amax(1) - added.flatten(1).amin(1)
    assert spread.max() < 1e-4  # one number for each epoch


def test_mask(only_one):
    x = torch.ones(200, 2, SFREQ * SECONDS)
    zero = only_one(mask=(1.0, 3.0)).augment(x) == 0
    assert torch.equal(zero[:, 0], zero[:, 1])
    n_zeros = zero[:, 0].sum(1)
    assert 100 <= n_zeros.min() < 120 < 280 < n_zeros.max() <= 300
    edges = zero[:, 0].int().diff(dim=1).abs().sum(1)
    assert edges.max() <= 2  # one stretch
    starts = zero[:, 0].int().argmax(1)
    assert starts.min() < 150
    assert starts.max() > 2500


def test_a_mask_longer_than_an_epoch_is_all_of_it(only_one):
    assert not only_one(mask=(50.0, 60.0)).augment(epochs(3)).any()


def test_noise(only_one):
    x = epochs()
    added = only_one(noise=(3.0, 3.0)).augment(x) - x
    assert added.std().item() == pytest.approx(3, rel=0.02)
    assert abs(np.corrcoef(added[:, 0].flatten(), added[:, 1].flatten())[0, 1]) < 0.02


@pytest.mark.parametrize("sfreq", [50, 100, 256])
@pytest.mark.parametrize("centre", [1.5, 10.0, 24.0])
def test_bandstop_is_the_causal_notch(only_one, centre, sfreq):
    x = 20 * torch.randn(4, 1, SECONDS * sfreq)
    found = only_one(bandstop=(centre, centre)).augment(x)
    expected = lfilter(*iirnotch(centre, centre / 2, sfreq), x.double().numpy())
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_no_bandstop_beyond_the_nyquist_frequency(only_one):
    x = torch.randn(3, 1, SECONDS * 20)
    assert torch.equal(only_one(bandstop=(12.0, 12.0)).augment(x), x)


# ------------------------------------------------------------------- which, and of what


def test_each_epoch_draws_for_itself():
    x = torch.ones(400, 1, 300)
    augment = SignalAugmentation(0.25, **dict.fromkeys(CHANGES) | {"scale": (3.0, 3.0)})
    changed = (augment.augment(x) != x).any(-1).float().mean().item()
    assert changed == pytest.approx(0.25, abs=0.08)
    in_sequences = SignalAugmentation().augment(x.view(40, 10, 1, 300))
    assert in_sequences.shape == (40, 10, 1, 300)
    assert len(in_sequences.flatten(0, 1).unique(dim=0)) > 300


def test_the_input_stays_and_the_seed_repeats():
    x = epochs(8)
    kept = x.clone()
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(SignalAugmentation().augment(x))
    assert torch.equal(x, kept)
    assert torch.equal(*found)
    assert found[0].dtype == torch.float32
    assert not torch.equal(SignalAugmentation().augment(x), found[0])


# ----------------------------------------------------------------------- in a training


class Watch(Callback):
    """Keeps what the net reads, in training and otherwise."""

    seen: list

    def on_train_begin(self, net, **kwargs):
        Watch.seen = []
        net.module_.encoder.register_forward_hook(
            lambda module, args, _: Watch.seen.append((module.training, *args))
        )


def fit(*callbacks, **params):
    """Fit a small DeepSleepNet on ones."""
    small = {
        "epoch_duration": 2.0,
        "n_filters": (2, 2),
        "hidden_size": 2,
        "pretrain_epochs": 1,
        "max_epochs": 1,
        "lr": 1e-5,
        "modalities": {"eeg": [0], "eog": [1]},
        "random_state": 0,
        "n_threads": 1,
        "device": "cpu",
        "validation_fraction": 0.5,
    }
    X = np.ones((8, 2, 40), np.float32)
    stager = DeepSleepNetClassifier(callbacks=[*callbacks, Watch()], **small | params)
    return stager.fit(X, np.arange(8) % 2, groups=np.arange(8)), X


def test_training_batches_are_changed_and_no_others(only_one):
    augmentation = only_one(scale=(5.0, 5.0), epoch_duration=2.0, only=["eeg"])
    stager, X = fit(augmentation)
    assert {mode for mode, *_ in Watch.seen} == {True, False}
    for training, inputs, _ in Watch.seen:
        assert set(inputs["eeg"].unique().tolist()) == {5.0 if training else 1.0}
        assert set(inputs["eog"].unique().tolist()) == {1.0}
    n_seen = len(Watch.seen)
    stager.predict(X)
    stager.module_.train()({n: torch.ones(1, 1, 1, 40) for n in ("eeg", "eog")})
    after = [inputs["eeg"].unique().tolist() for _, inputs, _ in Watch.seen[n_seen:]]
    assert all(values == [1.0] for values in after)


def test_the_same_seed_gives_the_same_weights():
    nets = [fit(SignalAugmentation(epoch_duration=2.0))[0].module_ for _ in range(2)]
    for a, b in zip(*(net.state_dict().values() for net in nets), strict=True):
        assert torch.equal(a, b)
    plain = fit()[0].module_.state_dict()
    assert any(not torch.equal(plain[n], t) for n, t in nets[0].state_dict().items())


@pytest.fixture
def in_training():
    """A factory of nets in training, whose output is the ``"eeg"`` that they read."""

    def make(augmentation):
        module = torch.nn.Module()
        module.forward = lambda inputs, **_: inputs["eeg"]
        augmentation.on_train_begin(type("Net", (), {"module_": module}))
        return module

    return make


def test_a_missing_modality_stays_zero(only_one, in_training):
    net = in_training(only_one(offset=(5.0, 5.0)))
    present = {"eeg": torch.tensor([True, False])}
    found = net(inputs={"eeg": torch.zeros(2, 1, 3)}, present=present)
    assert found[:, 0, 0].tolist() == [5.0, 0.0]


def test_spectra_are_refused(in_training):
    net = in_training(SignalAugmentation())
    with pytest.raises(ValueError, match=r"takes signals, .* 'eeg' of shape \(2, 4, 1"):
        net(inputs={"eeg": torch.zeros(2, 4, 1, 29, 128)}, present=None)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"p": 1.5}, "'p' parameter of SignalAugmentation"),
        ({"epoch_duration": 0}, "'epoch_duration'"),
        ({"scale": 2.0}, r"'scale' .* pair \(low, high\) of finite numbers >= 0"),
        ({"scale": (-1.0, 1.0)}, r"'scale' .* Got \(-1.0, 1.0\)"),
        ({"shift": (3.0, -3.0)}, "'shift' .* in order"),
        ({"noise": (0.0, float("inf"))}, "'noise'"),
    ],
)
def test_bad_parameters(params, words):
    with pytest.raises(ValueError, match=words):
        SignalAugmentation(**params).check()
