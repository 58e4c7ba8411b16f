from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.plotting import ConfusionDisplay

TRUE, FOUND = [0, 2, 2, 2, 2, 4], [0, 2, 2, 2, 1, 2]


def test_numbers_and_shares():
    display = ConfusionDisplay.from_predictions(TRUE, FOUND)
    ax = display.axes_[0]
    texts = [text.get_text() for text in ax.texts]
    assert np.reshape(texts, (5, 5)).tolist() == [
        ["100%\n1", "0", "0", "0", "0"],
        ["0", "0", "0", "0", "0"],
        ["0", "25%\n1", "75%\n3", "0", "0"],
        ["0", "0", "0", "0", "0"],
        ["0", "0", "100%\n1", "0", "0"],
    ]
    (image,) = ax.get_images()
    assert image.get_array()[2].tolist() == [0, 0.25, 0.75, 0, 0]
    assert image.get_clim() == (0, 1)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["W", "N1", "N2", "N3", "REM"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted stage", "true stage")
    # 4 of 6; (4/6 - 17/36) / (1 - 17/36); the mean of 1, 0, 0.75 and 0
    assert ax.get_title() == "accuracy 0.67, kappa 0.37, macro-F1 0.44"


def test_an_estimator_and_given_axes():
    figure, ax = plt.subplots()
    stager = SimpleNamespace(predict=lambda X: FOUND[: len(X)])
    display = ConfusionDisplay.from_estimator(stager, np.ones((6, 1)), TRUE, ax=ax)
    assert display.figure_ is figure
    assert display.counts.sum() == 6


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (([0, -1], [0, 1]), r"'y_true' parameter of ConfusionDisplay .* Got \[-1\]"),
        (([0, 1], ["W", "N1"]), "'y_pred' parameter of ConfusionDisplay"),
        (([0, 1], [0]), "inconsistent numbers of samples"),
        ((Hypnogram([0, 1]).merge(2), [0, 1]), "merged"),
    ],
)
def test_wrong_stages(pair, words):
    with pytest.raises(ValueError, match=words):
        ConfusionDisplay.from_predictions(*pair)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"got \(2, 2\)"):
        ConfusionDisplay(np.eye(2, dtype=int)).plot()
    with pytest.raises(ValueError, match="must be 1 axes"):
        ConfusionDisplay(np.eye(5, dtype=int)).plot(ax=[None] * 2)
