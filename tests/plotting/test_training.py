from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sleepkit.plotting import TrainingDisplay

HISTORY = [
    {"classifier_imbalance": 0.3, "discriminator_imbalance": 0.2, "batches": [{}]},
    {"classifier_imbalance": 0.1, "valid_accuracy": 0.6, "batches": [{}]},
]


class Stager(BaseEstimator):
    def fit(self, X, y=None):
        self.net_ = SimpleNamespace(history=HISTORY)
        return self


def curves(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def test_curves_of_the_imbalance():
    display = TrainingDisplay.from_history(HISTORY)
    left, right = display.axes_
    assert curves(left) == [[[1, 0.3], [2, 0.1]]]
    np.testing.assert_array_equal(curves(right), [[[1, 0.2], [2, np.nan]]])
    assert [ax.get_ylabel() for ax in display.axes_] == [
        "classifier imbalance",
        "discriminator imbalance",
    ]
    assert {ax.get_xlabel() for ax in display.axes_} == {"epoch"}
    assert right.get_legend() is None


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: Pipeline([("stage", s)])])
def test_an_estimator_and_its_name(wrap):
    stager = wrap(Stager()).fit(None)
    display = TrainingDisplay.from_estimator(stager, ["valid_accuracy"])
    np.testing.assert_array_equal(curves(display.axes_[0]), [[[1, np.nan], [2, 0.6]]])
    (text,) = display.axes_[0].get_legend().get_texts()
    assert text.get_text() == "Stager"


def test_two_trainings_in_one_figure():
    one = TrainingDisplay.from_history(HISTORY, name="NaiveMG")
    two = TrainingDisplay.from_history(HISTORY[:1], name="SleepMG", ax=one.axes_)
    assert two.figure_ is one.figure_
    assert [len(curve) for curve in curves(one.axes_[0])] == [2, 1]
    names = [text.get_text() for text in one.axes_[-1].get_legend().get_texts()]
    assert names == ["NaiveMG", "SleepMG"]
    assert one.axes_[0].get_lines()[1].get_marker() == "o"


def test_errors():
    words = r"history: classifier_imbalance, discriminator_imbalance, valid.* Got 'rho'"
    with pytest.raises(ValueError, match=words):
        TrainingDisplay.from_history(HISTORY, ["rho"])
    with pytest.raises(ValueError, match="history: none"):
        TrainingDisplay.from_history([])
    with pytest.raises(ValueError, match="must be 2 axes"):
        TrainingDisplay.from_history(HISTORY, ax=[None])
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(Stager())
