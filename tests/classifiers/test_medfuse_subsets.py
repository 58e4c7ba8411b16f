"""Three modalities: the fused head is trained on subsets, and heads are chosen."""

from __future__ import annotations

import pickle
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray

STRENGTH = {"eeg": 2.0, "eog": 1.5, "emg": 0.0}  # the last one is noise


def nights_of(modalities, n_nights=6, n_epochs=24, seed=0):
    """Nights whose modalities tell the stage by different amounts."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n_nights * n_epochs)
    peaks = y[:, np.newaxis] == np.arange(4)
    blocks = {
        name: (rng.normal(size=peaks.shape) + STRENGTH[name] * peaks).astype("f4")
        for name in modalities
    }
    night = np.repeat(np.arange(n_nights), n_epochs)
    return EpochArray.from_arrays(blocks, recording=night, subject=night), y


@pytest.fixture(scope="module")
def three():
    return nights_of(STRENGTH)


@pytest.fixture(scope="module")
def two():
    return nights_of(("eeg", "eog"))


def weights(stager):
    return [p.detach().numpy() for p in stager.module_.parameters()]


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
def test_three_modalities_are_also_staged_by_subsets(medfuse, three, fusion):
    net = medfuse(fusion=fusion, max_epochs=1).fit(*three).module_
    assert (net.subset_share, net.min_subset) == (0.5, 2)
    stager = medfuse(fusion=fusion, subset_share=0.2, missing="fused_head")
    net = stager.set_params(max_epochs=1).fit(*three).module_
    assert (net.subset_share, net.min_subset) == (0.2, 1)


def test_two_are_trained_as_in_the_paper(medfuse, two):
    plain = medfuse(subset_share=0.0, max_epochs=1).fit(*two)
    found = medfuse(max_epochs=1).fit(*two)
    for a, b in zip(weights(plain), weights(found), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_fused_head_can_do_with_two_of_three(medfuse, three):
    """It is surer of the true stage by pairs if it was trained on them."""
    X, y = three
    pairs = [X.select(pair) for pair in combinations(STRENGTH, 2)]
    losses = [
        [log_loss(y, stager.predict_proba(pair)) for pair in pairs]
        for stager in (
            medfuse(subset_share=p, validation_fraction=0, max_epochs=5).fit(X, y)
            for p in (0.0, 0.5)
        )
    ]
    assert np.mean(losses[1]) < np.mean(losses[0])


def test_the_seed_decides(medfuse, three):
    first, again = (medfuse(max_epochs=1).fit(*three) for _ in range(2))
    for a, b in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
def test_each_subset_has_its_heads(medfuse, three, fusion):
    X, y = three
    stager = medfuse(fusion=fusion, max_epochs=1, validation_fraction=0.25).fit(X, y)
    table = stager.subset_heads_
    assert len(table) == 7
    for subset, heads in table.items():
        names = subset.split("+")
        assert set(heads) <= {"fused", *names}
        if len(names) == 1:
            assert heads == {subset: 1.0}
        some = X.select(names)
        expected = sum(w * log_proba(stager, some, h) for h, w in heads.items())
        expected = np.exp(expected / sum(heads.values()))
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(stager.predict_proba(some), expected, atol=1e-6)


def log_proba(stager, X, head):
    """By one head, as the classifier gives it to us where it is the only one."""
    other = pickle.loads(pickle.dumps(stager))
    key = "+".join(X.modalities)
    other.subset_heads_ = {key: {head: 1.0}}
    return np.log(other.predict_proba(X))


def test_a_useless_modality_is_not_relied_on(medfuse, three):
    """One unimodal head stages the pair of it and noise no worse than it does alone."""
    X, y = three
    stager = medfuse(max_epochs=5, validation_fraction=0.25).fit(X, y)
    new, truth = nights_of(STRENGTH, seed=1)
    alone = stager.score(new.select(["eeg"]), truth)
    assert stager.score(new.select(["eeg", "emg"]), truth) >= alone - 0.02


def test_nothing_held_out_leaves_the_rule(medfuse, three):
    stager = medfuse(max_epochs=1, validation_fraction=0).fit(*three)
    for subset, heads in stager.subset_heads_.items():
        expected = {"fused": 1.0} if "+" in subset else {subset: 1.0}
        assert heads == expected


@pytest.mark.parametrize(
    "params",
    [
        {"missing": "unimodal_head"},
        {"missing": "fused_head"},
        {"unimodal_weights": {"eeg": 2.0}},
        {"multi_view": 0.0},
    ],
)
def test_what_the_user_names_is_not_chosen(medfuse, three, params):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25, **params).fit(X, y)
    heads = stager.subset_heads_
    rule = {"fused": 1.0} | params.get("unimodal_weights", {})
    assert heads["eeg+eog"] == rule
    single = "unimodal_head" in params.values() or "unimodal_weights" in params
    assert heads["eog"] == ({"eog": 1.0} if single else {"fused": 1.0})


def test_heads_can_be_named_after_the_fit(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25).fit(X, y)
    stager.subset_heads_ = {"eeg+eog": {"eeg": 1.0}}
    pair = X.select(["eeg", "eog"])
    chosen = stager.predict_proba(pair)
    eeg = stager.predict_proba(X.select(["eeg"]))
    np.testing.assert_allclose(chosen, eeg, atol=1e-6)
    by_rule = stager.set_params(missing="unimodal_head").predict_proba(pair)
    assert not np.allclose(by_rule, eeg, atol=1e-3)


def test_further_training_without_held_out_subjects_keeps_the_choice(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25).fit(X, y)
    stager.subset_heads_ = {"eeg+eog": {"eeg": 1.0}}
    stager.set_params(validation_fraction=0).partial_fit(X, y)
    assert stager.subset_heads_ == {"eeg+eog": {"eeg": 1.0}}
    assert len(stager.fit(X, y).subset_heads_) == 7


def test_a_model_file_keeps_the_choice(medfuse, three, tmp_path):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25).fit(X, y)
    save_model(stager, tmp_path / "stager.model")
    again = load_model(tmp_path / "stager.model")
    assert again.subset_heads_ == stager.subset_heads_
    some = X.select(["eog", "emg"])
    np.testing.assert_array_equal(again.predict_proba(some), stager.predict_proba(some))


def test_one_modality_has_one_head(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25).fit(X.select(["eeg"]), y)
    assert stager.subset_heads_ == {"eeg": {"eeg": 1.0}}
