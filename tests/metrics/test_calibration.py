import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.utils.fixes import parse_version

from sleepkit.metrics import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
)
from sleepkit.model_selection import SubjectKFold
from sleepkit.recording import EpochArray


def certain(confidence, n_epochs=1):
    """W with this probability, and the rest shared by the others."""
    rest = (1 - confidence) / 4
    return [[confidence, rest, rest, rest, rest]] * n_epochs


def drawn(temperature, n_epochs=20_000, seed=0):
    """Stages drawn from probabilities, and these at another temperature."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(5), n_epochs)
    stages = (rng.random((n_epochs, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    return stages, apply_temperature(proba, 1 / temperature)


def test_curve_by_hand():
    proba = certain(0.9, 4) + certain(0.7, 2) + certain(0.65, 2) + certain(1.0)
    truth = [0, 0, 0, 1, 0, 2, 0, 0, 3]
    curve = reliability_curve(truth, proba, n_bins=5)
    np.testing.assert_allclose(curve["low"], [0, 0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(curve["high"], [0.2, 0.4, 0.6, 0.8, 1])
    assert curve["n_epochs"].tolist() == [0, 0, 0, 4, 5]
    nothing = [np.nan] * 3
    np.testing.assert_allclose(curve["confidence"], [*nothing, 2.7 / 4, 4.6 / 5])
    np.testing.assert_allclose(curve["accuracy"], [*nothing, 3 / 4, 3 / 5])
    error = expected_calibration_error(truth, proba, n_bins=5)
    assert error == pytest.approx((4 * 0.075 + 5 * 0.32) / 9)


@pytest.mark.parametrize("confidence", [0.3, 0.6, 0.7, 0.9])
def test_a_bound_belongs_to_the_bin_below(confidence):
    curve = reliability_curve([0], certain(confidence), n_bins=10)
    assert curve["n_epochs"].argmax() == round(10 * confidence) - 1


def test_rounding_above_one():
    proba = np.array([[1.0000001, 0, 0, 0, 0]])
    assert reliability_curve([0], proba)["n_epochs"][-1] == 1


def test_error_of_the_calibrated_and_of_the_too_sure():
    assert expected_calibration_error(*drawn(1)) < 0.02
    assert expected_calibration_error(*drawn(2)) > 0.1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_temperature_is_found_again(temperature):
    stages, proba = drawn(temperature)
    found = fit_temperature(stages, proba)
    assert found == pytest.approx(temperature, rel=0.02)
    cooled = apply_temperature(proba, found)
    assert expected_calibration_error(stages, cooled) < 0.02
    for other in (0.98 * found, 1.02 * found):
        worse = apply_temperature(proba, other)
        assert log_loss(stages, cooled) < log_loss(stages, worse)


def test_a_temperature_by_hand():
    # odds of 9 to 1 where 3 to 1 is right: their square root
    assert fit_temperature([0, 0, 0, 1], [[0.9, 0.1, 0, 0, 0]] * 4) == pytest.approx(2)


def test_a_temperature_has_bounds():
    assert 0.01 < fit_temperature([0], certain(0.6)) < 0.1
    assert 90 < fit_temperature([1], certain(0.6)) < 100


def test_a_true_stage_of_probability_zero():
    found = fit_temperature([0, 0, 3], [[1, 0, 0, 0, 0]] * 3)
    assert 1 < found <= 100


def test_temperature_is_a_power():
    proba = np.random.default_rng(0).dirichlet(np.ones(5), 10)
    powers = proba**2
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(apply_temperature(proba, 0.5), expected)
    np.testing.assert_allclose(apply_temperature(proba, 1), proba)
    hot = apply_temperature(proba, 50)
    np.testing.assert_array_equal(hot.argmax(axis=1), proba.argmax(axis=1))


class Stager(ClassifierMixin, BaseEstimator):
    """Reads logits from X, and notes whose epochs it has seen."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.subjects_ = set(X.subject)
        return self

    def predict_proba(self, X):
        assert not self.subjects_ & set(X.subject)
        logits = np.exp(np.asarray(X))
        return logits / logits.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="scikit-learn has temperatures since 1.8",
)
def test_as_scikit_learn_has_it_by_subject():
    rng = np.random.default_rng(0)
    subject = np.repeat(["a", "b", "c", "d", "e", "f"], 50)
    stages = np.tile(np.arange(5), 60)
    logits = 3 * (rng.standard_normal((300, 5)) + np.eye(5)[stages])
    X = EpochArray.from_arrays(logits, recording=subject, subject=subject)
    train = subject < "e"
    theirs = CalibratedClassifierCV(
        Stager(), method="temperature", cv=SubjectKFold(2), ensemble=False
    ).fit(X[train], stages[train])
    held_out = cross_val_predict(
        Stager(), X[train], stages[train], cv=SubjectKFold(2), method="predict_proba"
    )
    temperature = fit_temperature(stages[train], held_out)
    assert temperature > 1.5
    raw = Stager().fit(X[train], stages[train]).predict_proba(X[~train])
    np.testing.assert_allclose(
        apply_temperature(raw, temperature), theirs.predict_proba(X[~train]), atol=1e-4
    )


@pytest.mark.parametrize(
    "function", [reliability_curve, expected_calibration_error, fit_temperature]
)
@pytest.mark.parametrize(
    ("truth", "proba", "words"),
    [
        ([0], [[0.5, 0.5]], r"shape \(n_epochs, 5\), .* got shape \(1, 2\)"),
        ([0], [0.2] * 5, r"got shape \(5,\)"),
        ([0], [[0.5, 0, 0, 0, 0]], "sum to 1"),
        ([0], [[1.5, -0.5, 0, 0, 0]], ">= 0"),
        ([0], [[np.nan, 0, 0, 0, 1]], ">= 0"),
        ([0, 1], [[1, 0, 0, 0, 0]], "same length; got 2, 1"),
        ([-1], [[1, 0, 0, 0, 0]], "1 of 1 in y_true are unscored"),
        ([5], [[1, 0, 0, 0, 0]], r"Got \[5\]"),
    ],
)
def test_what_does_not_fit(function, truth, proba, words):
    with pytest.raises(ValueError, match=f"{function.__name__} .*{words}"):
        function(truth, proba)


def test_numbers_that_cannot_be():
    with pytest.raises(ValueError, match="n_bins"):
        reliability_curve([0], certain(1), n_bins=0)
    with pytest.raises(ValueError, match="n_bins"):
        expected_calibration_error([0], certain(1), n_bins=2.5)
    with pytest.raises(ValueError, match="temperature"):
        apply_temperature(certain(1), 0)
    with pytest.raises(ValueError, match="apply_temperature needs proba"):
        apply_temperature([[1, 0]], 1)
