from datetime import datetime

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram


@pytest.fixture
def read(tmp_path):
    """Read a table that has the given lines."""

    def read_lines(*lines, name="stages.csv", **parameters):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return read_hypnogram(path, **parameters)

    return read_lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_onset_duration_label(read, delimiter):
    lines = ["onset,duration,stage", "0,60,W", "60,30,N1", "90,90,Stage 2"]
    hypnogram = read(*(line.replace(",", delimiter) for line in lines))
    np.testing.assert_array_equal(hypnogram, [0, 0, 1, 2, 2, 2])


def test_columns_in_any_order_and_case_among_others(read):
    hypnogram = read(
        '"Scorer","Label","Duration","Onset"',
        '"Doe, J.","W","30","3.5"',
        '"Doe, J.","REM","60","33.5"',
    )
    np.testing.assert_array_equal(hypnogram, [0, 4, 4])
    assert hypnogram.onset == 3.5


def test_time_and_stage_as_it_changes(read):
    lines = ["Time,Stage", "0,4", "40.0100000000002,5", "70.01,3", "160,3"]
    hypnogram = read(*lines, scheme="pydynamo")
    np.testing.assert_array_equal(hypnogram, [4, 0, 1, 1, 1])


def test_time_and_stage_of_every_epoch(read):
    hypnogram = read("Time,Stage", "0,W", "30,N1", "60,N1")
    np.testing.assert_array_equal(hypnogram, [0, 1, 1])


def test_rows_without_onset_follow_one_another(read):
    lines = ["epoch,stage", "1,W", "2,W", "3,N2", "4,N2"]
    np.testing.assert_array_equal(read(*lines), [0, 0, 2, 2])
    np.testing.assert_array_equal(read(*lines, label_duration=15), [0, 2])


def test_bids_events(read):
    hypnogram = read(
        "onset\tduration\ttrial_type\tvalue",
        "0\t30\tSleep stage W\t1",
        "12.5\t3\tarousal\tn/a",
        "15\tn/a\tLights off\tn/a",
        "30\t60\tN2\t2",
        "90\t30\tn/a\tn/a",
        name="sub-01_task-sleep_events.tsv",
    )
    np.testing.assert_array_equal(hypnogram, [0, 2, 2, -1])


def test_mass_annotations_as_text(read):
    lines = [
        "Onset,Duration,Annotation",
        "3.7,30.0,Sleep stage ?",
        '10,2,"<Event channel=""EEG C4-LER"" groupName=""MicroArousal""/>"',
        "33.7,30.0,Sleep stage 2",
    ]
    hypnogram = read(*lines, name="01-03-0001 Base_annotations.txt")
    np.testing.assert_array_equal(hypnogram, [-1, 2])
    assert hypnogram.onset == 3.7


def test_clock_time_gives_the_start(read):
    hypnogram = read("onset,stage,clock_time", "30,W,2020-01-02T22:00:30.5", "60,W,")
    assert hypnogram.start == datetime(2020, 1, 2, 22, 0, 0, 500_000)


P = ["stage,P_W,P_N1,P_N2,P_N3,P_REM", "W,0.7,0.3,0,0,0", "N1,0.25,0.5,0.25,,0"]


def test_probabilities(read):
    expected = [[0.7, 0.3, 0, 0, 0], [0.25, 0.5, 0.25, np.nan, 0]]
    np.testing.assert_array_equal(read(*P).probabilities, expected)


def test_probabilities_of_other_epochs_are_left_out(read):
    assert read(*P, label_duration=15).probabilities is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,b", "1,2"], "column of labels, named stage, .* its columns are a, b"),
        (["0,0,x,1,2"], "one line must hold labels only.* '0', 'x', '1'"),
        ([",,", ",,"], "name of a sleep stage; got ',,' .line 1"),
        (["onset,stage"], "got none"),
        (["onset,stage", "0,W", "30"], "header's 2 columns; line 3 has 1"),
        (["onset,stage", "0,W", "30,N1,?"], "header's 2 columns; line 3 has 3"),
        (["onset,stage", "0,5,W", "30,5,N1"], "header's 2 columns; line 2 has 3"),
        (["onset,stage", "0,W", "", "30,N9"], r"got 'N9' \(line 4\)"),
        (["onset,stage", "0,W", ",N1"], "every row must have an onset; line 3"),
        (
            ["onset,stage", "0,W", "22:10:30,N1"],
            r"hold seconds; got '22:10:30' \(line 3",
        ),
        (["onset,stage", "0,W", "nan,N1"], "every row must have an onset; line 3"),
        (["onset,duration,stage", "0,-30,W"], r"duration must .* got -30 \(line 2\)"),
        (["onset,stage", '0,"W'], "must be a table; unexpected end of data"),
        (
            ["onset,stage,clock_time", "0,W,22h"],
            "'clock_time' must hold times; got '22h'",
        ),
        (["onset,stage", "0,2", "30,1"], "need a scheme"),
    ],
)
def test_malformed(read, lines, words):
    with pytest.raises(HypnogramError, match=rf"stages\.csv: .*{words}"):
        read(*lines)
