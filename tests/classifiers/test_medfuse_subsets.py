"""Three modalities: a head is trained on subsets, and heads are weighed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray

JOINT = {"fused": 1.0, "subset": 1.0}  # where a modality is missing
STRENGTH = {"eeg": 2.0, "eog": 1.5, "emg": 0.0}  # the last one is noise


def nights_of(strength, n_nights=12, n_epochs=20, seed=0):
    """Nights whose modalities tell the stage by different amounts."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n_nights * n_epochs)
    peaks = y[:, np.newaxis] == np.arange(4)
    blocks = {
        name: (rng.normal(size=peaks.shape) + known * peaks).astype("f4")
        for name, known in strength.items()
    }
    night = np.repeat(np.arange(n_nights), n_epochs)
    return EpochArray.from_arrays(blocks, recording=night, subject=night), y


@pytest.fixture(scope="module")
def three():
    return nights_of(STRENGTH)


@pytest.fixture(scope="module")
def two():
    return nights_of({"eeg": 2.0, "eog": 1.5})


@pytest.fixture(scope="module")
def weighed_once(medfuse, three):
    """A stager that weighed its heads on held-out subjects, as a pickle."""
    stager = medfuse(max_epochs=1, validation_fraction=0.35)
    return pickle.dumps(stager.fit(*three))


@pytest.fixture
def weighed(weighed_once):
    """A stager of one's own that weighed its heads on held-out subjects."""
    return pickle.loads(weighed_once)


def weights(stager):
    return [p.detach().numpy() for p in stager.module_.parameters()]


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
def test_three_modalities_have_a_subset_head(medfuse, three, fusion):
    net = medfuse(fusion=fusion, max_epochs=1).fit(*three).module_
    assert (net.min_subset, "subset" in net.heads) == (2, True)
    stager = medfuse(fusion=fusion, missing="fused_head", max_epochs=1)
    assert stager.fit(*three).module_.min_subset == 1
    stager.set_params(subset_head=False)
    assert "subset" not in stager.fit(*three).module_.heads


def test_two_are_trained_as_in_the_paper(medfuse, two):
    """Unless a fused head that stages one modality gets help."""
    params = {"missing": "fused_head", "max_epochs": 1}
    assert "subset" not in medfuse(**params).fit(*two).module_.heads
    params["subset_head"] = True
    stager = medfuse(**params).fit(*two)
    assert stager.subset_heads_["eog"] == JOINT
    assert stager.subset_heads_["eeg+eog"] == {"fused": 1.0}
    stager = medfuse(subset_head=True, max_epochs=1).fit(*two)
    assert "subset" not in stager.module_.heads  # no subset has two


def test_the_subset_head_costs_nothing_elsewhere(medfuse, three):
    """Dropout, early stopping and all: bit for bit."""
    X, y = three
    plain, other = (
        medfuse(
            subset_head=head, missing="unimodal_head", dropout=0.2, max_epochs=2
        ).fit(X, y)
        for head in (False, True)
    )
    for some in (X, X.select(["eeg"]), X.select(["emg"])):
        expected, found = (stager.predict_proba(some) for stager in (plain, other))
        np.testing.assert_array_equal(found, expected)
    pair = X.select(["eog", "emg"])
    assert (plain.predict_proba(pair) != other.predict_proba(pair)).any()


def test_the_subset_head_can_do_with_two_of_three(medfuse):
    """It is surer of the true stage without the best one than the fused head is."""
    X, y = nights_of({"eeg": 9.0, "eog": 2.0, "emg": 2.0})
    pair = X.select(["eog", "emg"])
    plain, subsets = (
        medfuse(subset_head=head, batch_size=16, lr=0.03, max_epochs=8)
        .set_params(validation_fraction=0)
        .fit(X, y)
        for head in (False, True)
    )
    before, after = (log_loss(y, s.predict_proba(pair)) for s in (plain, subsets))
    assert after < before


def test_a_parameter_that_changed_since_does_not_matter(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0).fit(X, y)
    expected = stager.predict_proba(X.select(["eog", "emg"]))
    stager.set_params(subset_head=False)
    found = stager.predict_proba(X.select(["eog", "emg"]))
    np.testing.assert_array_equal(found, expected)


def test_the_seed_decides(medfuse, three):
    first, again = (medfuse(max_epochs=1).fit(*three) for _ in range(2))
    for a, b in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
def test_each_subset_has_its_heads(medfuse, three, fusion):
    X, y = three
    stager = medfuse(fusion=fusion, max_epochs=1, validation_fraction=0.35).fit(X, y)
    table = stager.subset_heads_
    assert len(table) == 7
    assert set(stager.held_out_heads_) == {n for n in table if n.count("+") == 1}
    for subset, heads in table.items():
        names = subset.split("+")
        joint = {"fused"} if len(names) == 3 else set(JOINT)
        assert set(heads) <= {*joint, *names}
        if len(names) == 1:
            assert heads == {subset: 1.0}
        some = X.select(names)[:40]
        expected = sum(w * log_proba(stager, some, h) for h, w in heads.items())
        expected = np.exp(expected / sum(heads.values()))
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(stager.predict_proba(some), expected, atol=1e-6)


