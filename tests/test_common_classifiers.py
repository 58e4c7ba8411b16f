"""scikit-learn's own checks, on every classifier of sleepkit."""

from __future__ import annotations

import inspect

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sleepkit import classifiers
from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier

# Small enough for a second a check, and still able to learn three blobs.
MEDFUSE = MedFuseSleepClassifier(
    d_model=8,
    n_heads=2,
    n_layers=1,
    dim_feedforward=16,
    d_head=16,
    dropout=0.0,
    lr=0.02,
    max_epochs=10,
    device="cpu",
    n_threads=1,
)
ESTIMATORS = [
    MEDFUSE,
    clone(MEDFUSE).set_params(fusion="early", temperature="learnt", validate_every=3),
    clone(MEDFUSE).set_params(fusion="mid-late", multi_view=0.0, alignment=0.0),
    SleepMGClassifier(
        dropout=0.0, lr=0.02, batch_size=16, max_epochs=5, device="cpu", n_threads=1
    ),
]
MIN_CHECKS = 40


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn(estimator, check):
    """No check is expected to fail."""
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_the_checks_are_not_few(estimator):
    """A tag too many would empty the suite without a word."""
    assert len(list(estimator_checks_generator(estimator))) >= MIN_CHECKS


def test_every_classifier_is_checked():
    public = {getattr(classifiers, name) for name in classifiers.__all__}
    concrete = {
        thing
        for thing in public
        if issubclass(thing, BaseEstimator) and not inspect.isabstract(thing)
    }
    assert concrete == {type(estimator) for estimator in ESTIMATORS}
