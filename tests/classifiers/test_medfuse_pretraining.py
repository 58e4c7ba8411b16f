"""Pretraining of MedFuseSleep without stages, and the fits that start from it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.recording import EpochArray


@pytest.fixture(scope="module")
def nights(make_nights):
    return make_nights(3)


@pytest.fixture(scope="module")
def pretrained(medfuse, nights):
    """Weights of a contrastive pretraining; one subject of three is held out."""
    net = medfuse(max_epochs=6, validation_fraction=0.3, dropout=0.0)
    return net.pretrain(nights[0], batch_size=20)


@pytest.fixture(scope="module")
def fitted(medfuse, nights):
    return medfuse().fit(*nights)


@pytest.fixture(scope="module")
def spectra():
    rng = np.random.default_rng(0)
    blocks = {name: rng.normal(size=(24, 1, 4, 6)) for name in ("eeg", "eog")}
    names = np.repeat(["a", "b"], 12)
    return EpochArray.from_arrays(blocks, recording=names, subject=names)


def weights(stager):
    return {name: x.numpy() for name, x in stager.module_.state_dict().items()}


def test_epochs_find_their_other_modality(pretrained):
    losses = pretrained.pretraining_losses_
    assert losses[-1] < losses[0] < np.log(20) + 0.5
    assert not hasattr(pretrained, "net_")
    assert not any(name.startswith("heads") for name in pretrained.pretrained_)


def test_a_fit_begins_with_the_weights(medfuse, pretrained, nights):
    begun = medfuse(warm_start_from=pretrained, lr=1e-12, weight_decay=0.0)
    begun.fit(*nights)
    found = weights(begun)
    for name, expected in pretrained.pretrained_.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    other = weights(clone(begun).set_params(warm_start_from=None).fit(*nights))
    name = "streams.eeg.projection.weight"
    assert not np.allclose(other[name], found[name], atol=1e-3)
    head = "heads.fused.0.weight"  # new ones
    np.testing.assert_allclose(other[head].std(), found[head].std(), rtol=0.3)


def test_the_same_seed_gives_the_same_weights(medfuse, nights):
    nets = [medfuse(max_epochs=1).pretrain(nights[0]) for _ in range(2)]
    for name, values in nets[0].pretrained_.items():
        np.testing.assert_array_equal(values, nets[1].pretrained_[name])


def test_clones_keep_the_start_and_nothing_else(medfuse, pretrained):
    stager = medfuse(warm_start_from=pretrained)
    assert clone(make_pipeline(stager))[-1].warm_start_from is pretrained
    assert not hasattr(clone(pretrained), "pretrained_")


def test_model_files(medfuse, pretrained, nights, tmp_path):
    save_model(pretrained, tmp_path / "start.model")
    start = load_model(tmp_path / "start.model")
    fits = [medfuse(warm_start_from=s).fit(*nights) for s in (pretrained, start)]
    expected = fits[0].predict_proba(nights[0])
    np.testing.assert_array_equal(fits[1].predict_proba(nights[0]), expected)
    save_model(fits[1], tmp_path / "end.model")
    assert model_info(tmp_path / "end.model")["left_out"] == ["warm_start_from"]
    end = load_model(tmp_path / "end.model")
    np.testing.assert_allclose(end.predict_proba(nights[0]), expected, atol=1e-6)
    assert (tmp_path / "end.model").stat().st_size < 2e6


def test_the_same_stager_goes_on_by_warm_start(medfuse, nights):
    stager = medfuse(max_epochs=1, warm_start=True).pretrain(nights[0])
    before = stager.pretrained_
    stager.set_params(lr=1e-12, weight_decay=0.0).fit(*nights)
    name = "streams.eeg.projection.weight"
    np.testing.assert_allclose(weights(stager)[name], before[name], atol=1e-6)
    assert not hasattr(stager, "pretrained_")


def test_a_fit_that_would_forget_the_pretraining_says_so(medfuse, nights):
    stager = medfuse(max_epochs=1).pretrain(nights[0])
    with pytest.warns(SleepkitWarning, match="warm_start=True, .* warm_start_from"):
        stager.fit(*nights)


def test_a_fitted_start_gives_its_heads_to_the_same_classes(medfuse, fitted, nights):
    X, y = nights
    frozen = {"warm_start_from": fitted, "lr": 1e-12, "weight_decay": 0.0}
    same = weights(medfuse(**frozen).fit(X, y))
    for name, expected in weights(fitted).items():
        np.testing.assert_allclose(same[name], expected, atol=1e-6)
    words = np.array(["sleep", "wake"])[(y == 0).astype(int)]
    other = medfuse(**frozen | {"warm_start_from": make_pipeline(fitted)}).fit(X, words)
    assert other.classes_.tolist() == ["sleep", "wake"]
    assert weights(other)["heads.eeg.6.weight"].shape[0] == 2


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (LogisticRegression(), "after fit or pretrain, or None; .* Got a LogisticReg"),
        (MedFuseSleepClassifier(), "after fit or pretrain, or None; .* Got a MedFuse"),
        ("start.model", "load_model reads one of a file. Got a str"),
    ],
)
def test_starts_without_weights(medfuse, nights, start, words):
    with pytest.raises(ValueError, match=words):
        medfuse(warm_start_from=start).fit(*nights)


def test_starts_of_other_nets(medfuse, nights):
    X, y = nights
    start = medfuse(max_epochs=1).fit(X.select(["eeg"]), y)
    with pytest.raises(ValueError, match=r"got none from a .* of eeg \(4,\)"):
        medfuse(warm_start_from=start).fit(X, y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fusion", "mid-late"),
        ("n_heads", 1),
        ("n_layers", 2),
        ("dim_feedforward", 8),
        ("max_relative_distance", 3),
    ],
)
def test_starts_of_other_sizes_name_what_differs(medfuse, nights, name, value):
    """Also those whose weights have the shapes of the new net and further ones."""
    own = getattr(medfuse(), name)
    start = medfuse(max_epochs=1, **{name: value}).pretrain(nights[0])
    words = f"must have the sizes of .* has {name}={own!r}. Got .* of {name}={value!r}"
    with pytest.raises(ValueError, match=words):
        medfuse(warm_start_from=start).fit(*nights)


def test_heads_are_taken_whole_or_not(medfuse, fitted, nights):
    frozen = {"lr": 1e-12, "weight_decay": 0.0, "d_head": 12}
    found = weights(medfuse(warm_start_from=fitted, **frozen).fit(*nights))
    last = "heads.fused.6.bias"  # has one shape for any d_head
    assert found["heads.fused.0.weight"].shape[0] == 12
    assert not np.allclose(found[last], weights(fitted)[last], atol=1e-5)


def test_the_subset_head_needs_its_modalities_in_order(medfuse):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 6)), np.arange(20) % 2
    columns = {"eeg": [0, 1], "eog": [2, 3], "emg": [4, 5]}
    start = medfuse(modalities=columns, max_epochs=1).fit(X, y)
    for order, same in ((list(columns), True), (["emg", "eog", "eeg"], False)):
        begun = medfuse(
            modalities={name: columns[name] for name in order},
            warm_start_from=start,
            lr=1e-12,
            weight_decay=0.0,
            max_epochs=1,
        ).fit(X, y)
        heads = {
            name: np.allclose(values, weights(start)[name], atol=1e-5)
            for name, values in weights(begun).items()
            if name in ("heads.fused.0.weight", "heads.subset.0.weight")
        }
        assert list(heads.values()) == [True, same]


def test_a_stager_is_not_its_own_start(medfuse, nights):
    stager = medfuse(max_epochs=1).pretrain(nights[0])
    stager.warm_start_from = stager
    with pytest.raises(ValueError, match="must be another stager: warm_start=True"):
        stager.fit(*nights)


def test_its_own_pretraining_counts_before_another_start(medfuse, pretrained, nights):
    options = {"max_epochs": 1, "warm_start_from": pretrained, "lr": 1e-2}
    stager = medfuse(warm_start=True, **options).pretrain(nights[0])
    name = "streams.eeg.projection.weight"
    own, other = stager.pretrained_[name], pretrained.pretrained_[name]
    assert not np.allclose(own, other, atol=1e-3)
    stager.set_params(lr=1e-12, weight_decay=0.0).fit(*nights)
    np.testing.assert_allclose(weights(stager)[name], own, atol=1e-6)
    forgets = medfuse(**options).pretrain(nights[0])
    with pytest.warns(SleepkitWarning, match="drops the weights of its pretrain"):
        forgets.fit(*nights)


def test_columns_of_tables(medfuse, blobs):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(blobs[0], columns=list("abcd"))
    stager = medfuse(modalities={"eeg": [0, 1], "eog": [2, 3]}, max_epochs=1)
    start = clone(stager).pretrain(table)
    assert start.feature_names_in_.tolist() == list("abcd")
    stager.set_params(warm_start_from=start).fit(table, blobs[1])
    with pytest.raises(
        ValueError, match=r"columns of X, b, a, c, d. Got .* a, b, c, d"
    ):
        stager.fit(table[list("bacd")], blobs[1])


def test_a_pretrained_stager_is_not_fitted(pretrained):
    with pytest.raises(NotFittedError):
        check_is_fitted(pretrained)
    with pytest.raises(NotFittedError):
        check_is_fitted(make_pipeline(StandardScaler(), pretrained))


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
@pytest.mark.parametrize("objective", ["contrastive", "masked"])
def test_objectives_of_spectra(medfuse, spectra, fusion, objective):
    start = medfuse(max_epochs=1, fusion=fusion, temperature="learned")
    start.pretrain(spectra, objective=objective)
    begun = medfuse(max_epochs=1, fusion=fusion, warm_start_from=start)
    assert begun.fit(spectra, np.arange(24) % 2).predict(spectra).shape == (24,)


def test_plain_arrays_recordings_and_incomplete_nights(medfuse, blobs, make_nights):
    columns = {"eeg": [0, 1], "eog": [2, 3]}
    start = medfuse(modalities=columns, max_epochs=1).pretrain(blobs[0])
    assert start.n_features_in_ == 4
    medfuse(modalities=columns, warm_start_from=start).fit(*blobs)
    X, _ = make_nights(3, missing={0: "eog"})
    net = medfuse(max_epochs=1).pretrain(list(X.recordings))
    assert all(np.isfinite(x).all() for x in net.pretrained_.values())


@pytest.mark.parametrize(
    ("options", "select", "words"),
    [
        (
            {"objective": "contrast"},
            ["eeg", "eog"],
            "'objective' parameter of pretrain",
        ),
        ({"batch_size": 0}, ["eeg", "eog"], "'batch_size' parameter of pretrain"),
        ({}, ["eeg"], "needs two modalities or more, .* Got eeg"),
        ({"objective": "masked"}, ["eeg"], "Masked pretraining needs spectra"),
    ],
)
def test_what_cannot_be_pretrained(medfuse, nights, options, select, words):
    stager = medfuse()
    with pytest.raises(ValueError, match=words):
        stager.pretrain(nights[0].select(select), **options)
    assert not hasattr(stager, "layout_")


def test_pretraining_replaces_an_earlier_fit(medfuse, nights):
    stager = medfuse(max_epochs=1).fit(*nights)
    with pytest.raises(ValueError, match="'batch_size'"):
        stager.pretrain(nights[0], batch_size=0)
    assert hasattr(stager, "net_")
    stager.pretrain(nights[0], groups=nights[0].subject)
    assert not hasattr(stager, "net_")
    assert not hasattr(stager, "classes_")


def test_standardised_in_a_pipeline(medfuse, blobs):
    pipe = make_pipeline(
        StandardScaler(), medfuse(modalities={"eeg": [0, 1], "eog": [2, 3]})
    )
    X, y = blobs
    start = clone(pipe[-1]).pretrain(StandardScaler().fit_transform(X))
    pipe.set_params(medfusesleepclassifier__warm_start_from=start)
    assert clone(pipe).fit(X, y).predict(X).shape == y.shape
