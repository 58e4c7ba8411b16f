from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.io import (
    _format_names,
    _hypnogram_formats,
    read_hypnogram,
    write_hypnogram,
)

ROWS = np.random.default_rng(0).dirichlet(np.ones(5), 4)
PLAIN = Hypnogram([0, 2, -1, 4], 20.0, 40.0)
FULL = replace(
    PLAIN, start=datetime(2024, 5, 1, 22, 30), probabilities=ROWS, scorer="A B"
)
LOST = {
    "csv": [],
    "bids": [],
    "json": [],
    "bids-derivative": ["probabilities"],
    "edf": ["probabilities", "scorer"],
    "luna": ["start", "probabilities", "scorer"],
    "edfbrowser": ["start", "probabilities", "scorer"],
}


@pytest.fixture
def source(tmp_path):
    """A file with everything that a hypnogram has."""
    path = tmp_path / "night.json"
    write_hypnogram(path, FULL)
    return path


def test_formats_are_those_of_the_library():
    assert list(_format_names.SUFFIXES) == list(_hypnogram_formats.FORMATS)
    assert set(LOST) == set(_format_names.SUFFIXES)


@pytest.mark.parametrize("kind", LOST)
def test_nothing_is_lost_silently(run, fails, source, tmp_path, kind):
    out = tmp_path / "new" / f"out{_format_names.SUFFIXES[kind] or '.txt'}"
    command = ["convert", source, out, "--to", kind, "--epoch-duration", 20]
    lost = LOST[kind]
    if lost:
        words = fails(*command)
        problem = f"the format {kind!r} cannot hold its {', '.join(lost)}, and json can"
        assert words == f"{source}: {problem}. --lossy writes {out} without that."
        assert not out.parent.exists()
        command.append("--lossy")
    code, text, error = run(*command)
    assert code == 0
    assert f"Written:\n  {out}" in text
    assert error == (f"note: {problem}.\n" if lost else "")
    again = read_hypnogram(out, epoch_duration=20)
    np.testing.assert_array_equal(again.stages, FULL.stages)
    assert (again.onset, again.epoch_duration) == (40, 20)
    if kind == "bids-derivative":
        sidecar = json.loads(out.with_suffix(".json").read_text())
        assert sidecar["StartTime"] == FULL.start.isoformat()
    elif "start" not in lost:
        assert again.start == FULL.start
    assert ("scorer" in lost) is (again.scorer is None)
    assert ("probabilities" in lost) is (again.probabilities is None)


def test_the_format_is_that_of_the_suffix(run, fails, source, tmp_path):
    out = tmp_path / "out.csv"
    assert run("convert", source, out, "--epoch-duration", 20)[0] == 0
    assert out.read_text().startswith("epoch,onset,duration,stage,clock_time,scorer")
    words = fails("convert", source, tmp_path / "out.docx")
    assert words.startswith(f"{tmp_path / 'out.docx'}: the suffix must be one of .csv,")


def test_nothing_is_replaced_without_overwrite(run, fails, source, tmp_path):
    out = tmp_path / "out_hypnogram.tsv"
    out.with_suffix(".json").write_text("mine")
    command = ["convert", source, out, "--lossy", "--epoch-duration", 20]
    reason = "it exists already; --overwrite replaces it."
    assert fails(*command) == f"{out.with_suffix('.json')}: {reason}"
    assert not out.exists()
    assert run(*command, "--overwrite")[0] == 0
    assert out.with_suffix(".json").read_text() != "mine"
    assert run("convert", out, out, "--overwrite", "--epoch-duration", 20)[0] == 0


def test_a_table_is_not_replaced_by_what_goes_beside_it(fails, source, tmp_path):
    out = tmp_path / "out.json"
    command = ["convert", source, out, "--to", "bids-derivative", "--lossy"]
    words = fails(*command, "--epoch-duration", 20)
    assert "path must have another suffix; got 'out.json'" in words
    assert not out.exists()


def test_a_recording_is_never_replaced(fails, source, tmp_path, cohort, write_night):
    night = write_night(tmp_path / "night.edf", cohort[0])
    before = night.read_bytes()
    words = fails("convert", source, night, "--overwrite", "--lossy")
    assert "it is a recording, which is never replaced" in words
    assert night.read_bytes() == before


def test_how_labels_are_read(run, fails, tmp_path):
    path, out = tmp_path / "stages.txt", tmp_path / "out.csv"
    path.write_text("0\n4\n5\n")
    assert "scheme" in fails("convert", path, out)
    assert run("convert", path, out, "--scheme", "rk", "--from", "lines")[0] == 0
    assert read_hypnogram(out).stages.tolist() == [0, 3, 4]
    scorers = tmp_path / "scorers.csv"
    scorers.write_text("onset,duration,stage,scorer\n0,30,W,A\n0,30,N2,B\n")
    assert "2 scorers who differ" in fails("convert", scorers, out, "--overwrite")
    command = ["convert", scorers, out, "--overwrite", "--scorer", "B", "--json"]
    found = json.loads(run(*command)[1])
    assert read_hypnogram(out).stages.tolist() == [2]
    assert found == {
        "source": str(scorers),
        "format": "csv",
        "epochs": 1,
        "epoch_duration": 30.0,
        "left_out": [],
        "events_left_out": 0,
        "files": [str(out)],
    }


def test_changes_within_epochs(run, fails, source, tmp_path):
    out = tmp_path / "out.csv"
    words = fails("convert", source, out)
    assert (
        "its stages change within epochs of 30 s, and --epoch-duration takes" in words
    )
    assert not out.exists()
    assert run("convert", source, out, "--lossy")[0] == 0
    assert read_hypnogram(out).n_epochs == 2
    tail = tmp_path / "tail.csv"
    tail.write_text("onset,duration,stage\n0,40,W\n")  # no whole second epoch
    assert "change within epochs of 30 s" in fails("convert", tail, out, "--overwrite")


def test_events_are_counted(run, tmp_path):
    events, out = tmp_path / "events.tsv", tmp_path / "out.csv"
    rows = ["0\t30\tSleep stage W", "31\t3\tArousal", "30\t60\tSleep stage N2"]
    events.write_text("\n".join(["onset\tduration\ttrial_type", *rows]))
    code, _, error = run("convert", events, out)
    assert (code, error) == (0, "note: Events beside the stages are left out: 1.\n")
    assert read_hypnogram(out).stages.tolist() == [0, 2, 2]


def test_what_no_format_can_hold(fails, tmp_path):
    early = tmp_path / "early.json"
    write_hypnogram(early, replace(PLAIN, onset=-40.0))
    out = tmp_path / "out.annot"
    command = ["convert", early, out, "--epoch-duration", 20, "--lossy"]
    assert "Luna needs stages from the start of the recording on" in fails(*command)
    assert not out.exists()
