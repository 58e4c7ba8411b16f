import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.metrics import sleep_cycles

W, N1, N2, N3, REM, UNS = 0, 1, 2, 3, 4, -1


def cycles_of(*runs, **parameters):
    """Begin, begin of REM and end of each cycle, all in minutes, of runs in minutes."""
    stages = np.repeat(runs[::2], [2 * minutes for minutes in runs[1::2]])
    found = sleep_cycles(stages, **parameters)
    return [(c.start / 60, c.rem_start / 60, c.end / 60) for c in found]


def test_a_night():
    stages = np.repeat(
        [W, N2, REM, N1, N3, W, REM, W], [20, 140, 30, 10, 120, 4, 50, 9]
    )
    first, second = sleep_cycles(stages)
    assert first == (600, 4800, 5700, 5100, 4200, 900, True)
    assert second == (5700, 9720, 11220, 5520, 3900, 1500, True)


def test_nrem_of_a_cycle_lasts_fifteen_minutes_with_wake_in_it():
    assert cycles_of(N2, 14, REM, 6) == []
    assert cycles_of(N2, 15, REM, 6) == [(0, 15, 21)]
    assert cycles_of(N1, 1, W, 10, N2, 4, REM, 6) == [(0, 15, 21)]


def test_the_first_rem_period_may_be_short_and_no_other():
    assert cycles_of(N2, 60, REM, 1, N2, 60, REM, 4, N2, 60, REM, 5) == [
        (0, 60, 61),
        (61, 185, 190),
    ]


def test_rem_that_is_shortly_interrupted_is_one_period():
    assert cycles_of(N2, 60, REM, 10, N2, 14, REM, 10) == [(0, 60, 94)]
    assert cycles_of(N2, 60, REM, 10, N2, 15, REM, 10) == [(0, 60, 70), (70, 85, 95)]
    # without NREM sleep in between, no new cycle begins
    assert cycles_of(N2, 60, REM, 10, W, 40, REM, 10) == [(0, 60, 120)]
    # two parts of 3 min hold 6 min of REM
    assert cycles_of(N2, 30, REM, 9, N2, 30, REM, 3, N1, 5, REM, 3) == [
        (0, 30, 39),
        (39, 69, 80),
    ]


def test_rem_at_sleep_onset():
    assert cycles_of(N1, 2, REM, 10, N2, 60, REM, 10) == [(12, 72, 82)]
    assert cycles_of(N1, 2, REM, 2, N2, 60, REM, 10) == [(0, 64, 74)]
    assert cycles_of(REM, 20) == []


def test_nrem_at_the_end_is_not_complete():
    *_, last = cycles_of(N2, 60, REM, 10, W, 5, N2, 20, W, 3)
    assert last == pytest.approx((75, np.nan, 95), nan_ok=True)
    assert len(cycles_of(N2, 60, REM, 10, N2, 14)) == 1
    assert [c.complete for c in sleep_cycles([N2] * 40)] == [False]


def test_unscored_epochs_end_nothing():
    assert cycles_of(N2, 10, UNS, 5, REM, 3, UNS, 10, REM, 3) == [(0, 15, 31)]


def test_other_criteria():
    assert cycles_of(N2, 10, REM, 6, min_nrem=600) == [(0, 10, 16)]
    runs = N2, 30, REM, 9, N2, 30, REM, 3
    assert len(cycles_of(*runs, min_rem=180)) == 2


def test_a_night_without_sleep():
    assert sleep_cycles([W, UNS, W]) == []


def test_a_hypnogram_has_its_own_times():
    night = Hypnogram([N2] * 100 + [REM] * 30, 10.0, onset=5.0)
    (cycle,) = sleep_cycles(night)
    assert (cycle.start, cycle.rem_start, cycle.end) == (5, 1005, 1305)
    with pytest.raises(ValueError, match=r"that of the hypnogram, 10 s\. Got 30"):
        sleep_cycles(night, epoch_duration=30)


@pytest.mark.parametrize("name", ["epoch_duration", "min_nrem", "min_rem"])
def test_what_is_no_duration(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of sleep_cycles"):
        sleep_cycles([N2], **{name: -1})
