"""Training in bfloat16 finds what training in float32 does, and keeps float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.persistence import load_model, save_model


def weights(stager):
    return [p.detach().numpy() for p in stager.module_.state_dict().values()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class AdamIsPrecise(Callback):
    """Looks at the state of the optimizer, which goes away with the training."""

    def on_epoch_end(self, net, **kwargs):
        states = net.optimizer_.state.values()
        kept = {number.dtype for state in states for number in state.values()}
        assert kept == {torch.float32}


@pytest.fixture(scope="module")
def doubtful(make_nights):
    """Nights a fifth of whose stages are wrong, so that a loss remains."""
    X, y = make_nights(4, n_epochs=40)
    rng = np.random.default_rng(0)
    return X, np.where(rng.random(len(y)) < 0.2, rng.permutation(y), y)


def test_the_loss_is_that_of_float32(make, doubtful):
    """Over a hundred steps and more, in which it falls."""
    params = {"dropout": 0.3, "max_epochs": 20, "lr": 0.003}
    if isinstance(make(), MedFuseSleepClassifier):
        params |= {"d_model": 32, "n_heads": 4, "dim_feedforward": 64, "d_head": 64}
    finals = []
    for precision in ("float32", "bfloat16"):
        stager = make(precision=precision, validation_fraction=0, **params)
        losses = stager.fit(*doubtful).net_.history[:, "train_loss"]
        assert np.mean(losses[-4:]) < 0.85 * losses[0]
        finals.append(np.mean(losses[-4:]))
    assert finals[1] != finals[0]
    assert finals[1] == pytest.approx(finals[0], rel=0.01)


def test_what_is_kept_is_float32(make, make_nights, tmp_path):
    X, y = make_nights(4)
    stager = make(precision="bfloat16", max_epochs=15, callbacks=[AdamIsPrecise])
    stager.fit(X, y)
    proba = stager.predict_proba(X)
    assert stager.score(X, y) > 0.6
    assert np.isfinite(proba).all()
    kept = stager.module_.state_dict().values()
    assert {p.dtype for p in kept if p.is_floating_point()} == {torch.float32}
    save_model(stager, tmp_path / "stager.zip")
    again = load_model(tmp_path / "stager.zip")
    assert same(weights(stager), weights(again))
    np.testing.assert_array_equal(again.predict_proba(X), proba)
    again.set_params(lr=1e-9).partial_fit(X, y)  # goes on, in the same precision


def test_same_seed_same_bits(make, make_nights):
    X, y = make_nights(3)
    first, second = (make(precision="bfloat16").fit(X, y) for _ in range(2))
    assert same(weights(first), weights(second))


def test_only_on_demand(make, make_nights):
    X, y = make_nights(2)
    auto, single, half = (
        weights(make(precision=precision, max_epochs=1).fit(X, y))
        for precision in ("auto", "float32", "bfloat16")
    )
    assert same(auto, single)
    assert not same(single, half)


def test_balancing(sleepmg, make_nights):
    """What callbacks measure and scale is what it is in float32, nearly."""
    X, y = make_nights(4)
    measured = [
        sleepmg(precision=precision, balance=("classifier", "discriminator"))
        .fit(X, y)
        .net_.history[-1]
        for precision in ("float32", "bfloat16")
    ]
    keys = [key for key in measured[0] if key.startswith(("classifier", "discrim"))]
    assert len(keys) >= 14
    for key in keys:
        assert measured[1][key] == pytest.approx(measured[0][key], rel=0.05), key
