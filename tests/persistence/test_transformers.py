"""Every transformer is restored, with its parameters and fitted attributes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit import preprocessing
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.preprocessing import (
    BandPower,
    Cache,
    FitOnSelected,
    QualityMask,
    SignalScaler,
    SpectrumScaler,
)
from sleepkit.recording import EpochArray
from tests.estimators import NIGHT_TRANSFORMERS, WHITE

STORED = [*NIGHT_TRANSFORMERS, FitOnSelected(SignalScaler("training"))]


@pytest.fixture(scope="module")
def X(make_night):
    nights = [make_night(6, sfreq=100.0, seed=seed) for seed in range(2)]
    return EpochArray(nights)


@pytest.mark.parametrize("transformer", STORED, ids=repr)
def test_transformers_are_restored(transformer, X, path):
    rows = np.asarray(X) if isinstance(transformer, FitOnSelected) else X
    transformer.fit(rows, X.hypnogram)
    save_model(transformer, path)
    again = load_model(path)
    assert repr(again) == repr(transformer)
    expected, found = transformer.transform(rows), again.transform(rows)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_parameters_keep_their_types(path):
    modalities = {"eeg": range(2), "eog": [2], "emg": (3,)}
    limits = {"eeg": {"max_rms": np.float64(300), "max_jump": None}}
    save_model(QualityMask(limits=limits, modalities=modalities), path)
    again = load_model(path)
    assert again.modalities == {"eeg": [0, 1], "eog": [2], "emg": (3,)}
    assert again.only == ("eeg", "eog", "emg", "ecg")
    assert again.limits == limits
    assert type(again.limits["eeg"]["max_rms"]) is float


def test_fitted_scalings_are_exact(X, path):
    scaler = SignalScaler("training").fit(X)
    save_model(scaler, path)
    again = load_model(path)
    assert {*again.scaling_} == {"eeg", "eog"}
    for name, scaling in scaler.scaling_.items():
        assert type(again.scaling_[name]) is type(scaling)
        for part, expected in zip(again.scaling_[name], scaling, strict=True):
            assert part.dtype == expected.dtype
            np.testing.assert_array_equal(part, expected)


def test_features_of_a_pipeline_of_both_kinds(X, path):
    trees = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1)
    inner = make_pipeline(StandardScaler(), trees)
    mask = QualityMask(limits=WHITE)
    stager = make_pipeline(mask, BandPower(), FitOnSelected(inner))
    stager.fit(X, X.hypnogram)
    save_model(stager, path)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))
    np.testing.assert_array_equal(again.classes_, stager.classes_)
    assert model_info(path)["classes"] == [0, 1, 2, 3, 4]


def test_transformers_within_an_estimator_of_scikit_learn(X, path):
    inner = make_pipeline(BandPower(), SpectrumScaler(), FitOnSelected(GaussianNB()))
    stager = OneVsRestClassifier(inner).fit(X, X.hypnogram)
    save_model(stager, path)
    again = load_model(path)
    assert repr(again) == repr(stager)
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))


def test_the_description_names_types_of_containers(X, path):
    save_model(make_pipeline(BandPower(context=1), StandardScaler()).fit(X), path)
    step = model_info(path)["model"]["pipeline"][0][1]
    assert step["class"] == "preprocessing.BandPower"
    assert step["parameters"]["context"] == 1
    assert step["fitted"]["n_channels_"] == {"dict": [["eeg", 1], ["eog", 1]]}


def test_text_of_any_kind(path):
    frame = pytest.importorskip("pandas").DataFrame({"wide": [0.0, 1], "b": [1.0, 2]})
    scaler = SpectrumScaler().fit(frame)
    save_model(scaler, path)
    names = load_model(path).feature_names_in_
    assert names.dtype == scaler.feature_names_in_.dtype
    assert names.tolist() == ["wide", "b"]


def test_set_output(path):
    pytest.importorskip("pandas")
    power = BandPower(sfreq=100).set_output(transform="pandas")
    rows = np.random.default_rng(0).standard_normal((2, 3000))
    expected = power.fit_transform(rows)
    save_model(power, path)
    assert load_model(path).transform(rows).equals(expected)


def test_a_cache_is_left_out(X, path, tmp_path):
    cache = Cache(tmp_path / "cache")
    stager = make_pipeline(BandPower(), cache, FitOnSelected(LogisticRegression()))
    stager.fit(X, X.hypnogram)
    save_model(stager, path)
    again = load_model(path)
    assert again.named_steps["cache"] == "passthrough"
    np.testing.assert_array_equal(again.predict(X), stager.predict(X))
    assert model_info(path)["left_out"] == ["cache"]
    assert str(tmp_path) not in json.dumps(model_info(path))


def test_a_cache_alone_is_refused(path, tmp_path):
    with pytest.raises(ModelFileError, match=r"it holds .*\.Cache, which no"):
        save_model(Cache(tmp_path), path)


@pytest.mark.parametrize("value", [{1}, 1j, len, b"bytes", np.array([1j])], ids=repr)
def test_parameters_that_cannot_be_stored(value, path):
    with pytest.raises(
        ModelFileError,
        match=r"its bandpower\.bands\.slow .* cannot be stored in a model file",
    ):
        save_model(make_pipeline(BandPower({"slow": value})), path)
    assert not path.exists()


def test_about_that_is_no_json(path):
    with pytest.raises(ModelFileError, match="not JSON serializable"):
        save_model(SignalScaler(), path, about={"folder": Path()})


def test_a_subclass_of_a_transformer_is_refused(path):
    class SignalScaler(preprocessing.SignalScaler):
        pass

    with pytest.raises(ModelFileError, match=r"only sleepkit's own .* use joblib"):
        save_model(SignalScaler(), path)
