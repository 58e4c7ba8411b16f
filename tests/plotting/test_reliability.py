from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.plotting import ReliabilityDisplay

SURE, UNSURE = [0.9, 0.1, 0, 0, 0], [0.1, 0, 0.6, 0.3, 0]
TRUE, PROBA = [0, 0, 1, 2], [SURE, SURE, SURE, UNSURE]


def test_points_and_bars():
    display = ReliabilityDisplay.from_predictions(TRUE, PROBA, n_bins=5)
    upper, lower = display.axes_
    diagonal, curve = upper.get_lines()
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_allclose(curve.get_xydata(), [[0.6, 1], [0.9, 2 / 3]])
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in lower.patches]
    expected = [(0.2 * i, 0.2, n) for i, n in enumerate([0, 0, 1, 0, 3])]
    np.testing.assert_allclose(bars, expected, atol=1e-12)
    assert upper.get_title() == "calibration error 0.275"  # .4 / 4 + .233 * 3 / 4
    labels = (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel())
    assert labels == ("accuracy", "epochs", "confidence")


def test_an_estimator_that_knows_some_stages():
    stager = SimpleNamespace(classes_=np.array([0, 2]), predict_proba=np.asarray)
    figure, axes = plt.subplots(2)
    display = ReliabilityDisplay.from_estimator(
        stager, [[0.25, 0.75]] * 2, [2, 4], n_bins=4, ax=axes
    )
    assert display.figure_ is figure
    assert display.curve["n_epochs"].tolist() == [0, 0, 2, 0]
    assert display.error == pytest.approx(0.25)


def test_an_estimator_of_names():
    stager = SimpleNamespace(classes_=np.array(["N2", "W"]), predict_proba=None)
    with pytest.raises(ValueError, match="The classes of the estimator must be"):
        ReliabilityDisplay.from_estimator(stager, None, [0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y_true": [0, 0]}, "reliability_curve"),
        ({"proba": np.ones((4, 2))}, "needs proba of shape"),
        ({"n_bins": 0}, "'n_bins' parameter"),
        ({"ax": [None]}, "'ax' parameter must be 2 axes"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        ReliabilityDisplay.from_predictions(
            **{"y_true": TRUE, "proba": PROBA} | arguments
        )
