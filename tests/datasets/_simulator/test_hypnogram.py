"""Hypnograms of simulated nights against what is known of adults' sleep."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit._stages import N1, N2, N3, REM, WAKE
from sleepkit.datasets._simulator import NightSeed, draw_night
from sleepkit.datasets._simulator._scorer import majority


@pytest.fixture(scope="module")
def hypnograms():
    """Forty nights of 8 hours of as many subjects."""
    seeds = [NightSeed(0, subject, 1, 960) for subject in range(40)]
    return np.array([draw_night(seed).hypnogram for seed in seeds])


def asleep(hypnogram):
    """From sleep onset to the last epoch of sleep."""
    sleep = np.flatnonzero(hypnogram != WAKE)
    return hypnogram[sleep[0] : sleep[-1] + 1]


def shares(stages):
    """Share of each stage."""
    return np.bincount(stages, minlength=5) / len(stages)


def test_shares_of_the_stages(hypnograms):
    found = np.mean([shares(asleep(h)) for h in hypnograms], axis=0)
    low = [0.04, 0.06, 0.40, 0.11, 0.14]
    high = [0.14, 0.15, 0.56, 0.22, 0.25]
    assert ((low < found) & (found < high)).all(), found


def test_nights_begin_and_end_awake(hypnograms):
    assert (hypnograms[:, 0] == WAKE).all()
    latency = (hypnograms != WAKE).argmax(axis=1) / 2
    assert 5 < np.median(latency) < 25
    assert (hypnograms[:, -1] == WAKE).mean() > 0.8


def test_deep_sleep_comes_early_and_rem_sleep_late(hypnograms):
    thirds = [list(map(shares, np.array_split(asleep(h), 3))) for h in hypnograms]
    deep, rem = np.mean(thirds, axis=0)[:, [N3, REM]].T
    assert deep[0] > 1.5 * deep[1] > 1.5 * deep[2]
    assert rem[0] < rem[1]
    assert rem[0] < 0.6 * rem[2]


def test_cycles_last_about_ninety_minutes(hypnograms):
    """From one REM period to the next; pauses below 15 minutes do not part them."""
    gaps = []
    for hypnogram in hypnograms:
        rem = np.flatnonzero(hypnogram == REM)
        starts = rem[np.diff(rem, prepend=-1000) > 30]
        gaps.extend(np.diff(starts) / 2)
    assert 75 < np.median(gaps) < 110


def test_rem_sleep_does_not_come_first(hypnograms):
    first = [(h == REM).argmax() - (h != WAKE).argmax() for h in hypnograms]
    assert 55 < np.median(first) / 2 < 120


def test_transitions_are_those_of_sleepers(hypnograms):
    counts = np.zeros((5, 5))
    for hypnogram in hypnograms:
        np.add.at(counts, (hypnogram[:-1], hypnogram[1:]), 1)
    stay = np.diag(counts) / counts.sum(axis=1)
    assert stay.argmin() == N1
    assert (stay[[N2, N3, REM]] > 0.8).all()
    np.fill_diagonal(counts, 0)
    next_stage = counts / counts.sum(axis=1, keepdims=True)
    assert next_stage[WAKE, N1] > 0.5
    assert next_stage[N3, N2] > 0.7
    assert counts[REM, N3] + counts[N3, REM] < 0.01 * counts.sum()


def test_subjects_differ_more_than_their_nights():
    shares = np.array(
        [
            [np.mean(draw_night(NightSeed(0, subject, night, 960)).hypnogram == N3)
             for night in (1, 2, 3)]
            for subject in range(25)
        ]
    )  # fmt: skip
    assert shares.mean(axis=1).var() > shares.var(axis=1).mean()


def test_an_epoch_is_scored_by_majority():
    seconds = np.repeat([N2, WAKE, N2, N1, REM], [20, 10, 5, 12, 13])
    assert majority(seconds, 30).tolist() == [N2, REM]


def test_arousals_are_too_short_to_score():
    night = draw_night(NightSeed(0, 1, 1, 960))
    sleep = np.repeat(night.hypnogram, 30) != WAKE
    assert 0.005 < np.mean(night.stages[sleep] == WAKE) < 0.06


def test_state_follows_the_stages():
    night = draw_night(NightSeed(0, 1, 1, 960))
    np.testing.assert_allclose(night.state.sum(axis=1), 1, atol=1e-5)
    agree = night.state.argmax(axis=1) == night.stages
    assert 0.85 < agree.mean() < 0.999


def test_subjects_move_only_awake_or_aroused():
    night = draw_night(NightSeed(0, 1, 1, 960))
    assert len(night.movements) > 20
    assert (np.diff(night.movements) >= 0).all()
    assert (night.stages[night.movements.astype(int)] == WAKE).all()
