from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit._stages import STAGES
from sleepkit.cli import _stager
from sleepkit.cli._stager import (
    cross_validate,
    describe,
    fit,
    make_stager,
    score,
    stage_night,
)
from sleepkit.recording import EpochArray


@pytest.fixture(scope="module")
def stager():
    return make_stager()


@pytest.fixture(scope="module")
def X(stager, cohort):
    return describe(stager, cohort)


def test_describing_first_gives_the_same_model(stager, X, cohort):
    fit(stager, X)
    nights = EpochArray(cohort)
    whole = clone(stager).fit(nights, nights.hypnogram)
    np.testing.assert_array_equal(
        stager.predict_proba(nights), whole.predict_proba(nights)
    )


def test_scores_of_people_left_out(stager, X, monkeypatch):
    scores = cross_validate(stager, X)
    most = STAGES[np.bincount(X.hypnogram).argmax()]
    assert list(scores) == ["this stager", "guessing by share", f"always {most}"]
    share = np.bincount(X.hypnogram).max() / len(X)
    assert scores[f"always {most}"].accuracy == pytest.approx(share)
    assert scores[f"always {most}"].kappa == 0
    assert scores["this stager"].kappa > scores["guessing by share"].kappa + 0.2
    monkeypatch.setattr(_stager, "_MANY_EPOCHS", 0)
    assert cross_validate(stager, X) == scores  # whatever the number of processes


def test_score_by_hand():
    y, predicted = np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2])
    # kappa: agreement 3/4, by chance 1/2 x 1/4 + 1/2 x 3/4 = 1/2
    # F1: W 2/3, N2 4/5
    assert score(y, predicted) == pytest.approx((0.75, 0.5, (2 / 3 + 4 / 5) / 2))


def test_stages_that_training_lacked_have_probability_zero(cohort):
    nights = EpochArray(cohort)
    rows = np.isin(nights.hypnogram, [0, 2])
    stager = make_stager().fit(nights[rows], nights.hypnogram[rows])
    stages, probabilities = stage_night(stager, cohort[0])
    assert set(stages.tolist()) <= {-1, 0, 2}
    np.testing.assert_array_equal(probabilities[stages >= 0][:, [1, 3, 4]], 0)
