"""Tables whose rows are when a column says, also where rows are missing."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram

LABELS = ["W", "W", "N1", "N1", "N2", "N2", "N3", "N3", "R", "R"]
WHOLE = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
KEPT = (0, 1, 2, 3, 7, 8, 9)
HOLED = [0, 0, 1, 1, -1, -1, -1, 3, 4, 4]
NIGHT = datetime(2020, 1, 1, 23, 58)  # runs over midnight


def table(head, *columns, kept=KEPT, delimiter=","):
    """Text of a table: its header, and functions of the number of the epoch."""
    lines = [delimiter.join(str(column(i)) for column in columns) for i in kept]
    return "\n".join([delimiter.join(head), *lines])


def stage(i):
    return LABELS[i]


def at(form="%H:%M:%S", begin=NIGHT, shift=0):
    """Time of an epoch."""
    return lambda i: (begin + timedelta(seconds=30 * (i + shift))).strftime(form)


def times(factor, offset=0, form="g"):
    """Number of an epoch."""
    return lambda i: format(factor * i + offset, form)


@pytest.fixture
def read(tmp_path):
    """Read a file that has the given text."""

    def read_text(text, **parameters):
        path = tmp_path / "night.csv"
        path.write_text(text)
        return read_hypnogram(path, **parameters)

    return read_text


NUMBERS = {
    "Epoch": times(1, 1),
    "epoch number": times(1, 0),
    "Epoch #": times(1, 1),
    "No.": times(1, 1),
    "Epoche": times(1, 1),
    "Époque": times(1, 1),
    "Número de época": times(1, 1),
    "window_idx": times(1),
    "": times(1),
    "onset": times(30),
    "Begin": times(30),
    "Anfang": times(30),
    "Début (s)": times(30),
    "inicio": times(30),
    "inizio [sec]": times(30),
    "recording onset": times(30, 0, ".3f"),
    "t": times(30),
    "time_ms": times(30_000),
    "start": times(30_000),
    "minutes": times(0.5),
    "Tid (min)": times(0.5),
    "hours": times(1 / 120, 0, ".4f"),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("order", [1, -1])
def test_numbers(read, name, order):
    text = table([name, "stage"], NUMBERS[name], stage, kept=KEPT[::order])
    hypnogram = read(text)
    np.testing.assert_array_equal(hypnogram, HOLED)
    assert (hypnogram.onset, hypnogram.start) == (0, None)


def test_decimal_commas(read):
    def comma(i):
        return f"{0.5 * i:.2f}".replace(".", ",")

    text = table(["Zeit [min]", "Stadium"], comma, stage, delimiter=";")
    np.testing.assert_array_equal(read(text), HOLED)


CLOCKS = {
    "time": at(),
    "StartTime": at("%I:%M:%S %p"),
    "Start Time": at("%H.%M.%S"),
    "Uhrzeit": at("%H:%M:%S.000"),
    "heure": at("%Hh%M:%S"),
    "hora": at(),
    "clock_time": at("%Y-%m-%dT%H:%M:%S"),
    "timestamp": at("%Y-%m-%d %H:%M:%S.%f"),
    "Datum/Uhrzeit": at("%d.%m.%Y %H:%M:%S"),
    "date time": at("%m/%d/%Y %I:%M:%S %p"),
    "when": at(),
}


@pytest.mark.parametrize("name", CLOCKS)
@pytest.mark.parametrize("order", [1, -1])
def test_clock_times(read, name, order):
    text = table([name, "stage"], CLOCKS[name], stage, kept=KEPT[::order])
    hypnogram = read(text)
    np.testing.assert_array_equal(hypnogram, HOLED)
    first = hypnogram.start + timedelta(seconds=hypnogram.onset)
    assert first.time() == NIGHT.time()


def test_a_date_without_a_clock_is_no_start(read):
    text = table(["date", "stage"], at("%Y-%m-%d"), stage, kept=range(10))
    assert read(text).start is None


def test_a_date_beside_the_clock(read):
    text = table(["Date", "Time", "Stage"], at("%Y-%m-%d"), at(), stage)
    assert read(text).start == NIGHT


def test_starts_and_ends(read):
    ends = {
        "stop": (times(30), times(30, 30)),
        "end": (at(), at(shift=1)),
        "fin": (at("%Y-%m-%d %H:%M:%S"), at("%Y-%m-%d %H:%M:%S", shift=1)),
    }
    for name, (begin, end) in ends.items():
        text = table(["start", name, "stage"], begin, end, stage)
        np.testing.assert_array_equal(read(text), HOLED)
    text = table(
        ["end_ms", "begin_ms", "stage"], times(30_000, 30_000), times(30_000), stage
    )
    np.testing.assert_array_equal(read(text), HOLED)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("start_epoch,end_epoch,stage\n1,2,W\n3,5,N1\n6,6,R\n", [0, 0, 1, 1, 1, 4]),
        ("start_epoch,end_epoch,stage\n0,2,W\n2,5,N1\n5,6,R\n", [0, 0, 1, 1, 1, 4]),
        ("duration,stage\n60,W\n90,N1\n30,R\n", [0, 0, 1, 1, 1, 4]),
        ("stage,Dauer\nW,00:01:00\nN1,00:01:30\nR,00:00:30\n", [0, 0, 1, 1, 1, 4]),
        ("stage,duration (epochs)\nW,2\nN1,3\nR,1\n", [0, 0, 1, 1, 1, 4]),
        ("stage,Duration (min)\nW,1\nN1,1.5\nR,0.5\n", [0, 0, 1, 1, 1, 4]),
        ("No.,duration,stage\n1,60,W\n2,90,N1\n3,30,R\n", [0, 0, 1, 1, 1, 4]),
        ("stage,end\nW,60\nN1,150\nR,180\n", [0, 0, 1, 1, 1, 4]),
        ("0,60,W\n60,90,N1\n150,30,R\n", [0, 0, 1, 1, 1, 4]),
        ("0 60 W\n60 150 N1\n150 180 R\n", [0, 0, 1, 1, 1, 4]),
        ("W 60\nN1 90\nR 30\n", [0, 0, 1, 1, 1, 4]),
    ],
)
def test_runs(read, text, stages):
    text = text if not text.startswith("W 60") else "stage duration\n" + text
    np.testing.assert_array_equal(read(text), stages)


def test_a_row_of_numbers_beside_another_column_of_epochs(read):
    text = '"epoch" "stage"\n"1" 1 "W"\n"2" 2 "N1"\n"3" 5 "N1"\n"4" 6 "N2"\n'
    np.testing.assert_array_equal(read(text), [0, 1, -1, -1, 1, 2])


def test_the_first_epoch_is_where_its_number_says(read):
    text = table(["Epoch", "Stage"], times(1, 121), stage)
    assert read(text).onset == 3600
    assert read(table(["x", "Stage"], times(30, 60), stage, kept=range(10))).onset == 60


@pytest.mark.parametrize("name", ["time", "elapsed", "onset"])
def test_clock_times_that_count_from_the_start(read, name):
    begin = datetime(2000, 1, 1) + timedelta(minutes=10) * (name != "time")
    hypnogram = read(table([name, "stage"], at(begin=begin), stage))
    np.testing.assert_array_equal(hypnogram, HOLED)
    assert (hypnogram.start, hypnogram.onset) == (None, 600 * (name != "time"))


def test_clock_times_without_seconds(read):
    whole = table(["time", "stage"], at("%H:%M"), stage, kept=range(10))
    hypnogram = read(whole)
    np.testing.assert_array_equal(hypnogram, WHOLE)
    assert hypnogram.start.time() == NIGHT.time()
    with pytest.raises(HypnogramError, match="'time' must tell rows apart"):
        read(table(["time", "stage"], at("%H:%M"), stage))


OTHERS = {
    "confidence": lambda i: 0.5 + 0.03 * i + 0.01 * (i % 2),
    "spo2": lambda i: 95 - i % 3,
    "cycle": lambda i: 1 + i // 4,
    "probability (%)": lambda i: 50 + 1.5 * i + i % 2,
    "Heart rate": lambda i: 60 + i,
    "x": lambda i: (i * 7) % 5,
    "n": lambda i: i,
    "subject": lambda _: 12,
    "note": lambda i: "start of the night" if not i else "",
}


@pytest.mark.parametrize("name", OTHERS)
def test_numbers_that_are_no_time(read, name):
    text = table([name, "stage"], OTHERS[name], stage, kept=range(10))
    np.testing.assert_array_equal(read(text), WHOLE)


REFUSED = {
    "sample": times(7680),
    "Start Sample": times(3000),
    "SampleNumber": times(3840, 1),
    "begin": times(7680),
    "Beginn": times(1 / 120, 0, ".5f"),
    "t": times(1),
    "time": times(30, 1_577_916_000, ".0f"),
    "timestamp": times(30 / 86400, 43831.9, ".6f"),
    "when": times(30),
    "trial": times(1, 1),
    "reversed": times(-1, 10),
    "latitude": lambda i: 50 + 1.5 * i + i % 2,
    "end": times(30, 30),
    "onset": lambda _: "early",
    "epoch": lambda i: f"Epoch {i}",
    "nr": lambda i: 1 + i // 2,
    "minute": lambda i: i // 2,
    "Zeit": lambda i: f"22{i // 2:02d}{30 * (i % 2):02d}",
    "hms": lambda i: f"02{i // 2:02d}{30 * (i % 2):02d}",
    "date": lambda i: f"2020-01-0{1 + i // 3}",
    "start": lambda _: "1:2:3:4:5",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_column_that_could_be_a_time_is_refused_by_name(read, name):
    with pytest.raises(HypnogramError, match=f"column '{name}'"):
        read(table([name, "stage"], REFUSED[name], stage))


@pytest.mark.parametrize(
    ("head", "first", "second", "match"),
    [
        (("onset", "time"), times(30), at("%H:%M:%S", shift=0), None),
        (("onset", "time"), times(30), lambda i: f"22:0{i}:00", "'time' disagrees"),
        (("onset", "onset_ms"), times(30), times(60_000), "'onset_ms' disagrees"),
        (("onset", "sample"), times(30), times(7680), None),
        (("epoch", "time"), times(1, 1), at(), None),
    ],
)
def test_two_columns_of_times(read, head, first, second, match):
    text = table([*head, "stage"], first, second, stage)
    if match is None:
        np.testing.assert_array_equal(read(text), HOLED)
        return
    with pytest.raises(HypnogramError, match=match):
        read(text)


def test_the_epoch_length_above_the_table(read):
    text = "Epoch length: 15 s\n" + table(
        ["Epoch", "Stage"], times(1), stage, kept=range(10)
    )
    np.testing.assert_array_equal(read(text), [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(read(text, label_duration=30), WHOLE)


def test_probabilities_follow_their_rows(read):
    head = ["epoch", "stage", "P_W", "P_N1", "P_N2", "P_N3", "P_REM"]
    columns = [times(1), stage, times(0.1), *[lambda _: 0] * 4]
    for kept in (KEPT, KEPT[::-1]):
        found = read(table(head, *columns, kept=kept)).probabilities[:, 0]
        expected = [i / 10 if i in KEPT else np.nan for i in range(10)]
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "onset,time,stage/90,0001-01-01 00:00:00,W/120,0001-01-01 00:00:30,N1",
            "column 'time' puts the start of the file outside the years 1 to 9999",
        ),
        ("onset,stage/31-12-9999 24:00:00,W", "'onset' must hold times"),
    ],
)
def test_a_start_beyond_all_dates_is_refused(read_rows, text, message):
    with pytest.raises(HypnogramError, match=message):
        read_rows(text)
