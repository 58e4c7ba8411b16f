"""Evaluation of fitted estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from sleepkit.evaluation import cross_validate_staging, evaluate_staging


def test_equals_the_fold_of_a_cross_validation(cohort, proba_stager):
    X, y = cohort
    test = X.subject == "p2"
    stager = proba_stager(random_state=0)
    conditions = {"subsets": [["eog"]]}
    fold = cross_validate_staging({"a": stager}, X, y, cv=[(~test, test)], **conditions)
    fitted = stager.fit(X[~test], y[~test])
    result = evaluate_staging({"a": fitted}, X[test], y[test], **conditions)
    one, other = fold.predictions(), result.predictions()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert fold.scores() == result.scores()


def test_nothing_is_fitted(cohort, proba_stager, count_fits):
    X, y = cohort
    fitted = proba_stager(count_fits.path).fit(X, y)
    result = evaluate_staging({"a": fitted}, X, y, subsets="every")
    assert len(count_fits) == 1
    assert [set(times) for times in result.protocol["seconds"]] == [
        {"estimator", "stage"}
    ]
    assert result.protocol["seconds"][0]["stage"].keys() == set(result.conditions)


def test_errors(cohort):
    X, y = cohort
    named = DummyClassifier(strategy="most_frequent").fit(X, np.full(len(X), "N2"))
    with pytest.raises(ValueError, match=r"output of an estimator .*Got \['N2'\]"):
        evaluate_staging({"a": named}, X, y)
    with pytest.raises(TypeError, match="evaluate_staging needs an EpochArray"):
        evaluate_staging({"a": named}, np.ones((2, 2)), [0, 1])
    with pytest.raises(ValueError, match="'estimators' parameter of evaluate_staging"):
        evaluate_staging({}, X, y)
