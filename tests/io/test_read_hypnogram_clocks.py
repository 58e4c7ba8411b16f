"""Clock times that run back, and durations that are not in seconds beside them."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError


@pytest.mark.parametrize("head", ["Time,Stage/", ""])
@pytest.mark.parametrize(
    "rows",
    [
        "12:59:00,W/12:59:30,W/01:00:00,N1/01:00:30,N1",  # 12 hours
        "02:59:00,W/02:59:30,W/02:00:00,N1/02:00:30,N1",  # put back in autumn
        "21:00:30,W/21:01:00,W/09:30:00,N1/09:30:30,N1",  # half a day later
    ],
)
def test_clock_times_that_run_back_are_refused(read_rows, head, rows):
    name = "Time" if head else "column 1"
    with pytest.raises(HypnogramError, match=f"{name}.* clock times .* that run on"):
        read_rows(head + rows)


def test_clock_times_may_fall_or_run_over_midnight(read_rows):
    rows = "00:00:30,R/00:00:00,N2/23:59:30,N1/23:59:00,W"
    assert np.asarray(read_rows("Time,Stage/" + rows)).tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    "rows",
    [
        "22:00:00,10,W/22:10:00,2,N1/22:12:00,30,N2",  # minutes
        "22:00:00,20,W/22:10:00,4,N1/22:12:00,60,N2",  # epochs
        "22:00:00,10:00,W/22:10:00,02:00,N1/22:12:00,30:00,N2",  # m:ss
        "2020-01-01 22:00:00,10,W/2020-01-01 22:10:00,2,N1/2020-01-01 22:12:00,30,N2",
    ],
)
def test_durations_that_are_no_seconds_are_refused(read_rows, rows):
    with pytest.raises(HypnogramError, match=r"Time.*name the unit of the durations"):
        read_rows("Time,Duration,Stage/" + rows)


@pytest.mark.parametrize(
    ("unit", "lengths"), [("min", (10, 2, 1)), ("epochs", (20, 4, 2))]
)
def test_durations_with_a_unit_beside_clock_times(read_rows, unit, lengths):
    starts = ["22:00:00", "22:10:00", "22:12:00"]
    rows = zip(starts, map(str, lengths), ["W", "N1", "N2"], strict=True)
    text = "/".join([f"Time,Duration_{unit},Stage", *map(",".join, rows)])
    assert np.asarray(read_rows(text)).tolist() == [0] * 20 + [1] * 4 + [2] * 2


@pytest.mark.parametrize("name", ["onset_s", "onset_min"])
def test_onsets_with_a_unit_beside_durations_in_another(read_rows, name):
    factor = 60 if name == "onset_s" else 1
    rows = [f"{factor * t},{d},N2" for t, d in ((0, 10), (10, 2), (12, 30))]
    with pytest.raises(HypnogramError, match=f"{name}.*unit of the durations"):
        read_rows("/".join([f"{name},duration,stage", *rows]))
