"""``sleepkit stage`` on several nights."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from sleepkit.cli._night_task import NightTask
from sleepkit.io import read_hypnogram
from sleepkit.metrics import sleep_statistics


@pytest.fixture
def nights(tmp_path, cohort, write_night):
    """A folder of three nights, one below, and a text file with the suffix of a night.

    One night has no EMG, and one epoch of its EEG and EOG is flat.
    """
    folder = tmp_path / "nights"
    (folder / "more").mkdir(parents=True)
    write_night(folder / "a.edf", cohort[0])
    signals = dict(cohort[1].signals)
    del signals["emg"]
    for name, signal in signals.items():
        data = np.array(signal.data)
        data[:, 3000:6000] = 0
        signals[name] = signal.replace(data=data)
    write_night(folder / "b.edf", cohort[1].with_signals(signals))
    write_night(folder / "more" / "a.edf", cohort[2])
    (folder / "text.edf").write_text("no recording")
    return folder


@pytest.fixture
def stage(run, model, tmp_path):
    """``stage(*arguments)`` into ``tmp_path / "out"``: code, output and error."""
    fixed = ["--model", model, "--out", tmp_path / "out", "--format", "csv"]
    return lambda *arguments: run("stage", *arguments, *fixed)


def read_summary(folder):
    with (folder / "out" / "summary.csv").open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def files_in(folder):
    paths = folder.rglob("*")
    return sorted(p.relative_to(folder).as_posix() for p in paths if p.is_file())


RESULTS = ["a-hypnogram.csv", "b-hypnogram.csv", "more/a-hypnogram.csv", "summary.csv"]


def test_one_bad_file_does_not_stop_the_rest(stage, nights, tmp_path):
    code, text, error = stage(nights)
    assert code == 1
    assert files_in(tmp_path / "out") == RESULTS
    assert error.splitlines() == [
        f"sleepkit: {nights / 'text.edf'} does not begin like an EDF or BDF file.",
        "sleepkit: 1 of 4 nights failed.",
    ]
    assert f"staged  {nights / 'a.edf'}: eeg C4-M1 (100 Hz), eog" in text
    assert f"failed  {nights / 'text.edf'} does not begin" in text


def test_summary(stage, nights, tmp_path):
    stage(nights)
    rows = read_summary(tmp_path)
    assert list(rows) == ["a", "b", "more/a", "text"]
    staged = read_hypnogram(tmp_path / "out" / "b-hypnogram.csv")
    row = rows["b"]
    assert (row["status"], row["error"]) == ("staged", "")
    assert row["file"] == str(nights / "b.edf")
    assert row["start"] == "2001-02-03T22:30:00"
    assert (row["hours"], row["n_epochs"], row["n_unscored"]) == ("0.5", "60", "0")
    assert row["n_flagged"] == "1"
    assert (row["eeg"], row["emg"]) == ("C4-M1 (100 Hz)", "")
    assert row["warnings"] == "emg: not in this file."
    for name, value in sleep_statistics(staged.stages).items():
        assert row[name] == ("" if np.isnan(value) else str(round(value, 4)))
    confidence = staged.probabilities.max(axis=1)
    assert float(row["mean_confidence"]) == pytest.approx(confidence.mean(), abs=1e-4)
    doubtful = confidence < 0.5
    doubtful[1] = True  # the flagged epoch, whatever its probabilities
    assert float(row["low_confidence"]) == pytest.approx(doubtful.mean(), abs=1e-4)
    assert rows["text"]["status"] == "failed"
    assert "does not begin like" in rows["text"]["error"]
    assert rows["text"]["TST"] == rows["text"]["n_epochs"] == ""


def test_json_and_nothing_else(stage, nights, tmp_path):
    code, text, _ = stage(nights, "--json")
    assert code == 1
    documents = {line["id"]: line for line in map(json.loads, text.splitlines())}
    assert set(documents) == {"a", "b", "more/a", "text"}
    night = documents["b"]
    path = tmp_path / "out" / "b-hypnogram.csv"
    assert night["outputs"] == [str(path)]
    assert night["stages"] == read_hypnogram(path).stages.tolist()
    assert night["flagged"] == [1]
    assert night["doubtful"][0] == 1
    assert night["missing"] == {"emg": "not in this file"}
    assert night["statistics"]["TIB"] == 30
    assert documents["text"]["status"] == "failed"
    assert documents["text"]["stages"] is None


def test_json_of_one_night(stage, nights, tmp_path):
    code, text, error = stage(nights / "a.edf", "--json")
    assert (code, error) == (0, "")
    assert json.loads(text)["status"] == "staged"
    assert files_in(tmp_path / "out") == ["a-hypnogram.csv"]  # one night: no summary


def test_side_by_side(stage, nights, tmp_path):
    code, text, _ = stage(nights, "--jobs", 2, "--json")
    assert code == 1
    assert len(text.splitlines()) == 4
    assert files_in(tmp_path / "out") == RESULTS
    assert list(read_summary(tmp_path)) == ["a", "b", "more/a", "text"]


def test_a_summary_is_not_replaced_without_overwrite(stage, nights, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text("old")
    code, _, error = stage(nights)
    words = "summary.csv: it exists already; --overwrite replaces it.\n"
    assert code == 1
    assert error == f"sleepkit: {tmp_path / 'out'}/{words}"
    assert files_in(tmp_path / "out") == ["summary.csv"]
    stage(nights, "--overwrite")
    assert len(read_summary(tmp_path)) == 4


def test_results_are_not_replaced_without_overwrite(stage, nights, tmp_path):
    (tmp_path / "out").mkdir()
    corrected = tmp_path / "out" / "a-hypnogram.csv"
    corrected.write_text("corrected by hand")
    code, _, error = stage(nights / "a.edf", nights / "b.edf")
    assert code == 1
    reason = "it exists already; --overwrite replaces it."
    assert error.splitlines()[0].endswith(f"{corrected}: {reason}")
    assert corrected.read_text() == "corrected by hand"
    rows = read_summary(tmp_path)
    assert [row["status"] for row in rows.values()] == ["failed", "staged"]


def test_two_nights_of_one_name_are_refused(stage, nights, tmp_path):
    code, _, error = stage(nights / "a.edf", nights / "more" / "a.edf")
    assert code == 1
    both = f"{nights / 'a.edf'} and {nights / 'more' / 'a.edf'}"
    assert f"{both} would both be called 'a' in the results" in error
    assert not (tmp_path / "out").exists()


def test_a_night_named_twice_is_staged_once(stage, nights, tmp_path):
    stage(nights, nights / "a.edf")
    assert list(read_summary(tmp_path)) == ["a", "b", "more/a", "text"]


def test_a_folder_without_recordings(stage, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, error = stage(tmp_path / "empty")
    assert code == 1
    assert "There is no recording (.edf, .bdf, .rec) in" in error


def test_an_interrupt_keeps_what_is_finished(stage, nights, tmp_path, monkeypatch):
    run_one = NightTask.run

    def interrupt(task, night):
        if night.name == "b":
            raise KeyboardInterrupt
        return run_one(task, night)

    monkeypatch.setattr(NightTask, "run", interrupt)
    code, _, error = stage(nights)
    assert (code, error) == (130, "sleepkit: stopped. 1 of 4 nights are done.\n")
    assert files_in(tmp_path / "out") == ["a-hypnogram.csv", "summary.csv"]
    assert list(read_summary(tmp_path)) == ["a"]


def test_a_bug_with_one_night_stops_no_other(stage, nights, tmp_path, monkeypatch):
    stage_one = NightTask.stage

    def fail(task, night, report):
        if night.name == "b":
            _ = 1 / 0
        stage_one(task, night, report)

    monkeypatch.setattr(NightTask, "stage", fail)
    assert stage(nights)[0] == 1
    rows = read_summary(tmp_path)
    error = rows["b"]["error"]
    assert error.startswith("unexpected ZeroDivisionError in sleepkit.cli._night_task")
    assert error.endswith(": division by zero")
    assert rows["more/a"]["status"] == "staged"
