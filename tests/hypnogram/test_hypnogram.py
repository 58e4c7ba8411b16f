import pickle
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram

START = datetime(2024, 5, 1, 22, 30)


def certain(stages, n_stages=5):
    """Probabilities that are all on the given stages."""
    return np.eye(n_stages)[stages]


def test_arrays_are_read_only_copies():
    codes, rows = np.array([0, 1]), np.zeros((2, 5))
    hypnogram = Hypnogram(codes, probabilities=rows)
    codes[:], rows[:] = 4, 1
    assert hypnogram.stages.tolist() == [0, 1]
    assert hypnogram.probabilities.sum() == 0
    for array in (hypnogram.stages, hypnogram.probabilities):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_it_is_an_array_of_its_stages():
    np.testing.assert_array_equal(np.asarray(Hypnogram([0, 4, -1])), [0, 4, -1])
    assert np.array(Hypnogram([0, 1]), dtype=float).dtype == float


def test_times():
    hypnogram = Hypnogram([0, 1, 2], 20, onset=10, start=START)
    assert hypnogram.times.tolist() == [10, 30, 50]
    assert (hypnogram.n_epochs, hypnogram.duration) == (3, 60)
    assert hypnogram.first_epoch_start == START + timedelta(seconds=10)
    assert Hypnogram([0], onset=10).first_epoch_start is None


def test_names():
    assert Hypnogram([0, 4, -1]).names.tolist() == ["W", "REM", "n/a"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stages": [0, 5]}, r"'stages' parameter of Hypnogram.*Got \[5\]"),
        ({"stages": [0, 3], "n_stages": 3}, "codes of 0 W, 1 NREM, 2 REM; got 3"),
        ({"stages": Hypnogram([0])}, r"replace\(\) copies a Hypnogram"),
        ({"probabilities": np.ones((2, 5))}, r"\(1, 5\); got \(2, 5\)"),
        ({"n_stages": 2, "probabilities": np.ones((1, 5))}, r"= \(1, 2\); got"),
        ({"onset": np.nan}, "onset must be a finite number of seconds; got nan"),
        ({"start": "22:30"}, "start must be a datetime or None; got '22:30'"),
        ({"scorer": 1}, "scorer must be a str or None; got 1"),
    ],
)
def test_what_is_no_hypnogram(fields, words):
    with pytest.raises(HypnogramError, match=words):
        Hypnogram(**{"stages": [0], **fields})


@pytest.mark.parametrize("name", ["epoch_duration", "n_stages"])
def test_what_is_no_number(name):
    with pytest.raises(ValueError, match=rf"'{name}'.*Hypnogram"):
        Hypnogram([0], **{name: 0})


# ------------------------------------------------------------------------- equality


FULL = Hypnogram([0, 1, -1], 20.0, 3.5, START, [[1, 0, 0, 0, 0]] * 3, "A")


