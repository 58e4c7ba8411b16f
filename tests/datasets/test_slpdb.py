"""Recordings of the MIT-BIH Polysomnographic Database, as PhysioNet archives them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sleepkit.datasets import load_slpdb
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import SLPDB_ROWS, write_slpdb

pytest.importorskip("wfdb")

TEXTS = ["W", "1 H", "2 HA", "3 LA", "4 OA OA", "MT", "R X"]
CODES = [0, 1, 2, 3, 3, -1, 4]
NOTES = [(30 * i, text) for i, text in enumerate(TEXTS)]


def test_parts_of_a_night_and_another(tmp_path):
    for name in ("slp01a", "slp01b", "slp67x"):
        raw = write_slpdb(tmp_path, name, NOTES, 7)
    X, y, groups, report = load_slpdb(tmp_path, modalities=("eeg", "eog", "emg", "ecg"))
    assert {night.id: night.subject for night in X.recordings} == {
        "slpdb:slp01a": "slpdb:slp01",
        "slpdb:slp01b": "slpdb:slp01",
        "slpdb:slp67x": "slpdb:slp67",
    }
    assert set(groups) == {"slpdb:slp01", "slpdb:slp67"}
    assert len(y) == 18
    night = X.recordings[2]
    assert night.hypnogram.tolist() == CODES
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("EEG (C4-A1)",),
        "eog": ("EOG (right)",),
        "emg": ("EMG",),
        "ecg": ("ECG",),
    }
    eeg = night.signals["eeg"]
    assert not eeg.is_loaded
    np.testing.assert_allclose(eeg.data[0], raw["EEG (C4-A1)"] * 1e3, atol=0.1)
    assert not any(entry.remarks for entry in report)


def test_recordings_of_few_channels(tmp_path):
    rows = [("ECG", "mV"), ("EEG (C3-O1)", "mV"), ("Resp (abdominal)", "l")]
    write_slpdb(tmp_path, "slp04", NOTES, 7, rows=rows)
    with pytest.warns(SleepkitWarning, match="eeg: C3-O1 in place of C4-A1"):
        X, *_ = load_slpdb(tmp_path, modalities=("eeg", "resp"))
    names = [signal.ch_names[0] for signal in X.recordings[0].signals.values()]
    assert names == ["EEG (C3-O1)", "Resp (abdominal)"]


def test_a_first_annotation_on_the_second_sample_and_a_hole(tmp_path):
    notes = [(1 / 250, "W"), (30, "2"), (90, "2 A"), (120, "H")]
    write_slpdb(tmp_path, "slp02b", notes, 4)
    X, *_ = load_slpdb(tmp_path, modalities="eeg")
    assert X.recordings[0].hypnogram.tolist() == [0, 2, -1, 2]


def test_each_recording_that_is_set_aside_has_a_reason(tmp_path):
    for name in ("slp03", "slp04", "slp14", "slp16"):
        write_slpdb(tmp_path, name, NOTES, 7)
    (tmp_path / "slp04.st").unlink()
    write_slpdb(tmp_path, "slp14", [(0, "H"), (30, "OA")], 7)
    write_slpdb(tmp_path, "slp16", NOTES, 7, rows=SLPDB_ROWS[:2])
    with pytest.warns(SleepkitWarning, match="sets aside 3 of 4"):
        X, _, _, report = load_slpdb(tmp_path)
    assert [night.id for night in X.recordings] == ["slpdb:slp03"]
    reasons = {entry.file: entry.reason for entry in report}
    assert reasons["slp04.dat"] == "there is no slp04.st"
    assert "no annotation that begins with a stage" in reasons["slp14.dat"]
    assert "none of eeg, eog, emg" in reasons["slp16.dat"]
    with pytest.raises(RecordingError, match="cannot use 3 of the 4"):
        load_slpdb(tmp_path, strict=True)


def test_the_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ImportError, match=r"sleepkit-learn\[wfdb\]"):
        load_slpdb(tmp_path)
