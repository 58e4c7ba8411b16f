from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.persistence import load_model, save_model
from sleepkit.pipelines import make_stager
from sleepkit.pipelines._methods import METHODS
from sleepkit.preprocessing import Cache

NAMES = ("medfusesleep", "sleepmg", "trees")


@pytest.fixture(scope="module")
def nights():
    """Half an hour of EEG, EOG and EMG of each of three subjects."""
    X, y, _ = make_polysomnography(
        3, hours=0.5, modalities=("eeg", "eog", "emg"), noise=0, random_state=1
    )
    return X.materialize(), y


def quick(name, **params):
    """A stager that trains for one pass or grows a few trees."""
    stager = make_stager(name, random_state=0, **params)
    few = {"estimator__max_iter": 3} if name == "trees" else {"max_epochs": 1}
    return stager.set_params(**{f"stage__{key}": n for key, n in few.items()})


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    """The name of each of the quick stagers."""
    return request.param


@pytest.fixture(scope="module")
def fitted(name, nights):
    """A quick stager, fitted to the nights."""
    return quick(name).fit(*nights)


@pytest.fixture(scope="module")
def whole(fitted, nights):
    """Its probabilities by all modalities."""
    return fitted.predict_proba(nights[0])


def test_each_takes_any_modalities(fitted, nights, whole):
    X, _ = nights
    for modality in X.modalities:
        part = fitted.predict_proba(X.drop(modality))
        assert np.isfinite(part).all()
        assert not np.allclose(part, whole)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_unfitted_and_can_be_cloned(name):
    stager = make_stager(name)
    assert not hasattr(stager, "classes_")
    clone(stager)


def test_the_cache_keeps_nights_and_changes_nothing(name, nights, whole, tmp_path):
    X, y = nights
    assert make_stager(name)["cache"] == "passthrough"
    cached = quick(name, cache=tmp_path)
    assert isinstance(cached["cache"], Cache)
    probabilities = cached.fit(X, y).predict_proba(X)
    assert len(list(tmp_path.iterdir())) >= 3
    np.testing.assert_allclose(whole, probabilities, atol=1e-6)


def test_it_can_be_saved(fitted, nights, whole, tmp_path):
    X, _ = nights
    save_model(fitted, tmp_path / "stager.model")
    again = load_model(tmp_path / "stager.model")
    np.testing.assert_array_equal(again.predict_proba(X), whole)


@pytest.mark.parametrize(
    ("name", "classifier"),
    [("medfusesleep", MedFuseSleepClassifier), ("sleepmg", SleepMGClassifier)],
)
def test_published_sizes_are_the_defaults_of_the_classifier(name, classifier):
    stager = make_stager(name, size="published", random_state=0)
    assert stager["stage"].get_params() == classifier(random_state=0).get_params()


COMPARED = (
    "attnsleep",
    "dan",
    "featurenet",
    "masksleepnet",
    "mmasleepnet",
    "sleepprintnet",
)


@pytest.mark.parametrize("name", COMPARED)
def test_common_training(name):
    """Published sizes, and one training of all: no method keeps its own schedule."""
    published = make_stager(name, size="published")["stage"].get_params()
    common = make_stager(name, size="common")["stage"].get_params()
    changed = {key: value for key, value in common.items() if value != published[key]}
    training = {
        "lr": 1e-3,
        "betas": (0.5, 0.999),
        "weight_decay": 0,
        "batch_size": 256,
        "max_epochs": 50,
        "validation_fraction": 0.2,
        "patience": 50,
    }
    schedule = {"lr_drop_epoch": None} if "lr_drop_epoch" in published else {}
    assert {key: common[key] for key in training} == training
    assert changed.items() <= (training | schedule).items()
    assert schedule.items() <= changed.items()


@pytest.mark.parametrize("name", ["deepsleepnet", "sleeptransformer", "trees"])
def test_methods_without_the_common_training(name):
    with pytest.raises(ValueError, match=rf"train in one stage: attn.* Got '{name}'"):
        make_stager(name, size="common")


def test_published_spectra_are_denser():
    assert make_stager("medfusesleep", size="published")["spectra"].hop == 1
    assert make_stager("medfusesleep")["spectra"].hop == 2


@pytest.mark.parametrize("size", ["small", "published"])
def test_sampling_rates(size):
    rates = {
        name: make_stager(name, size=size)["resample"].target_sfreq
        for name in METHODS
        if name != "trees"
    }
    assert rates == dict.fromkeys(rates, 100) | {"sleepprintnet": 128}


TABLE = Path(__file__).parents[2] / "docs" / "user_guide" / "classifiers.rst"
SHAPES = {
    "featurenet": {"eeg": (10, 3000)},
    "mmasleepnet": {"eeg": (2, 3000), "eog": (1, 3000), "emg": (1, 3000)},
    "masksleepnet": dict.fromkeys(("eeg", "eog", "emg"), (1, 3000)),
    "sleepprintnet": {"eeg": (6, 3840), "eog": (2, 3840), "emg": (3, 3840)},
    "seqsleepnet": {"eeg": (1, 29, 129)},
    "lseqsleepnet": {"eeg": (1, 29, 129)},
    "sleeptransformer": {"eeg": (1, 29, 128)},
}


def counts_of_the_guide():
    """Number of parameters of each method in the table of the user guide."""
    rows = TABLE.read_text(encoding="utf-8").split("   * - ``")[1:]
    cells = [row.split("\n     - ") for row in rows]
    return {
        name.rstrip("`"): int(size.split()[0].replace(",", ""))
        for name, _, _, _, _, size, *_ in cells
    }


def test_the_guide_lists_the_methods_to_compare_with():
    assert counts_of_the_guide().keys() == METHODS.keys() - set(NAMES)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - set(NAMES)))
def test_counts_of_the_guide(name):
    stager = make_stager(name, size="published")["stage"]
    stager.classes_ = np.arange(5)
    stager.layout_ = SHAPES.get(name, {"eeg": (1, 3000)})
    stager.epoch_duration_ = 30.0
    n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == counts_of_the_guide()[name]


def test_the_seed_goes_to_the_classifier():
    assert make_stager("sleepmg", random_state=3)["stage"].random_state == 3
    assert make_stager("trees")["stage"].get_params()["estimator__random_state"] is None


@pytest.mark.parametrize("params", [{"name": "svm"}, {"size": "large"}])
def test_unknown_options(params):
    (option,) = params
    with pytest.raises(ValueError, match=f"The '{option}' parameter of make_stager"):
        make_stager(**{"name": "trees", **params})
