"""FitOnSelected drops masked rows of X, y and metadata together, and only in fit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import EdgeTrimmer, FitOnSelected, SpectrumScaler
from sleepkit.recording import EpochArray, Recording, Signal


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that keeps what it is given."""

    def fit(self, X, y, groups=None, sample_weight=None, note=None):
        self.given_ = {
            "X": X, "y": y, "groups": groups, "weight": sample_weight, "note": note
        }  # fmt: skip
        self.classes_ = np.unique(y)
        return self

    def predict(self, X, offset=0):
        return np.full(len(X), self.classes_[0]) + offset


@pytest.fixture
def data():
    """Rows 1, 2 and 5 are masked; the feature is the number of the row."""
    X = EpochArray.from_arrays(np.arange(8.0)[:, None], subject="ada")
    mask = ~np.isin(np.arange(8), [1, 2, 5])
    return X.with_train_mask(mask), np.array([0, 2, 2, 0, 3, 3, 2, 0])


KEPT = [0, 3, 4, 6, 7]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def given(fitted):
    return fitted.estimator_.given_


def test_everything_is_cut_to_the_same_rows(data):
    X, y = data
    fitted = FitOnSelected(Recorder()).fit(
        X, y.tolist(), groups=np.arange(8), sample_weight=list(range(8)), note="short"
    )
    found = given(fitted)
    assert found["X"][:, 0].tolist() == found["groups"].tolist() == KEPT
    assert found["weight"].tolist() == KEPT
    assert found["y"].tolist() == [0, 0, 3, 2, 0]
    assert found["note"] == "short"


def test_row_order_and_repetition(data):
    X, y = data
    rows = np.array([7, 2, 0, 0, 4])
    found = given(FitOnSelected(Recorder()).fit(X[rows], y[rows], groups=rows))
    assert found["X"][:, 0].tolist() == found["groups"].tolist() == [7, 0, 0, 4]


def test_all_rows_are_predicted(data):
    X, y = data
    model = FitOnSelected(LogisticRegression()).fit(X, y)
    plain = LogisticRegression().fit(np.asarray(X)[KEPT], y[KEPT])
    np.testing.assert_array_equal(model.predict(X), plain.predict(np.asarray(X)))
    assert model.predict_proba(X).shape == (8, 3)
    assert model.decision_function(X).shape == (8, 3)
    assert model.score(X, y) == plain.score(np.asarray(X), y)
    assert model.classes_.tolist() == [0, 2, 3]
    assert model.n_features_in_ == 1


def test_recordings_are_predicted(data):
    X, y = data
    model = FitOnSelected(LogisticRegression()).fit(X, y)
    features = Signal(np.arange(3.0)[:, None])
    night = Recording(id="n", subject="s", signals={"eeg": features})
    assert len(model.predict(night)) == len(model.predict([night])) == 3


def test_plain_arrays_pass_as_they_are(data):
    X, y = np.asarray(data[0]), data[1]
    found = given(FitOnSelected(Recorder()).fit(X, y))
    assert found["X"] is X
    assert found["y"] is y


def test_missing_modalities_are_nan(data):
    nights = [
        Recording(id=name, subject=name, signals=signals)
        for name, signals in {
            "both": {"eeg": Signal(np.ones((4, 2))), "emg": Signal(np.ones((4, 1)))},
            "one": {"eeg": Signal(np.zeros((4, 2)))},
        }.items()
    ]
    X = EpochArray(nights)
    model = FitOnSelected(HistGradientBoostingClassifier(max_iter=2))
    assert model.fit(X, data[1]).n_features_in_ == 3
    assert len(model.predict(X)) == 8


