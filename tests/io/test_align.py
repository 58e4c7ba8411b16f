from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest

from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io import Hypnogram
from sleepkit.io._align import find_grid, lay_labels

START = datetime(2020, 3, 2, 22)


@pytest.mark.parametrize(
    ("onset", "first", "skip"),
    [
        (0.0, 0, 0.0),
        (30.0, 1, 0.0),
        (12.37, 0, 12.37),
        (72.37, 2, 12.37),
        (29.9995, 1, 0.0),
        (0.0005, 0, 0.0),
        (-30.0, -1, 0.0),
        (-20.0, -1, 10.0),
    ],
)
def test_the_grid_is_that_of_the_labels(onset, first, skip):
    grid = find_grid(Hypnogram([0], onset=onset), None)
    assert grid == (30.0, pytest.approx(skip), first)


@pytest.mark.parametrize(
    ("hypnogram", "signals", "first"),
    [
        (START + timedelta(seconds=600), START, 20),
        (START - timedelta(seconds=600), START, -20),
        (START + timedelta(hours=3), START, 360),
        (datetime(1985, 1, 1, 22, 10), START, 20),  # its date was removed
        (datetime(2020, 3, 3, 0, 0, 30), datetime(2020, 3, 2, 23, 59, 30), 2),
        (datetime(1985, 1, 1, 0, 0, 30), datetime(2020, 3, 2, 23, 59, 30), 2),
        (START, START.replace(microsecond=500_000), 0),  # a clock of whole seconds
        (START.replace(tzinfo=UTC), START, 0),
        (None, START, 0),
        (START, None, 0),
    ],
)
def test_clocks_are_compared(hypnogram, signals, first):
    grid = find_grid(Hypnogram([0], start=hypnogram), signals)
    assert (grid.first, grid.skip) == (first, 0.0)


def test_clock_and_onset_add_up():
    labels = Hypnogram([0], onset=7.0, start=START + timedelta(seconds=100))
    assert find_grid(labels, START) == (30.0, pytest.approx(17.0), 3)


def test_the_length_of_an_epoch_is_that_of_the_labels():
    assert find_grid(Hypnogram([0], 20.0, 45.0), None) == (20.0, 5.0, 2)


@pytest.mark.parametrize(
    ("first", "n_epochs", "stages"),
    [
        (0, 3, [0, 1, 2]),
        (0, 4, [0, 1, 2, -1]),
        (0, 2, [0, 1]),
        (1, 4, [-1, 0, 1, 2]),
        (-1, 2, [1, 2]),
        (-1, 1, [1]),
    ],
)
def test_labels_are_laid_on_the_epochs(first, n_epochs, stages):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SleepkitWarning)
        laid = lay_labels(Hypnogram([0, 1, 2]), first, n_epochs, "night.edf")
    assert laid.tolist() == stages


def test_more_than_one_epoch_of_difference_is_told():
    rule = r"night\.edf last 3 epochs of 30 s, its hypnogram 5: 2 stages .* 0 epochs"
    with pytest.warns(SleepkitWarning, match=rule):
        lay_labels(Hypnogram([0, 1, 2, 3, 4]), 0, 3, "night.edf")
    with pytest.warns(SleepkitWarning, match="0 stages .* and 2 epochs outside"):
        lay_labels(Hypnogram([0]), 0, 3, "night.edf")
    with pytest.warns(
        SleepkitWarning, match="2 stages outside .* and 3 epochs outside"
    ):
        lay_labels(Hypnogram([0, 1, 2, 3]), 3, 5, "night.edf")


@pytest.mark.parametrize("stages", [[0, 1, 2, -1, -1, -1], [0, 1, 2, 2], [0, 1]])
def test_one_epoch_or_unscored_labels_are_not_told(stages):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lay_labels(Hypnogram(stages), 0, 3, "night.edf")


@pytest.mark.parametrize("first", [-2, 3, 40])
def test_labels_of_another_time_are_refused(first):
    with pytest.raises(HypnogramError, match=f"do not overlap.*epoch {first} of sig"):
        lay_labels(Hypnogram([0, 1]), first, 3, "night.edf")
