"""Epoch grid: labels to stages, and hypnogram to epochs of the signals."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._epoch_grid import (
    align_stages,
    find_grid,
    stages_of_labels,
    to_hypnogram,
)
from sleepkit.io._scoring import Label, Scoring

START = datetime(2020, 3, 2, 22)

# -------------------------------------------------- labels to stages of epochs


def on_grid(*spans, epoch_duration=30.0):
    """Stages and onset from (onset, duration, code)."""
    scored = [
        (Label(onset, duration, "", f"line {i}"), code)
        for i, (onset, duration, code) in enumerate(spans, 1)
    ]
    stages, onset = stages_of_labels(scored, epoch_duration, "night.xml")
    return stages.tolist(), onset


def test_runs():
    assert on_grid((0, 60, 0), (60, 90, 2), (150, 30, -1)) == ([0, 0, 2, 2, 2, -1], 0)


@pytest.mark.parametrize("seed", range(20))
def test_consecutive_labels_take_a_short_way_to_the_same_stages(seed):
    """Labels that last whole epochs, and the same with one that is an event."""
    rng = np.random.default_rng(seed)
    durations = 30.0 * rng.integers(1, 4, 8)
    onsets = np.cumsum(durations) - durations + rng.choice([0.0, 17.84375])
    labels = [
        Label(float(onset), float(duration), str(text), f"line {i}")
        for i, (onset, duration, text) in enumerate(
            zip(onsets, durations, rng.choice(["W", "N2", "?"], 8), strict=True)
        )
    ]
    event = Label(float(onsets[2]), 3.0, "?", "line 9", is_event=True)
    short, long = (
        to_hypnogram(Scoring(rows), None, 30.0, "night.txt")
        for rows in (labels, [*labels, event])
    )
    assert short == long
    assert short.onset == onsets[0]
    assert len(short) == durations.sum() / 30


def test_stages_are_int8():
    stages, _ = stages_of_labels([(Label(0, 60, "", ""), 1)], 30.0, "")
    assert stages.dtype == np.int8


def test_order_does_not_matter():
    assert on_grid((60, 30, 2), (0, 30, 0), (30, 30, 1)) == ([0, 1, 2], 0)


def test_duplicates_change_nothing():
    assert on_grid((0, 30, 0), (30, 30, 1), (0, 30, 0), (30, 30, 1)) == ([0, 1], 0)


def test_gaps_are_unscored():
    assert on_grid((0, 30, 0), (90, 60, 2)) == ([0, -1, -1, 2, 2], 0)


def test_the_grid_begins_with_the_first_label():
    assert on_grid((3.71, 30, 0), (33.71, 30, 1), (63.71, 30, 4)) == ([0, 1, 4], 3.71)


def test_the_grid_may_begin_before_the_file():
    assert on_grid((-45, 60, 0), (15, 30, 2)) == ([0, 0, 2], -45)


def test_times_out_by_a_millisecond():
    spans = [(3.7 + 30 * i + (-1) ** i * 1e-3, 30, i % 5) for i in range(100)]
    stages, onset = on_grid(*spans)
    assert stages == [i % 5 for i in range(100)]
    assert onset == pytest.approx(3.7, abs=0.002)


def test_only_whole_epochs():
    assert on_grid((0, 89, 0)) == ([0, 0], 0)
    assert on_grid((0, 89.9, 0)) == ([0, 0, 0], 0)


def test_a_change_inside_an_epoch_goes_to_the_longer():
    assert on_grid((0, 40, 0), (40, 50, 1)) == ([0, 1, 1], 0)


def test_of_equals_the_later_starting():
    assert on_grid((0, 15, 2), (15, 15, 1)) == ([1], 0)
    assert on_grid((0, 15, 1), (15, 15, 2)) == ([2], 0)


def test_less_than_half_scored_is_unscored():
    assert on_grid((0, 45, 1), (45, 15, -1)) == ([1, 1], 0)
    assert on_grid((0, 44, 1), (44, 16, -1)) == ([1, -1], 0)


def test_two_minorities_make_a_scored_epoch():
    assert on_grid((0, 9, 1), (9, 8, 2), (17, 13, -1)) == ([1], 0)


def test_finer_labels():
    codes = [0, 0, 0, 1, 1, 1, *[2, 2, 2, 2, 3, 3], *[-1, -1, -1, -1, 3, 3]]
    spans = [(5 * i, 5, code) for i, code in enumerate(codes)]
    assert on_grid(*spans) == ([1, 2, -1], 0)


def test_twenty_second_labels():
    spans = [(20 * i, 20, code) for i, code in enumerate([0, 1, 1, 2, 2, 2])]
    assert on_grid(*spans) == ([0, 1, 2, 2], 0)
    assert on_grid(*spans, epoch_duration=20.0) == ([0, 1, 1, 2, 2, 2], 0)


def test_overlap_goes_to_the_later_starting_with_a_warning():
    with pytest.warns(SleepkitWarning, match="1 of the 2 labels in night.xml overlap"):
        result = on_grid((0, 150, 2), (60, 30, 4))
    assert result == ([2, 2, 4, 2, 2], 0)


def test_overlap_of_one_stage_does_not_warn():
    assert on_grid((0, 90, 2), (60, 60, 2)) == ([2, 2, 2, 2], 0)


def test_without_durations_a_label_lasts_to_the_next():
    assert on_grid((0, None, 0), (60, 0, 2), (90, None, 1)) == ([0, 0, 2, 1], 0)


def test_one_label_without_duration_is_an_epoch():
    assert on_grid((7, None, 2)) == ([2], 7)


def test_changes_with_a_last_row_that_only_ends_them():
    assert on_grid((0, None, 0), (60, None, 2), (90, None, 2)) == ([0, 0, 2], 0)


def test_epochs_without_durations_keep_the_last():
    assert on_grid((0, None, 0), (30, None, 2), (60, None, 2)) == ([0, 2, 2], 0)


def test_an_unscored_label_without_duration_hides_no_stage():
    assert on_grid((0, 30, 2), (10, None, -1), (30, 30, 2)) == ([2, 2], 0)


def test_against_counting_half_seconds():
    """Random spans on a grid of 0.5 s, painted and counted in plain loops."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        starts = np.cumsum(rng.integers(1, 120, 30)) / 2
        lengths = np.minimum(rng.integers(1, 120, 30) / 2, np.diff(starts, append=1e4))
        codes = rng.integers(-1, 5, 30)
        order = rng.permutation(30)
        spans = list(zip(starts, lengths, codes, strict=True))
        stages, onset = on_grid(*(spans[i] for i in order))
        assert onset == starts[0]
        assert stages == slow_stages(spans, len(stages))
        end = max(starts + lengths)
        assert len(stages) == (end - onset) // 30


