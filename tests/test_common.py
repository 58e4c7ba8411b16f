"""scikit-learn's own checks, on every public estimator."""

from __future__ import annotations

from functools import partial
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from sleepkit import classifiers, preprocessing
from tests.estimators import CLASSIFIERS, MEDFUSE, TRANSFORMERS, estimators

ESTIMATORS = [*TRANSFORMERS, *CLASSIFIERS]
MIN_CHECKS = 40
# The same training again, on rows that cannot be written to. All classifiers read rows
# by the same code of their base, so that those of one suffice in each run.
REPEATED = ("check_classifiers_train", "readonly_memmap")
NOT_REPEATED = [e for e in CLASSIFIERS if e is not MEDFUSE]


def cases():
    """Each estimator with each of its checks; what is repeated is marked as slow."""
    for estimator in ESTIMATORS:
        for given, check in estimator_checks_generator(estimator):
            name = f"{type(estimator).__name__}-{describe(check)}"
            repeated = all(word in name for word in REPEATED)
            is_slow = repeated and any(estimator is other for other in NOT_REPEATED)
            marks = [pytest.mark.slow] if is_slow else []
            yield pytest.param(given, check, id=name, marks=marks)


def describe(check):
    """Name of a check, with its arguments."""
    if not isinstance(check, partial):
        return check.__name__
    arguments = ",".join(f"{name}={value!r}" for name, value in check.keywords.items())
    return f"{check.func.__name__}({arguments})"


@pytest.mark.parametrize(("estimator", "check"), [*cases()])
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
