"""Numbers, clock times and lengths of epochs whose unit the columns leave open."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError


@pytest.fixture
def read(read_rows):
    """Read a table, of which a semicolon ends each line."""
    return partial(read_rows, end=";")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("stage,duration;W,10;N1,2;N2,31", "duration"),
        ("time,stage;0,W;5,N1;12,N2;40,N3;91,REM", "time"),
        ("Elapsed,stage;0:00,W;0:30,N1;1:00,N2", "Elapsed"),
    ],
)
def test_minutes_without_a_unit_are_refused(read, text, column):
    with pytest.raises(HypnogramError, match=f"column '{column}' must hold"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "stage,duration;W,40;N1,20;N2,100",
        "stage,duration;W,300;N1,60;N2,75",
        "time,stage;0,W;40,N1;60,N2;160,N3",
        "stage,duration_s;W,11;N1,22;N2,31",
    ],
)
def test_whole_epochs_of_usual_lengths_are_seconds(read, text):
    assert len(read(text)) >= 2


@pytest.mark.parametrize("separator", [".", ","])
def test_a_separator_of_thousands_is_no_decimal_one(read, separator):
    seconds = ["900", "930", "960", "990", f'"1{separator}020"', f'"1{separator}050"']
    hypnogram = read("onset,stage;" + ";".join(f"{t},N2" for t in seconds))
    assert (len(hypnogram), hypnogram.onset) == (6, 900)


@pytest.mark.parametrize("name", ["Time from start", "Time since start", "Elapsed"])
def test_times_from_the_start_are_no_clock_times(read, name):
    hypnogram = read(f"{name},stage;01:00:00,W;01:00:30,N1")
    assert (hypnogram.onset, hypnogram.start) == (3600, None)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("Epoch (20s)", 20),
        ("epoch_20s", 20),
        ("20-s epoch", 20),
        ("Epoch [1 min]", 60),
        ("Epoch", 30),
    ],
)
def test_a_length_in_the_name_of_the_epochs_is_used(read, name, length):
    text = f"{name},Stage;" + ";".join(f"{i},N2" for i in range(1, 7))
    assert len(read(text)) == 6 * length // 30
    assert len(read(text, label_duration=90)) == 18


@pytest.mark.parametrize("zero", ["", "0"])
def test_the_month_may_come_first_beside_24_hours(read, zero):
    rows = [f"{zero}3/31/2020 23:59:30,W", f"{zero}4/1/2020 00:00:00,N1"]
    hypnogram = read("Time,Stage;" + ";".join(rows))
    assert np.asarray(hypnogram).tolist() == [0, 1]
    assert hypnogram.start == datetime(2020, 3, 31, 23, 59, 30)
