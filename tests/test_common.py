"""scikit-learn's own checks, on every public estimator."""

from __future__ import annotations

from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sleepkit import classifiers, preprocessing
from tests.estimators import CLASSIFIERS, TRANSFORMERS, estimators

ESTIMATORS = [*TRANSFORMERS, *CLASSIFIERS]
MIN_CHECKS = 40


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn(estimator, check):
    """No check is expected to fail."""
    try:
        check(estimator)
    except SkipTest as skip:  # older versions of scikit-learn leave that to unittest
        pytest.skip(str(skip))


def test_the_checks_are_not_few():
    """A tag too many would empty the suite without a word."""
    numbers = {repr(e): len(list(estimator_checks_generator(e))) for e in ESTIMATORS}
    assert {name: n for name, n in numbers.items() if n < MIN_CHECKS} == {}


def test_every_estimator_is_checked():
    public = {*estimators(classifiers), *estimators(preprocessing)}
    assert public == {type(estimator) for estimator in ESTIMATORS}