def log_proba(stager, X, head):
    """By one head, where it is the only one."""
    other = pickle.loads(pickle.dumps(stager))
    other.held_out_heads_ = {"+".join(X.modalities): {head: 1.0}}
    return np.log(other.predict_proba(X))


def test_the_order_of_modalities_does_not_matter(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0).fit(X, y)
    stager.held_out_heads_ = {"eeg+eog": {"eeg": 1.0}}
    pair = X.select(["eeg", "eog"])
    blocks = {name: pair.epochs(name) for name in ("eog", "eeg")}
    other = EpochArray.from_arrays(blocks, recording=X.recording, epoch=X.epoch)
    np.testing.assert_allclose(
        stager.predict_proba(other), stager.predict_proba(pair), atol=1e-6
    )


@pytest.mark.parametrize(("n_epochs", "fraction"), [(20, 0), (12, 0.35)])
def test_little_held_out_leaves_the_rule(medfuse, n_epochs, fraction):
    X, y = nights_of(STRENGTH, n_epochs=n_epochs)
    stager = medfuse(max_epochs=1, validation_fraction=fraction).fit(X, y)
    assert stager.held_out_heads_ == {}
    for subset, heads in stager.subset_heads_.items():
        assert heads == ({subset: 1.0}, JOINT, {"fused": 1.0})[subset.count("+")]


@pytest.mark.parametrize(
    "params",
    [
        {"missing": "unimodal_head"},
        {"missing": "fused_head"},
        {"unimodal_weights": {"eeg": 2.0}},
        {"multi_view": 0.0},
    ],
)
def test_what_the_user_names_is_not_weighed(medfuse, three, params):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.35, **params).fit(X, y)
    heads = stager.subset_heads_
    beside = params.get("unimodal_weights", {})
    assert heads["eeg+eog+emg"] == {"fused": 1.0} | beside
    assert heads["eeg+eog"] == JOINT | beside
    single = "unimodal_head" in params.values() or "unimodal_weights" in params
    assert heads["eog"] == ({"eog": 1.0} if single else JOINT)


def test_the_parameters_of_a_prediction_count(weighed, three):
    """What was decided is kept beside them, and other heads are not."""
    stager = weighed
    pair = three[0].select(["eeg", "eog"])
    decided = stager.held_out_heads_["eeg+eog"] = {"subset": 1.0, "eeg": 2.0}
    before = stager.predict_proba(pair)
    stager.set_params(missing="unimodal_head")
    assert stager.subset_heads_["eeg+eog"] == JOINT
    assert not np.allclose(stager.predict_proba(pair), before, atol=1e-4)
    stager.set_params(missing="auto", unimodal_weights={"eog": 3.0})
    assert stager.subset_heads_["eeg+eog"] == JOINT | {"eog": 3.0}
    stager.set_params(unimodal_weights=None)
    assert stager.subset_heads_["eeg+eog"] == decided


def test_further_training_keeps_what_it_does_not_decide(weighed, three):
    (X, y), stager = three, weighed
    stager.held_out_heads_["eeg+eog"] = {"eog": 1.0}
    first = stager.held_out_heads_
    stager.partial_fit(X.select(["eeg", "eog"]), y)
    again = stager.held_out_heads_
    assert len(again["eeg+eog"]) > 1
    assert list(again) == list(first)
    assert {s: again[s] for s in again if s != "eeg+eog"} == {
        s: first[s] for s in first if s != "eeg+eog"
    }
    stager.set_params(validation_fraction=0)
    assert stager.fit(X, y).held_out_heads_ == {}


def test_interrupted_weighing_leaves_nothing_half_new(weighed, three, monkeypatch):
    (X, y), stager = three, weighed
    before = weights(stager)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sleepkit.classifiers._medfuse.weigh_heads", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stager.partial_fit(X, y)
    for a, b in zip(before, weights(stager), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(KeyboardInterrupt):
        stager.fit(X, y)
    with pytest.raises(NotFittedError):
        stager.predict(X)


@pytest.mark.parametrize("leave_out", [True, False])
def test_noise_in_held_out_nights_has_no_weight(medfuse, three, monkeypatch, leave_out):
    noisy, given = {1: {"eog"}}, []
    place = "sleepkit.classifiers._medfuse."
    monkeypatch.setattr(f"{place}judge_held_out", lambda *_: ({}, noisy))
    monkeypatch.setattr(f"{place}weigh_heads", lambda *args: given.append(args) or {})
    stager = medfuse(max_epochs=1, validation_fraction=0.35, leave_out_noise=leave_out)
    stager.fit(*three)
    assert given[0][-1] == (noisy if leave_out else {})


def test_a_model_file_keeps_the_weights(weighed, three, tmp_path):
    (X, _), stager = three, weighed
    save_model(stager, tmp_path / "stager.model")
    again = load_model(tmp_path / "stager.model")
    assert again.subset_heads_ == stager.subset_heads_
    some = X.select(["eog", "emg"])
    np.testing.assert_array_equal(again.predict_proba(some), stager.predict_proba(some))


def test_one_modality_has_one_head(medfuse, three):
    X, y = three
    stager = medfuse(max_epochs=1, validation_fraction=0.25).fit(X.select(["eeg"]), y)
    assert stager.subset_heads_ == {"eeg": {"eeg": 1.0}}
