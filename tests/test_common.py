"""scikit-learn's own checks, on every estimator of sleepkit.preprocessing."""

from __future__ import annotations

import inspect

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sleepkit import preprocessing
from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    Cache,
    EdgeTrimmer,
    FitOnSelected,
    NotchFilter,
    QualityMask,
    Resampler,
    SignalScaler,
    SpectrumScaler,
    STFTEpocher,
)

# Plain arrays of the checks are short rows: each is a signal of a second or less.
ESTIMATORS = [
    BandPower(sfreq=1),
    BandpassFilter((0.01, 0.2), sfreq=1),
    Cache("never-made"),
    EdgeTrimmer(),
    FitOnSelected(LogisticRegression()),
    FitOnSelected(SignalScaler()),
    NotchFilter(sfreq=250),
    QualityMask(),
    Resampler(2, sfreq=1),
    STFTEpocher(sfreq=100),
    SignalScaler(),
    SignalScaler(per="training"),
    SignalScaler(per="training", robust=False),
    SpectrumScaler(),
]
MIN_CHECKS = 40


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn(estimator, check):
    """No check is expected to fail."""
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_the_checks_are_not_few(estimator):
    """A tag too many would empty the suite without a word."""
    assert len(list(estimator_checks_generator(estimator))) >= MIN_CHECKS


def test_every_estimator_is_checked():
    public = {getattr(preprocessing, name) for name in preprocessing.__all__}
    classes = {thing for thing in public if inspect.isclass(thing)}
    estimators = {thing for thing in classes if issubclass(thing, BaseEstimator)}
    assert estimators == {type(estimator) for estimator in ESTIMATORS}
