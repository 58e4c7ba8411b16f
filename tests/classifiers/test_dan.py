"""DAN as a stager: domains of training subjects, a target domain, what it needs.

Fixtures
--------
dan : a factory of small DANClassifier.
signal_nights : a factory of nights of one signal whose amplitude is the stage's.
"""

from itertools import chain

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import DANClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 20, 30
TRANSDUCTIVE = pytest.warns(SleepkitWarning, match="result on these rows is transduct")


@pytest.fixture
def dan():
    def make(**params):
        small = {
            "sequence_length": 3,
            "d_model": 8,
            "hidden_size": 4,
            "dropout": 0.1,
            "max_epochs": 2,
            "batch_size": 4,
            "validation_fraction": 0,
            "lr": 0.01,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return DANClassifier(**small | params)

    return make


@pytest.fixture(scope="session")
def signal_nights():
    def make(lengths=(9, 7, 8), *, seed=0, stages=None, gain=1.0):
        nights = []
        for i, n_epochs in enumerate(lengths):
            rng = np.random.default_rng([seed, i])
            hypnogram = rng.integers(3, size=n_epochs)
            scale = gain * np.repeat(4.0**hypnogram, SFREQ * SECONDS)
            signals = {"eeg": Signal(scale * rng.normal(size=(1, len(scale))), SFREQ)}
            night = {"id": f"{seed}/{i}", "subject": f"{seed}/{i}"}
            scored = hypnogram if stages is None else np.full(n_epochs, stages)
            nights.append(Recording(signals=signals, hypnogram=scored, **night))
        X = EpochArray(nights, include_unscored=True)
        return X, X.hypnogram

    return make


class Watch(Callback):
    """Keeps the weight of the discrepancy, domains, and how many rows of a target."""

    def on_train_begin(self, net, **kwargs):
        Watch.strength, Watch.domains, Watch.targets = [], [], []

    def on_grad_computed(self, net, batch, **kwargs):
        targets = net.last_batch_.targets
        Watch.strength.append(net.criterion_.strength)
        Watch.domains.append(targets["domains"][targets["stages"] >= 0].tolist())
        target = batch[0].get("target")
        Watch.targets.append(target and target["inputs"]["eeg"].shape[:2])


def weights(stager):
    return stager.module_.state_dict()


def test_it_stages(dan, signal_nights):
    X, y = signal_nights()
    assert dan(max_epochs=15).fit(X, y).score(X, y) > 0.8


def test_domains_are_the_training_subjects(dan, signal_nights):
    X, y = signal_nights()
    stager = dan(max_epochs=4, mmd_weight=2.0, callbacks=[Watch()]).fit(X, y)
    assert sorted(chain(*Watch.domains[:3])) == [0] * 9 + [1] * 7 + [2] * 8
    assert Watch.targets == [None] * len(Watch.domains)
    rise = [2 * (2 / (1 + np.exp(-10 * p)) - 1) for p in (0, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(sorted(set(Watch.strength)), rise)
    assert stager.net_.history[:, "strength"] == sorted(set(Watch.strength))
    assert not stager.transductive_


def test_the_discrepancy_changes_the_training(dan, signal_nights):
    X, y = signal_nights()
    plain, aligned = (dan(mmd_weight=w, batch_size=8).fit(X, y) for w in (0.0, 5.0))
    assert any(
        not torch.equal(weights(plain)[n], w) for n, w in weights(aligned).items()
    )


def test_held_out_subjects_are_no_domain(dan, signal_nights):
    X, y = signal_nights()
    params = {"validation_fraction": 0.3, "callbacks": [Watch()]}
    stager = dan(**params).fit(X, y)
    assert len(set(chain(*Watch.domains))) == 2
    assert all(np.isfinite(stager.net_.history[:, "valid_loss"]))


def test_a_target_domain(dan, signal_nights):
    X, y = signal_nights()
    X_target, _ = signal_nights(seed=1, gain=3.0)
    with TRANSDUCTIVE:
        stager = dan(callbacks=[Watch()]).fit(X, y, X_target=X_target)
    assert stager.transductive_
    assert set(Watch.targets) == {(4, 3), (3, 3)}
    plain = dan().fit(X, y)
    assert any(
        not torch.equal(weights(plain)[n], w) for n, w in weights(stager).items()
    )
    assert not hasattr(stager, "_X_target")
    assert not hasattr(stager, "_target")


@pytest.mark.parametrize("stages", [-1, 0, 4])
def test_stages_of_the_target_are_never_read(dan, signal_nights, stages):
    """Other stages, or none at all, give the same weights, bit for bit."""
    X, y = signal_nights()
    found = []
    for scored in (None, stages):
        X_target, _ = signal_nights(seed=1, stages=scored)
        with TRANSDUCTIVE:
            found.append(weights(dan().fit(X, y, X_target=X_target)))
    for name, tensor in found[0].items():
        assert torch.equal(tensor, found[1][name]), name


def test_a_target_of_arrays(dan):
    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    X = rng.normal(size=(12, 1, 600)) * np.where(y, 9, 1)[:, None, None]
    with TRANSDUCTIVE:
        stager = dan().fit(X, y, X_target=X[:5])
    assert stager.predict(X).shape == (12,)
    with TRANSDUCTIVE, pytest.raises(ValueError, match="takes all of these modalit"):
        dan().fit(X, y, X_target=X[..., :300])
    with (
        TRANSDUCTIVE,
        pytest.raises(ValueError, match=r"'X_target' .* no epoch with"),
    ):
        dan().fit(X, y, X_target=np.full_like(X, np.nan))


def test_a_training_that_goes_on_without_the_target_stays_transductive(
    dan, signal_nights
):
    X, y = signal_nights()
    with TRANSDUCTIVE:
        stager = dan(callbacks=[Watch()]).fit(X, y, X_target=X)
    stager.partial_fit(X, y)
    assert set(Watch.targets) == {None}
    assert stager.transductive_
    assert stager.set_params(warm_start=True).fit(X, y).transductive_
    assert not stager.set_params(warm_start=False).fit(X, y).transductive_


def test_model_file(dan, signal_nights, tmp_path):
    X, y = signal_nights()
    stager = dan(max_epochs=1).fit(X, y)
    save_model(stager, tmp_path / "my.model")
    again = load_model(tmp_path / "my.model")
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))


def test_parameters_that_cannot_be_used(dan, signal_nights):
    X, y = signal_nights()
    for params, words in [
        ({"mmd_weight": -1}, "'mmd_weight' parameter of DANClassifier"),
        ({"d_model": 0}, "'d_model'"),
        ({"hidden_size": 2.5}, "'hidden_size'"),
        ({"dropout": 1}, "'dropout'"),
        ({"betas": 0.9}, "'betas'"),
        ({"stride": 4}, "'stride'"),
        ({"epoch_duration": 20}, r"epochs of 20 s, .* X has epochs of 30 s"),
    ]:
        with pytest.raises(ValueError, match=words):
            dan(**params).fit(X, y)
