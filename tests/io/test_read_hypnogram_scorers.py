"""Events beside stages take no epoch, and scorers are never mixed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram


@pytest.fixture
def read(tmp_path):
    """Read a file that has the given text."""

    def read_text(text, name="night.csv", **parameters):
        path = tmp_path / name
        path.write_text(text)
        return read_hypnogram(path, **parameters)

    return read_text


HEAD = "onset,duration,stage,event\n"


@pytest.mark.parametrize(
    ("text", "onset"),
    [
        (f"{HEAD}0,30,W,\n30,30,N1,\n40,18,n/a,arousal\n60,30,N2,\n", 0),
        (f"{HEAD}0,30,W,\n30,30,N1,\n40,60,n/a,apnoea\n60,30,N2,\n90,60,n/a,apnoea", 0),
        (f"{HEAD}2,18,n/a,off\n5,30,W,\n35,30,N1,\n65,30,N2,\n", 5),
        (f"{HEAD}0,30,W,\n30,30,N1,\n40,40,N1,arousal\n60,30,N2,\n", 0),
        (f"{HEAD}0,30,W,a\n30,30,N1,b\n60,30,N2,c\n", 0),
        ("Epoch,Stage,Event\n1,W,Lights off\n2,N1,\n3,N2,Arousal\n", 0),
        (
            "onset,duration,trial_type,value\n0,30,stage,W\n30,30,stage,N1\n"
            "40,30,Movement,N1\n60,30,stage,N2\n",
            0,
        ),
        ("onset,duration,description\n0,30,W\n30,30,N1\n50,20,Movement\n60,30,N2\n", 0),
        ("onset,stage\n0,W\n30,N1\n40,n/a\n60,N2\n90,W\n95,n/a\n", 0),
    ],
)
def test_events_take_no_epoch(read, text, onset):
    hypnogram = read(text)
    np.testing.assert_array_equal(hypnogram.stages[:3], [0, 1, 2])
    assert hypnogram.onset == onset
    assert -1 not in hypnogram.stages


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        (
            "onset,duration,stage\n0,30,n/a\n30,30,W\n60,60,n/a\n120,30,N2\n",
            [-1, 0, -1, -1, 2],
        ),
        (
            "onset,duration,stage\n0,90,n/a\n90,60,W\n150,60,N2\n210,30,n/a\n",
            [-1, -1, -1, 0, 0, 2, 2, -1],
        ),
        ("Epoch,Stage\n1,W\n2,NA\n3,N1\n", [0, -1, 1]),
        ("onset,duration,stage\n0,30,n/a\n30,30,n/a\n", [-1, -1]),
        ("Epoch,Stage,Event\n1,W,\n2,MT,\n3,N1,Arousal\n", [0, -1, 1]),
    ],
)
def test_epochs_without_a_stage_are_unscored(read, text, stages):
    np.testing.assert_array_equal(read(text), stages)


LONG = "onset,duration,stage,scorer\n" + "".join(
    f"{30 * i},30,{stage},{name}\n"
    for i in range(3)
    for name, stages in {"S1": "W N1 N2", "S2": "W N2 N2"}.items()
    for stage in [stages.split()[i]]
)
BY_COLUMN = "epoch,S1,S2\n1,W,W\n2,N1,N2\n3,N2,N2\n"
OF_INTEGERS = "epoch,S1,S2\n1,0,0\n2,1,2\n3,2,2\n"
OF_JSON = json.dumps({"S1": ["W", "N1", "N2"], "S2": ["W", "N2", "N2"]})


@pytest.mark.parametrize("text", [LONG, BY_COLUMN, OF_INTEGERS, OF_JSON])
def test_two_scorers(read, text):
    parameters = {"scheme": "aasm" if text is OF_INTEGERS else None}
    with pytest.raises(HypnogramError, match=r"2 scorers who differ; .*'S1', 'S2'"):
        read(text, **parameters)
    found = read(text, scorer="all", **parameters)
    assert {name: hypnogram.stages.tolist() for name, hypnogram in found.items()} == {
        "S1": [0, 1, 2],
        "S2": [0, 2, 2],
    }
    second = read(text, scorer="S2", **parameters)
    assert (second.stages.tolist(), second.scorer) == ([0, 2, 2], "S2")
    with pytest.raises(HypnogramError, match="'S1', 'S2'; got 'S3'"):
        read(text, scorer="S3", **parameters)


def test_one_scorer(read):
    one = "".join(line for line in LONG.splitlines(keepends=True) if ",S2" not in line)
    hypnogram = read(one)
    assert (hypnogram.stages.tolist(), hypnogram.scorer) == ([0, 1, 2], "S1")
    assert read(one, scorer="all")["S1"].scorer == "S1"
    assert read("Epoch,Stage\n1,W\n").scorer is None
    with pytest.raises(HypnogramError, match="that the file names, none; got 'S1'"):
        read("Epoch,Stage\n1,W\n", scorer="S1")


def test_columns_that_agree_are_of_one_scorer(read):
    text = "epoch,stage,consensus stage\n1,W,W\n2,N1,N1\n"
    np.testing.assert_array_equal(read(text), [0, 1])


def test_two_stages_at_once_without_a_scorer(read):
    text = "onset,duration,stage\n0,30,W\n0,30,N1\n30,30,N1\n"
    with pytest.raises(HypnogramError, match=r"begin at 0 s \(line 2, line 3\)"):
        read(text)