@pytest.mark.parametrize(
    "change",
    [
        {"stages": [0, 1, 1]},
        {"epoch_duration": 30},
        {"onset": 3.0},
        {"start": None},
        {"probabilities": None},
        {"probabilities": np.zeros((3, 5))},
        {"scorer": "B"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_equal_by_all_fields(change):
    assert replace(FULL) == FULL
    assert replace(FULL, **change) != FULL


def test_equality_with_unknown_probabilities():
    unknown = np.full((3, 5), np.nan)
    assert replace(FULL, probabilities=unknown) == replace(FULL, probabilities=unknown)
    assert FULL.stages.tolist() != FULL
    with pytest.raises(TypeError, match="unhashable"):
        hash(FULL)


def test_pickled():
    assert pickle.loads(pickle.dumps(FULL)) == FULL


# --------------------------------------------------------------------------- looks


def test_repr():
    assert repr(replace(FULL, probabilities=None)) == (
        "<Hypnogram: 3 epochs of 20 s from 2024-05-01 22:30:03, scored by A: "
        "1 W, 1 N1, 0 N2, 0 N3, 0 REM, 1 unscored>"
    )
    assert repr(Hypnogram([0]).merge(2)) == (
        "<Hypnogram: 1 epoch of 30 s: 1 W, 0 Sleep>"
    )


def test_html():
    page = Hypnogram([0, 0, 3, -1, 4], scorer="<A>")._repr_html_()
    assert "&lt;A&gt;" in page
    assert "d='M0 0.5H2V4.5H3M4 1.5H5'" in page  # W on top, REM below it, N3 last
    assert ">W</th>" in page
    assert "<td>1</td>" in page  # minutes of W
    assert "<svg" in Hypnogram([])._repr_html_()


# ---------------------------------------------------------------------------- crop


@pytest.mark.parametrize(
    ("start", "end", "stages", "onset"),
    [
        (None, None, [0, 1, 2, 3], 10),
        (40, None, [1, 2, 3], 40),
        (None, 70, [0, 1], 10),
        (24.9, 85.1, [0, 1, 2], 10),  # by the middle of an epoch: 25, 55, 85 s
        (25.1, 85, [1], 40),
        (START + timedelta(seconds=70), None, [2, 3], 70),
    ],
)
def test_crop(start, end, stages, onset):
    whole = Hypnogram(
        [0, 1, 2, 3], onset=10, start=START, probabilities=certain([0, 1, 2, 3])
    )
    part = whole.crop(start, end)
    assert part == replace(
        whole, stages=stages, onset=onset, probabilities=certain(stages)
    )


@pytest.mark.parametrize(
    ("times", "start", "words"),
    [
        (
            (100,),
            None,
            "start=100 and end=None; the epochs last from 0 to 60 s",
        ),
        ((30, 30), None, "crop needs an epoch"),
        (
            (START,),
            None,
            "start can be a datetime only where .* is known",
        ),
        ((None, START), START.replace(tzinfo=UTC), "end .* both have a time zone or"),
    ],
)
def test_crop_to_nothing(times, start, words):
    with pytest.raises(HypnogramError, match=words):
        Hypnogram([0, 1], start=start).crop(*times)


# ------------------------------------------------------------------------- align_to


def test_the_same_grid_changes_nothing():
    stages = np.array([0, 1, -1, 4])
    rows = certain(stages)
    rows[2] = np.nan
    hypnogram = Hypnogram(stages, 20, 5, START, rows, "A")
    other = Hypnogram([3] * 4, 20, 5, START)
    assert hypnogram.align_to(other) == hypnogram


def test_clock_times_place_the_stages():
    other = Hypnogram([0] * 5, onset=30, start=START)
    # two epochs after the first of the other, and on another date
    later = START + timedelta(days=9, seconds=90)
    aligned = Hypnogram([2, 3], start=later, probabilities=certain([2, 3])).align_to(
        other
    )
    assert aligned.stages.tolist() == [-1, -1, 2, 3, -1]
    assert (aligned.onset, aligned.start) == (30, START)
    assert np.isnan(aligned.probabilities[[0, 1, 4]]).all()
    np.testing.assert_allclose(aligned.probabilities[2:4], certain([2, 3]))


def test_without_both_starts_onsets_count_from_one_file():
    aligned = Hypnogram([2, 3], onset=30, start=START).align_to(Hypnogram([0] * 3))
    assert aligned.stages.tolist() == [-1, 2, 3]
    assert aligned.start == START


def test_longer_epochs_by_majority():
    rows = certain([1, 1, 2, 4, 4, 4])
    fine = Hypnogram([1, 1, 2, 4, 4, 4], 10, probabilities=rows)
    aligned = fine.align_to(Hypnogram([0, 0, 0]))
    assert aligned.stages.tolist() == [1, 4, -1]
    expected = [[0, 2 / 3, 1 / 3, 0, 0], [0, 0, 0, 0, 1], [np.nan] * 5]
    np.testing.assert_allclose(aligned.probabilities, expected)


def test_shorter_epochs():
    aligned = Hypnogram([1, 2]).align_to(Hypnogram([0] * 6, 10))
    assert aligned.stages.tolist() == [1, 1, 1, 2, 2, 2]


def test_aligned_to_a_recording(make_night):
    night = make_night(n_epochs=4, start=START)
    scored = Hypnogram([2, 3], start=START + timedelta(seconds=60))
    assert scored.align_to(night).stages.tolist() == [-1, -1, 2, 3]


def test_scored_epochs_outside_are_named():
    with pytest.warns(SleepkitWarning, match="2 scored epochs outside the grid"):
        aligned = Hypnogram([2, 3, 4, -1, 1]).align_to(Hypnogram([0, 0], onset=30))
    assert aligned.stages.tolist() == [3, 4]
    with warnings.catch_warnings(action="error"):
        Hypnogram([2, -1, -1]).align_to(Hypnogram([0]))


def test_no_overlap():
    with pytest.raises(HypnogramError, match="overlap: the 2 epochs last from 90 to"):
        Hypnogram([0, 1], onset=90).align_to(Hypnogram([0]))


def test_what_has_no_grid():
    with pytest.raises(TypeError, match="a Hypnogram or a Recording; got list"):
        Hypnogram([0]).align_to([0, 1])


def test_merged_stages_are_aligned():
    merged = Hypnogram([0, 2, 4], probabilities=certain([0, 2, 4])).merge(3)
    assert merged.align_to(merged) == merged


# ---------------------------------------------------------------------------- merge


@pytest.mark.parametrize(
    ("n_stages", "stages", "labels"),
    [
        (4, [0, 1, 1, 2, 3, -1], ("W", "Light", "Deep", "REM")),
        (3, [0, 1, 1, 1, 2, -1], ("W", "NREM", "REM")),
        (2, [0, 1, 1, 1, 1, -1], ("W", "Sleep")),
    ],
)
def test_merge(n_stages, stages, labels):
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 6)
    rows[5] = np.nan
    merged = Hypnogram([0, 1, 2, 3, 4, -1], probabilities=rows).merge(n_stages)
    assert merged.stages.tolist() == stages
    assert merged.labels == labels
    for code in range(n_stages):
        parts = [stage for stage in range(5) if stages[stage] == code]
        expected = rows[:, parts].sum(axis=1)
        np.testing.assert_allclose(merged.probabilities[:, code], expected)


def test_merged_twice():
    hypnogram = Hypnogram([0, 1, 2, 3, 4], probabilities=np.full((5, 5), 0.2))
    twice = hypnogram.merge(4).merge(2)
    assert twice.stages.tolist() == hypnogram.merge(2).stages.tolist()
    np.testing.assert_allclose(twice.probabilities, [[0.2, 0.8]] * 5)


@pytest.mark.parametrize(("before", "n_stages"), [(5, 5), (3, 4), (3, 3), (5, 1)])
def test_stages_cannot_be_split(before, n_stages):
    hypnogram = Hypnogram([0, 1])
    hypnogram = hypnogram if before == 5 else hypnogram.merge(before)
    with pytest.raises(ValueError, match=r"'n_stages' parameter of Hypnogram\.merge"):
        hypnogram.merge(n_stages)


# ------------------------------------------------------------------- what it measures


def test_agreement():
    scores = Hypnogram([0, 1, 2, 2, -1, 4]).agreement(Hypnogram([0, 2, 2, 2, 3, -1]))
    assert (scores["n_epochs"], scores["accuracy"]) == (4, 0.75)
    assert scores["kappa"] == pytest.approx(0.556, abs=1e-3)
    assert (scores["f1_W"], scores["f1_N1"], scores["f1_N2"]) == (1, 0, 0.8)
    assert np.isnan(scores["f1_REM"])


def test_agreement_of_merged_stages():
    one, other = Hypnogram([0, 1, 2, 3]).merge(3), Hypnogram([0, 2, 1, 4]).merge(3)
    scores = one.agreement(other)
    assert list(scores) == [
        *("n_epochs", "accuracy", "kappa", "f1_macro"),
        *("f1_W", "f1_NREM", "f1_REM"),
    ]
    assert scores["f1_NREM"] == pytest.approx(0.8)
    assert scores["f1_macro"] == pytest.approx((1 + 0.8 + 0) / 3)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Hypnogram([0, 1]), r"got 3 of 30 s and 2 of 30 s.*align_to\(\)"),
        ([0, 1], r"align_to\(\)"),
        (Hypnogram([0, 1, 2], 20), "3 of 30 s and 3 of 20 s"),
        (Hypnogram([0, 1, 2], onset=30), "begin 30 s apart"),
        (
            Hypnogram([0, 1, 2], start=START + timedelta(seconds=60)),
            "begin 60 s apart",
        ),
        (Hypnogram([0, 1, 1]).merge(2), r"same stages; got 5 and 2: merge\(\)"),
        (Hypnogram([-1, -1, -1]), "scored in both; got none"),
    ],
)
def test_agreement_needs_the_same_epochs(other, words):
    with pytest.raises(HypnogramError, match=words):
        Hypnogram([0, 1, 2], start=START).agreement(other)


