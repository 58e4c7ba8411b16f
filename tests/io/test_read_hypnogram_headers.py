"""Tables with and without a header: no row of stages is lost, no name is a stage."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram

CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "R": 4, "?": -1}


def codes(stages):
    """Stage codes of letters."""
    return [CODES[stage] for stage in stages]


@pytest.fixture
def read(tmp_path):
    """Read a file of the given lines, of which a slash ends each."""

    def read_text(text, **parameters):
        path = tmp_path / "night.csv"
        path.write_text(text.replace("/", "\n"))
        return read_hypnogram(path, **parameters)

    return read_text


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("W,-/W,-/W,-/N1,-/N2,Arousal/N2,-/REM,-", "WWW122R"),
        ("W,#/W,#/N1,x/N2,#", "WW12"),
        ("-,W/-,W/x,N1/-,N2", "WW12"),
        ("W\t.\t.\te:1\te:1/W\t.\t.\te:2\te:2/N1\t.\t.\te:3\te:3", "WW1"),
        ("W,Sleep onset/W,-/N1,Arousal/N2,-", "WW12"),
        ("W,event/W,-/N1,Arousal/N2,-", "WW12"),
        ("?,-/W,-/N1,Arousal/N2,-", "?W12"),
        ("?,Recording start/W,-/N1,Arousal/N2,-", "?W12"),
        ("MT,-/MT,-/W,-/N1,Arousal/N2,-", "??W12"),
    ],
)
def test_a_row_of_stages_is_no_header(read, text, stages):
    assert np.asarray(read(text)).tolist() == codes(stages)


@pytest.mark.parametrize(
    ("text", "scorers"),
    [
        ("S1,S2,S3/W,W,W/N1,W,N1", {"S1": "W1", "S2": "WW", "S3": "W1"}),
        ("epoch,S1,S2/1,W,W/2,N1,W", {"S1": "W1", "S2": "WW"}),
        ("A,B/W,W/N1,W", {"A": "W1", "B": "WW"}),
    ],
)
def test_names_of_scorers_are_no_stages(read, text, scorers):
    found = read(text, scorer="all")
    assert {name: np.asarray(found[name]).tolist() for name in found} == {
        name: codes(stages) for name, stages in scorers.items()
    }


def test_a_first_row_that_may_be_stages_or_scorers_is_refused(read):
    with pytest.raises(HypnogramError, match=r"line 1.*stages or names of scorers"):
        read("S1,S2/W,W/S1,W/S2,S1", scorer="all")