def test_it_is_what_its_estimator_is(data):
    X, y = data
    assert is_classifier(FitOnSelected(LogisticRegression()))
    assert not is_classifier(FitOnSelected(StandardScaler()))
    lacking = FitOnSelected(Recorder())
    assert not hasattr(lacking, "predict_proba")
    assert not hasattr(lacking, "transform")
    assert not hasattr(lacking, "fit_transform")
    assert not hasattr(lacking, "classes_")
    scaler = FitOnSelected(StandardScaler())
    assert not hasattr(scaler, "predict")
    np.testing.assert_allclose(scaler.fit(X, y).estimator_.mean_, np.mean(KEPT))
    np.testing.assert_allclose(scaler.fit_transform(X, y), scaler.transform(X))


def test_parameters_clone_and_pickle(data):
    X, y = data
    model = FitOnSelected(LogisticRegression(C=3)).set_params(estimator__C=5)
    assert clone(model).get_params()["estimator__C"] == 5
    fitted = model.fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert not hasattr(model.estimator, "classes_")


def test_in_a_pipeline_behind_the_trimmer():
    """Behind the scaler, rows of the view are still in place when masked ones go."""
    y = np.r_[np.zeros(9, int), 2, 2, 3, np.zeros(4, int)]
    X = EpochArray.from_arrays(np.arange(16.0)[:, None])
    pipeline = make_pipeline(
        EdgeTrimmer("margin", margin=30.0), SpectrumScaler(), FitOnSelected(Recorder())
    )
    found = given(pipeline.fit(X, y)[-1])
    assert found["y"].tolist() == [0, 2, 2, 3, 0]
    np.testing.assert_allclose(found["X"].mean(), 0, atol=1e-6)
    assert len(pipeline.predict(X)) == 16


def test_groups_with_routing_off(data):
    X, y = data
    groups = np.arange(8) // 4
    params = {"fitonselected__groups": groups}
    pipeline = make_pipeline(SpectrumScaler(), FitOnSelected(Recorder()))
    fitted = pipeline.fit(X, y, **params)
    assert given(fitted[-1])["groups"].tolist() == [0, 0, 1, 1, 1]
    scores = cross_val_score(
        pipeline, X, y, groups=groups, cv=GroupKFold(2), params=params
    )
    assert len(scores) == 2


@pytest.mark.usefixtures("routing")
def test_groups_with_routing_on(data):
    X, y = data
    groups = np.arange(8) // 4
    asking = Recorder().set_fit_request(groups=True, sample_weight=False, note=False)
    asking.set_predict_request(offset=True)
    model = FitOnSelected(asking)
    assert given(model.fit(X, y, groups=groups))["groups"].tolist() == [0, 0, 1, 1, 1]
    assert model.predict(X, offset=5).tolist() == [5] * 8
    pipeline = make_pipeline(SpectrumScaler(), model)
    scores = cross_val_score(
        pipeline, X, y, cv=GroupKFold(2), params={"groups": groups}
    )
    assert np.isfinite(scores).all()
    fitted = pipeline.fit(X, y, groups=groups)
    assert given(fitted[-1])["groups"].tolist() == [0, 0, 1, 1, 1]


@pytest.mark.usefixtures("routing")
def test_metadata_not_requested_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="not explicitly set as requested or not"):
        FitOnSelected(Recorder()).fit(X, y, groups=np.arange(8))
    with pytest.raises(TypeError, match="unexpected argument"):
        FitOnSelected(Recorder()).fit(X, y, polka=np.arange(8))


def test_errors(data):
    X, y = data
    model = FitOnSelected(DummyClassifier())
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(ValueError, match="needs rows to fit on; all 8 are masked"):
        model.fit(X.with_train_mask(np.zeros(8, bool)), y)
    (night,) = X.recordings
    eeg = night.signals["eeg"].replace(valid=np.zeros(8, bool))
    words = rf"none has a valid signal of {night.id}\. Check their channels"
    with pytest.raises(RecordingError, match=words):
        model.fit(EpochArray([night.with_signals({"eeg": eeg})]), y)
    with pytest.raises(ValueError, match=r"'y' parameter .* hold -1.*Got 3 of 8"):
        model.fit(X, np.where(np.arange(8) < 3, -1, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:5])