def test_statistics_know_the_epoch_duration_and_the_times():
    night = Hypnogram([0, 0, 2, 2, 4, 0], 60, onset=100, start=START)
    found = night.statistics(lights_off=160, lights_on=START + timedelta(seconds=460))
    assert (found["TIB"], found["SOL"], found["TST"]) == (5, 1, 3)
    assert (found["WASO"], found["WASO_AASM"], found["Lat_REM_onset"]) == (0, 1, 2)


def test_transitions():
    counts, probabilities = Hypnogram([0, 1, 2, 4, -1, 0, 2]).merge(3).transitions()
    assert counts.tolist() == [[0, 2, 0], [0, 1, 1], [0, 0, 0]]
    assert probabilities[1].tolist() == [0, 0.5, 0.5]


def test_cycles_are_timed_by_the_file():
    (cycle,) = Hypnogram(np.repeat([0, 2, 4], [2, 20, 2]), 60, onset=30).cycles()
    assert (cycle.start, cycle.rem_start, cycle.end) == (150, 1350, 1470)
    assert not Hypnogram([2, 4], 60).cycles()
    assert Hypnogram([2, 4], 60).cycles(min_nrem=60)


@pytest.mark.parametrize("method", ["statistics", "cycles", "to_mne"])
def test_merged_stages_are_never_read_as_others(method):
    merged = Hypnogram([0, 2, 3, 4]).merge(3)
    with pytest.raises(ValueError, match=r"must have the 5 stages .* merged to 3"):
        getattr(merged, method)()


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    rows = np.full((3, 5), 0.2)
    night = Hypnogram([0, 1, 2], 60, 30, START, rows)
    display = night.plot(other=[0, 0, 2])
    names = [panel.get_ylabel() for panel in display.axes_]
    assert names == ["reference", "predicted", "probability"]
    assert display.axes_[-1].get_xlim() == (0, 180)
    assert display.start == night.first_epoch_start
    assert Hypnogram([0, 1]).plot(ax=plt.figure().gca()).axes_.shape == (1,)
    with pytest.raises(HypnogramError, match=r"plot needs the same epochs.*align_to"):
        night.plot(other=Hypnogram([0, 1, 2], 30))
    plt.close("all")
