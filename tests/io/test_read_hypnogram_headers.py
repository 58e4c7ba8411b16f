"""Tables with and without a header: no row of stages is lost, no name is a stage."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from tests.stage_letters import codes


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
def test_a_row_of_stages_is_no_header(read_rows, text, stages):
    assert np.asarray(read_rows(text)).tolist() == codes(stages)


@pytest.mark.parametrize(
    ("text", "scorers"),
    [
        ("S1,S2,S3/W,W,W/N1,W,N1", {"S1": "W1", "S2": "WW", "S3": "W1"}),
        ("epoch,S1,S2/1,W,W/2,N1,W", {"S1": "W1", "S2": "WW"}),
        ("A,B/W,W/N1,W", {"A": "W1", "B": "WW"}),
    ],
)
def test_names_of_scorers_are_no_stages(read_rows, text, scorers):
    found = read_rows(text, scorer="all")
    assert {name: np.asarray(found[name]).tolist() for name in found} == {
        name: codes(stages) for name, stages in scorers.items()
    }


def test_a_first_row_that_may_be_stages_or_scorers_is_refused(read_rows):
    with pytest.raises(HypnogramError, match=r"line 1.*stages or names of scorers"):
        read_rows("S1,S2/W,W/S1,W/S2,S1", scorer="all")
