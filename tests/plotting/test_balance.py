from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sleepkit.plotting import BalanceDisplay

HISTORY = [
    {
        "classifier_share_eeg": 0.7,
        "classifier_share_left_eog": 0.3,
        "discriminator_share_eeg": 0.4,
        "discriminator_share_left_eog": 0.6,
        "classifier_rho_eeg": 0.2,
        "train_loss": 1.0,
        "batches": [{}],
    },
    {"classifier_share_eeg": 0.6, "batches": [{}]},
]


class Stager(BaseEstimator):
    def fit(self, X, y=None):
        self.net_ = SimpleNamespace(history=HISTORY)
        return self


def test_a_line_for_each_modality_and_a_panel_for_each_head():
    display = BalanceDisplay.from_history(HISTORY)
    assert [ax.get_title() for ax in display.axes_] == ["classifier", "discriminator"]
    upper, lower = display.axes_
    even, eeg, eog = upper.get_lines()
    assert even.get_ydata() == [0.5, 0.5]
    np.testing.assert_array_equal(eeg.get_xydata(), [[1, 0.7], [2, 0.6]])
    np.testing.assert_array_equal(eog.get_ydata(), [0.3, np.nan])
    names = [text.get_text() for text in lower.get_legend().get_texts()]
    assert names == ["eeg", "left_eog"]
    assert eeg.get_color() != eog.get_color()
    assert eeg.get_linestyle() != eog.get_linestyle()
    assert upper.get_ylabel() == "share of performance"
    assert upper.get_xlabel() == "epoch"


def test_another_quantity_in_given_axes():
    figure, ax = plt.subplots()
    stager = Pipeline([("stage", Stager())]).fit(None)
    display = BalanceDisplay.from_estimator(stager, "rho", ax=ax)
    assert display.figure_ is figure
    assert len(ax.get_lines()) == 1  # no line of even shares
    assert ax.get_ylabel() == "coefficient"


def test_errors():
    with pytest.raises(ValueError, match=r"a history with the step .*; got none"):
        BalanceDisplay.from_history(HISTORY, "step")
    with pytest.raises(ValueError, match="'quantity' parameter of BalanceDisplay"):
        BalanceDisplay.from_history(HISTORY, "loss")
    with pytest.raises(ValueError, match="must be 2 axes"):
        BalanceDisplay.from_history(HISTORY, ax=[None])
    with pytest.raises(NotFittedError):
        BalanceDisplay.from_estimator(Stager())