def slow_stages(spans, n_epochs):
    slots = [-1] * 100_000
    for start, length, code in spans:
        for i in range(int(2 * (start - spans[0][0])), 100_000):
            if i / 2 + spans[0][0] >= start + length:
                break
            slots[i] = code
    stages = []
    for epoch in range(n_epochs):
        slots_here = slots[60 * epoch : 60 * (epoch + 1)]
        scored = [code for code in slots_here if code >= 0]
        counts = {code: scored.count(code) for code in scored}
        best = [code for code in counts if counts[code] == max(counts.values())]
        enough = len(scored) >= 30
        stages.append(max(best, key=slots_here.index) if enough else -1)
    return stages


def read_labels(*spans):
    """Hypnogram of labels from (onset, duration)."""
    labels = [Label(*span, "W", f"line {i}") for i, span in enumerate(spans, 1)]
    return to_hypnogram(Scoring(labels), None, 30.0, "night.xml")


def test_more_labels_than_a_night_can_have():
    with pytest.raises(HypnogramError, match="at most 262,144 labels; got 262,145"):
        read_labels(*[(0, 30)] * (2**18 + 1))


@pytest.mark.parametrize("onset", [np.nan, np.inf, -np.inf, 1e300, 2**31])
def test_impossible_onset(onset):
    with pytest.raises(HypnogramError, match=r"onset must be .* got .* \(line 2\)"):
        read_labels((0, 30), (onset, 30))


@pytest.mark.parametrize("duration", [np.nan, np.inf, -30, 1e300])
def test_impossible_duration(duration):
    with pytest.raises(HypnogramError, match=r"duration must be .* got .* \(line 1\)"):
        read_labels((0, duration))


def test_shorter_than_an_epoch():
    with pytest.raises(HypnogramError, match="last an epoch, 30 s; they last 20 s"):
        on_grid((0, 20, 0))


# ------------------------------------- hypnogram and epochs of the signals


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
def test_stages_are_aligned_with_the_epochs(first, n_epochs, stages):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SleepkitWarning)
        aligned = align_stages(Hypnogram([0, 1, 2]), first, n_epochs, "night.edf")
    assert aligned.tolist() == stages


def test_more_than_one_epoch_of_difference_warns():
    rule = r"night\.edf last 3 epochs of 30 s, its hypnogram 5: 2 stages .* 0 epochs"
    with pytest.warns(SleepkitWarning, match=rule):
        align_stages(Hypnogram([0, 1, 2, 3, 4]), 0, 3, "night.edf")
    with pytest.warns(SleepkitWarning, match="0 stages .* and 2 epochs outside"):
        align_stages(Hypnogram([0]), 0, 3, "night.edf")
    with pytest.warns(
        SleepkitWarning, match="2 stages outside .* and 3 epochs outside"
    ):
        align_stages(Hypnogram([0, 1, 2, 3]), 3, 5, "night.edf")


@pytest.mark.parametrize("stages", [[0, 1, 2, -1, -1, -1], [0, 1, 2, 2], [0, 1]])
def test_one_epoch_or_unscored_labels_do_not_warn(stages):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        align_stages(Hypnogram(stages), 0, 3, "night.edf")


@pytest.mark.parametrize("first", [-2, 3, 40])
def test_labels_that_do_not_overlap_the_signals_are_an_error(first):
    with pytest.raises(HypnogramError, match=f"do not overlap.*epoch {first} of sig"):
        align_stages(Hypnogram([0, 1]), first, 3, "night.edf")
