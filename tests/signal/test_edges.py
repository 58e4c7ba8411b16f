"""trim_bounds: three rules worked by hand, and properties that hold for all."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.signal import trim_bounds

RULES = ("symmetric", "evening_first", "margin")


def night(*runs):
    """Write a hypnogram as (stage, length) runs."""
    return np.concatenate([np.full(length, stage) for stage, length in runs])


@pytest.mark.parametrize(
    ("stages", "start", "stop"),
    [
        # W 10, N2 4: (10 - 4) // 2 = 3 from either end.
        (night((0, 5), (2, 4), (4, 2), (0, 5)), 3, 13),
        # W 11, N2 4: the odd epoch stays, 3 from either end.
        (night((0, 6), (2, 4), (4, 2), (0, 5)), 3, 14),
        # Wake within sleep counts, but is never cut: W 5 + 3 + 2, N2 4, so 3 wanted at
        # either end; the morning has 2 and the third is carried to the evening.
        (night((0, 5), (2, 2), (0, 3), (2, 2), (0, 2)), 4, 12),
        # The same, carried from the evening to the morning.
        (night((0, 2), (2, 2), (0, 3), (2, 2), (0, 5)), 2, 10),
        # Both edges shorter than wanted: wake stays dominant and sleep whole.
        (night((0, 1), (2, 2), (0, 9), (2, 2), (0, 2)), 1, 14),
        # No wake at all in the morning: all 2 * 3 come from the evening.
        (night((0, 10), (2, 4)), 6, 14),
        # Wake is as frequent as the runner-up: nothing is surplus.
        (night((0, 2), (2, 4), (0, 2)), 0, 8),
        # Wake is rare.
        (night((0, 2), (2, 6), (0, 2)), 0, 10),
        # One more than the runner-up: floor(1 / 2) = 0.
        (night((0, 3), (2, 4), (0, 2)), 0, 9),
    ],
)
def test_symmetric_by_hand(stages, start, stop):
    assert trim_bounds(stages, rule="symmetric") == slice(start, stop)


@pytest.mark.parametrize(
    ("stages", "start", "stop"),
    [
        # Edges 6 + 5, second stage 4: 7 surplus, 6 in the evening and 1 in the morning.
        (night((0, 6), (2, 4), (4, 2), (0, 5)), 6, 16),
        # Edges 6 + 2, second 4: 4 surplus, all from the evening.
        (night((0, 6), (2, 4), (0, 2)), 4, 12),
        # Wake dominates only through waking up at night; the edges hold 2 < 3.
        (night((0, 1), (2, 2), (0, 9), (2, 1), (0, 1)), 0, 14),
        # No evening wake: all from the morning.
        (night((2, 2), (0, 7)), 0, 4),
        # Wake is not dominant.
        (night((0, 3), (2, 6), (0, 2)), 0, 11),
    ],
)
def test_evening_first_by_hand(stages, start, stop):
    assert trim_bounds(stages, rule="evening_first") == slice(start, stop)


@pytest.mark.parametrize(
    ("stages", "start", "stop"),
    [
        (night((0, 9), (2, 4), (0, 9)), 6, 16),
        (night((0, 2), (2, 4), (0, 9)), 0, 9),
        (night((0, 9), (1, 1), (0, 20), (4, 1), (0, 1)), 6, 32),
        (night((2, 4)), 0, 4),
    ],
)
def test_margin_by_hand(stages, start, stop):
    assert trim_bounds(stages, rule="margin", margin=3) == slice(start, stop)


def test_margin_is_half_an_hour_unless_said_otherwise():
    stages = night((0, 100), (2, 200), (0, 100))
    assert trim_bounds(stages, rule="margin") == slice(40, 360)


def test_margin_zero_leaves_sleep_alone():
    stages = night((0, 3), (2, 4), (0, 3))
    assert trim_bounds(stages, rule="margin", margin=0) == slice(3, 7)


def test_unscored_epochs_are_no_sleep():
    """An unscored tail does not count as the end of sleep."""
    stages = night((-1, 2), (0, 9), (2, 4), (0, 9), (-1, 50))
    assert trim_bounds(stages, rule="margin", margin=3) == slice(8, 18)


def test_margin_is_clock_time():
    stages = night((0, 9), (-1, 2), (2, 4), (0, 3))
    assert trim_bounds(stages, rule="margin", margin=3) == slice(8, 18)


def test_unscored_epochs_go_with_the_wake_around_them():
    # W 10, N2 4: three wake epochs go at either end, unscored ones with them.
    stages = np.array([-1, 0, 0, -1, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, -1, 0, 0, -1])
    assert trim_bounds(stages, rule="symmetric") == slice(5, 13)


def test_unscored_edges_stay_where_nothing_is_cut():
    stages = night((-1, 3), (0, 1), (2, 4), (-1, 3))
    assert trim_bounds(stages, rule="symmetric") == slice(0, 11)
    assert trim_bounds(stages, rule="evening_first") == slice(0, 11)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "stages", [[], [0, 0, 0], [-1, -1], [-1, 0, 0], [2], [1, 2, 3]]
)
def test_without_edges_everything_stays(rule, stages):
    assert trim_bounds(np.array(stages, dtype=int), rule=rule) == slice(0, len(stages))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(40))
def test_sleep_is_never_cut_and_trimming_never_goes_too_far(rule, seed):
    rng = np.random.default_rng(seed)
    runs = [(rng.integers(-1, 5), rng.integers(1, 12)) for _ in range(10)]
    stages = night((0, rng.integers(0, 40)), *runs, (0, rng.integers(0, 40)))
    kept = trim_bounds(stages, rule=rule, margin=5)
    asleep = np.flatnonzero(stages > 0)
    cut = np.r_[stages[: kept.start], stages[kept.stop :]]
    assert not np.any(cut > 0)
    if asleep.size and rule != "margin" and np.any(cut == 0):
        counts = np.bincount(stages[kept][stages[kept] >= 0], minlength=5)
        edges = np.sum(stages[kept][: asleep[0] - kept.start] == 0)
        edges += np.sum(stages[asleep[-1] + 1 : kept.stop] == 0)
        total = counts[0] if rule == "symmetric" else edges
        assert total >= counts[1:].max() or edges == 0


def test_symmetric_makes_wake_equal_to_the_runner_up_where_it_can():
    stages = night((0, 30), (2, 20), (3, 10), (0, 30))
    kept = stages[trim_bounds(stages, rule="symmetric")]
    assert np.sum(kept == 0) == np.sum(kept == 2) == 20


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"rule": "pm30"}, "'rule' parameter of trim_bounds must be one of"),
        ({"margin": -1}, "'margin' parameter of trim_bounds must be a whole number"),
        ({"margin": 1.5}, "'margin' parameter"),
    ],
)
def test_bad_parameters(kwargs, words):
    with pytest.raises(ValueError, match=words):
        trim_bounds(np.array([0, 2]), **kwargs)


@pytest.mark.parametrize("stages", [[0, 7], [[0, 1]], [0.5, 1.0], ["W", "N1"], [-2]])
def test_bad_stages(stages):
    with pytest.raises(ValueError, match="'stages' parameter of trim_bounds must be"):
        trim_bounds(np.array(stages))
