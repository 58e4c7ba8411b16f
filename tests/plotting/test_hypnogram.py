from __future__ import annotations

from datetime import datetime

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.plotting import HypnogramDisplay

STAGES = [0, 1, 2, -1, 3, 4, 4]
QUARTERS = ("00", "15", "30", "45")


def tick_names(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_steps():
    display = HypnogramDisplay.from_predictions(STAGES)
    steps, rem = (patch.get_data() for patch in display.axes_[0].patches)
    np.testing.assert_array_equal(steps.values, [0, -2, -3, np.nan, -4, -1, -1])
    np.testing.assert_array_equal(rem.values, [np.nan] * 5 + [-1, -1])
    np.testing.assert_array_equal(steps.edges, 30.0 * np.arange(8))


def test_names_stand_where_their_steps_are():
    ax = HypnogramDisplay.from_predictions(STAGES).axes_[0]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert dict(zip(names, ax.get_yticks(), strict=True)) == {
        "W": 0,
        "REM": -1,
        "N1": -2,
        "N2": -3,
        "N3": -4,
    }


def test_probabilities_are_stacked_in_the_order_of_the_hypnogram():
    P = np.array([[0.1, 0.2, 0.3, 0.35, 0.05], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    display = HypnogramDisplay.from_predictions([3, 0, 4], probabilities=P)
    areas = {area.get_label(): area for area in display.axes_[1].collections}
    tops = {
        name: area.get_paths()[0].vertices[:, 1].max() for name, area in areas.items()
    }
    assert list(areas) == ["N3", "N2", "N1", "REM", "W"]
    assert tops == pytest.approx({"N3": 0.35, "N2": 0.65, "N1": 0.85, "REM": 1, "W": 1})
    x = areas["W"].get_paths()[0].vertices[:, 0]
    assert (x.min(), x.max()) == (0, 90)


def test_epochs_without_probabilities_are_gaps():
    P = np.full((3, 5), 0.2)
    P[1] = np.nan
    display = HypnogramDisplay.from_predictions([0, -1, 0], probabilities=P)
    for area in display.axes_[1].collections:
        spans = [path.get_extents().intervalx.tolist() for path in area.get_paths()]
        assert spans == [[0, 30], [60, 90]]


def test_panels_from_top_to_bottom():
    P = np.full((7, 5), 0.2)
    display = HypnogramDisplay.from_predictions(STAGES, probabilities=P, true=STAGES)
    labels = [ax.get_ylabel() for ax in display.axes_]
    assert labels == ["reference", "predicted", "probability"]
    assert {ax.get_figure() for ax in display.axes_} == {display.figure_}


def test_a_hypnogram_has_its_own_epochs():
    night = Hypnogram([0, 1, 2], 20.0)
    display = HypnogramDisplay.from_predictions(night, true=[0, 0, 0])
    assert display.axes_[-1].get_xlim() == (0, 60)
    with pytest.raises(ValueError, match=r"that of the hypnogram, 20 s\. Got 30"):
        HypnogramDisplay.from_predictions(night, epoch_duration=30)
    with pytest.raises(ValueError, match=r"that of the hypnogram, 20 s\. Got 30"):
        HypnogramDisplay.from_predictions([0, 1, 2], true=night)


@pytest.mark.parametrize(
    ("n_stages", "top_down"),
    [
        (4, ["W", "REM", "Light", "Deep"]),
        (3, ["W", "REM", "NREM"]),
        (2, ["W", "Sleep"]),
    ],
)
def test_merged_stages(n_stages, top_down):
    night = Hypnogram([0, 1, 4, -1], probabilities=np.full((4, 5), 0.2))
    merged = night.merge(n_stages)
    display = HypnogramDisplay.from_predictions(
        merged, probabilities=merged.probabilities, true=merged
    )
    ax = display.axes_[1]
    assert [label.get_text() for label in ax.get_yticklabels()] == top_down
    steps = ax.patches[0].get_data().values
    in_sleep = -1.0 if n_stages == 2 else -2.0
    np.testing.assert_array_equal(steps, [0, in_sleep, -1, np.nan])
    assert len(ax.patches) == (1 if n_stages == 2 else 2)  # REM is drawn thick
    areas = [area.get_label() for area in display.axes_[2].collections]
    assert areas == top_down[::-1]


def test_a_reference_has_the_same_stages():
    night = Hypnogram([0, 1, 4])
    with pytest.raises(ValueError, match=r"'true' must have .* W, N1.* Got W, Sleep"):
        HypnogramDisplay.from_predictions(night, true=night.merge(2))
    with pytest.raises(
        ValueError, match=r"'true' must have .* W, Sleep\. Got the code 4"
    ):
        HypnogramDisplay.from_predictions(night.merge(2), true=[0, 1, 4])


def test_the_reference_is_drawn_above():
    display = HypnogramDisplay.from_predictions([0, 2], true=[1, -1])
    reference = display.axes_[0].patches[0].get_data().values
    np.testing.assert_array_equal(reference, [-2, np.nan])


class Stager:
    """It knows three stages, and nothing of the last epoch."""

    classes_ = np.array([0, 2, 4])

    def predict_proba(self, night):
        found = np.tile([0.1, 0.2, 0.7], (night.n_epochs, 1))
        found[-1] = np.nan
        return found


def test_an_estimator_stages_a_night(make_night):
    start = datetime(2001, 2, 3, 23, 0)
    night = make_night(4, hypnogram=[0, 2, 3, -1], start=start)
    figure, axes = plt.subplots(3)
    display = HypnogramDisplay.from_estimator(Stager(), night, ax=axes)
    assert display.figure_ is figure
    assert display.stages.tolist() == [4, 4, 4, -1]
    np.testing.assert_allclose(display.probabilities[0], [0.1, 0, 0.2, 0, 0.7])
    assert display.true.tolist() == [0, 2, 3, -1]
    assert axes[-1].get_xlabel() == "clock time"
    unscored = make_night(4).replace(hypnogram=None)
    assert len(HypnogramDisplay.from_estimator(Stager(), unscored).axes_) == 2


def test_an_estimator_of_other_classes(make_night):
    stager = Stager()
    stager.classes_ = np.array(["N2", "REM", "W"])
    with pytest.raises(ValueError, match="The classes of the estimator must be"):
        HypnogramDisplay.from_estimator(stager, make_night(4))


def test_the_hypnogram_of_a_recording(make_night):
    night = make_night(4, hypnogram=[0, 4, 4, -1])
    display = HypnogramDisplay.from_recording(night)
    assert display.stages.tolist() == [0, 4, 4, -1]
    assert display.axes_.shape == (1,)
    with pytest.raises(ValueError, match="needs a recording with a hypnogram"):
        HypnogramDisplay.from_recording(night.replace(hypnogram=None))


def test_rem_is_marked():
    _, rem = HypnogramDisplay.from_predictions([0, 4, 2]).axes_[0].patches
    assert rem.get_linewidth() >= 4
    np.testing.assert_array_equal(rem.get_data().values, [np.nan, -1, np.nan])


@pytest.mark.parametrize(
    ("n_epochs", "names"),
    [
        (4, ["0:00", "0:01", "0:02"]),
        (60, ["0:00", "0:05", "0:10", "0:15", "0:20", "0:25", "0:30"]),
        (960, [f"{hour}:00" for hour in range(0, 9, 2)]),
    ],
)
def test_time_since_the_start(n_epochs, names):
    ax = HypnogramDisplay.from_predictions([0] * n_epochs).axes_[-1]
    assert tick_names(ax) == names
    assert ax.get_xlabel() == "time (h:mm)"
    assert ax.get_xlim() == (0, 30 * n_epochs)


def test_clock_time_past_midnight():
    start = datetime(2001, 2, 3, 22, 59, 30)
    wide = plt.figure(figsize=(10, 2)).gca()
    ax = HypnogramDisplay.from_predictions([2] * 300, start=start, ax=wide).axes_[-1]
    quarters = [
        f"{hour}:{minute}" for hour in ("23", "00", "01") for minute in QUARTERS
    ]
    assert tick_names(ax) == quarters[:10]
    assert ax.get_xticks()[0] == pytest.approx(30)
    assert ax.get_xlabel() == "clock time"
    narrow = HypnogramDisplay.from_predictions([2] * 300, start=start).axes_[-1]
    assert tick_names(narrow) == quarters[:10:2]  # there is no room for more


def test_weeks_are_not_littered_with_ticks():
    display = HypnogramDisplay.from_predictions([0] * 2880 * 9)
    assert len(tick_names(display.axes_[0])) <= 28


def test_given_axes_are_used():
    figure, axes = plt.subplots(2)
    P = np.full((7, 5), 0.2)
    display = HypnogramDisplay.from_predictions(STAGES, probabilities=P, ax=axes)
    assert display.figure_ is figure
    single = HypnogramDisplay.from_predictions(STAGES, ax=plt.figure().gca())
    assert single.axes_.shape == (1,)


def test_a_hypnogram_knows_its_clock():
    night = Hypnogram([0] * 20, start=datetime(2024, 1, 1, 23, 57), onset=60.0)
    (panel,) = HypnogramDisplay.from_predictions(night).axes_
    names = [label.get_text() for label in panel.get_xticklabels()]
    assert (panel.get_xlabel(), names[0], names[-1]) == ("clock time", "23:58", "00:08")


def test_plot_draws_again():
    display = HypnogramDisplay.from_predictions(STAGES)
    first = display.figure_
    assert display.plot().figure_ is not first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stages": [0, 5]}, r"'stages' parameter of Hypn.* Got \[5\]"),
        ({"stages": []}, "'stages' parameter of .* flat, non-empty"),
        ({"stages": [[0], [1]]}, "'stages' parameter of .* must be a flat"),
        ({"true": [0]}, r"'true' must be as long as 'stages', 2\. Got 1\."),
        ({"probabilities": np.ones((2, 4))}, r"shape \(2, 5\).* Got \(2, 4\)\."),
        ({"epoch_duration": 0}, "'epoch_duration' parameter of HypnogramDisplay"),
        ({"ax": [None, None]}, r"'ax' parameter must be 1 axes"),
    ],
)
def test_wrong_arguments(arguments, words):
    arguments = {"stages": [0, 2]} | arguments
    with pytest.raises(ValueError, match=words):
        HypnogramDisplay.from_predictions(arguments.pop("stages"), **arguments)
