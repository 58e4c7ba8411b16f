"""Rows that last several epochs, and columns that number epochs or do not."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram
from tests.stage_letters import codes

NIGHT = [(0, "W"), (30, "W"), (60, "W"), (150, "N1"), (180, "N2")]


@pytest.fixture
def read(read_rows):
    """Read the stages of a table, of which a slash ends each line."""
    return lambda text, **parameters: np.asarray(read_rows(text, **parameters)).tolist()


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("first_epoch,n_epochs,stage/1,2,W/5,3,N2/8,1,R", "WW??222R"),
        ("Start Epoch,Number of Epochs,Stage/1,2,W/5,3,N2/8,1,R", "WW??222R"),
        ("Start Epoch,Number of Epochs,Stage/1,30,W/31,60,N2/91,30,R", None),
        ("onset,epochs,stage/0,2,W/120,3,N2/210,1,R", "WW??222R"),
        ("Uhrzeit,Anzahl Epochen,Stadium/22:00:00,2,W/22:02:00,3,N2", "WW??222"),
        ("stage,# epochs/W,2/N2,3/R,1", "WW222R"),
        ("first_epoch,n_epochs,stage/1,4,W/5,4,N2/9,4,R", "WWWW2222RRRR"),
        ("epochs,stage/1,W/2,N2/5,R", "W2??R"),
        ("time,epochs,stage/22:00:00,1,W/22:00:30,2,N2/22:01:00,3,R", "W2R"),
    ],
)
def test_a_column_that_counts_epochs_is_a_duration(read, text, stages):
    assert read(text) == codes(stages or "W" * 30 + "2" * 60 + "R" * 30)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        (
            "22:00:00,300,W/22:05:00,60,N1/22:10:00,120,N2/22:12:00,60,R",
            "W" * 10 + "11" + "?" * 8 + "2222RR",
        ),
        (
            "W,22:00:00,00:01:00/N1,22:01:00,00:01:00/N2,22:02:00,00:02:00/"
            "R,22:05:00,00:01:00",
            "WW112222??RR",
        ),
        (
            "W\t.\t.\t23:59:00\t23:59:30\t./W\t.\t.\t23:59:30\t00:00:00\t."
            "/N1\t.\t.\t00:00:00\t00:00:30\t./N2\t.\t.\t00:01:30\t00:02:00\t.",
            "WW1??2",
        ),
        ("22:00:00,22:01:00,W/22:03:00,22:04:00,N1/22:06:00,22:07:00,R", None),
        ("22:01:00,22:00:00,W/22:04:00,22:03:00,N1/22:07:00,22:06:00,R", None),
    ],
)
def test_durations_and_ends_beside_clock_times_without_a_header(read, text, stages):
    assert read(text) == codes(stages or "WW????11????RR")


@pytest.mark.parametrize("name", ["epoch", "index"])
def test_multiples_of_the_label_length_are_seconds(read, name):
    rows = "/".join(f"{t},{s}" for t, s in NIGHT)
    assert read(f"{name},stage/{rows}") == codes("WWW??12")


@pytest.mark.parametrize("name", ["epoch", "index"])
def test_numbers_of_epochs_with_a_common_divisor_are_refused(read, name):
    rows = "/".join(f"{t},N2" for t in (0, 6000, 12000, 24000))
    with pytest.raises(HypnogramError, match=f"{name}.* multiples of 6000 apart"):
        read(f"{name},stage/{rows}")


def test_a_row_an_epoch_leaves_the_epochs_without_a_row_unscored(read):
    assert read("Epoch,Stage/1,W/3,N2/4,N2") == codes("W?22")


@pytest.mark.parametrize("cell", ["", "nan", "None", "null"])
@pytest.mark.parametrize(
    "rows",
    ["epoch,stage/1,W/2,{}/3,N2", "onset,duration,stage/0,30,W/30,30,{}/60,30,N2"],
)
def test_a_cell_without_a_stage_is_unscored(read, rows, cell):
    assert read(rows.format(cell)) == codes("W?2")


@pytest.mark.parametrize("cell", ["", "nan", "None", "null"])
def test_a_cell_without_an_integer_is_unscored(read, cell):
    text = f"epoch,stage/1,0.0/2,{cell}/3,2.0"
    assert read(text, scheme="aasm") == codes("W?2")


def test_null_in_a_list_of_json_is_unscored(tmp_path):
    path = tmp_path / "night.json"
    path.write_text('["W", null, "N2"]')
    assert np.asarray(read_hypnogram(path)).tolist() == codes("W?2")
