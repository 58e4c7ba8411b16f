"""The scorers inside scikit-learn's tools."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.naive_bayes import GaussianNB

from sleepkit.metrics import STAGING_SCORERS, staging_scores

RNG = np.random.default_rng(0)
Y = RNG.integers(5, size=200)
X = Y[:, np.newaxis] + RNG.normal(scale=0.5, size=(200, 1))
GROUPS = np.repeat([0, 1, 2, 3], 50)


def test_folds_are_scored_as_by_hand():
    cv = GroupKFold(2)
    folds = cross_validate(
        GaussianNB(), X, Y, groups=GROUPS, cv=cv, scoring=STAGING_SCORERS
    )
    for i, (train, test) in enumerate(cv.split(X, Y, GROUPS)):
        y_pred = GaussianNB().fit(X[train], Y[train]).predict(X[test])
        scores = staging_scores(Y[test], y_pred)
        assert scores == {name: folds[f"test_{name}"][i] for name in STAGING_SCORERS}


def test_a_search_refits_by_one_of_them():
    search = GridSearchCV(
        GaussianNB(),
        {"var_smoothing": [1e-9, 100.0]},
        scoring=STAGING_SCORERS,
        refit="kappa",
        cv=GroupKFold(2),
    ).fit(X, Y, groups=GROUPS)
    assert search.best_params_ == {"var_smoothing": 1e-9}


@pytest.mark.parametrize("name", STAGING_SCORERS)
def test_scorers_can_be_pickled(name):
    scorer = pickle.loads(pickle.dumps(STAGING_SCORERS[name]))
    model = GaussianNB().fit(X, Y)
    assert scorer(model, X, Y) == STAGING_SCORERS[name](model, X, Y)


def test_a_stage_without_a_score_is_nan():
    model = DummyClassifier(strategy="constant", constant=0).fit(X, np.zeros(200, int))
    assert np.isnan(STAGING_SCORERS["f1_N3"](model, X, np.zeros(200, int)))


def test_unscored_epochs_are_refused():
    model = GaussianNB().fit(X, Y)
    with pytest.raises(ValueError, match="200 of 200 in y_true are unscored"):
        STAGING_SCORERS["accuracy"](model, X, np.full(200, -1))
