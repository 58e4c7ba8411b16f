"""Nights of the PhysioNet Challenge 2018, as archived."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sleepkit.datasets import load_physionet2018
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import write_physionet2018

pytest.importorskip("wfdb")

NOTES = [
    (30, "W"),
    (40, "(arousal_rera"),
    (52, "arousal_rera)"),
    (60, "N1"),
    (90, "N2"),
    (95, "(resp_hypopnea"),
    (120, "N2"),
    (125, "resp_hypopnea)"),
    (150, "N3"),
    (180, "R"),
]
CODES = [-1, 0, 1, 2, 2, 3, 4]
NAME = "tr03-0005"


def test_a_night(tmp_path):
    raw = write_physionet2018(tmp_path, NAME, NOTES, 7)
    (tmp_path / "training" / NAME / f"{NAME}-arousal.mat").write_bytes(b"")
    (tmp_path / "age-sex.csv").write_text(f"Record,Age,Sex\n{NAME},59,M\n")
    X, y, groups, report = load_physionet2018(tmp_path)
    (night,) = X.recordings
    assert night.hypnogram.tolist() == CODES
    assert y.tolist() == CODES[1:]
    assert set(groups) == {f"physionet2018:{NAME}"}
    assert night.info == {"age": 59.0, "sex": "M"}
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("C4-M1",),
        "eog": ("E1-M2",),
        "emg": ("Chin1-Chin2",),
    }
    assert night.signals["eeg"].sfreq == 200
    assert not night.signals["eeg"].is_loaded
    np.testing.assert_allclose(night.signals["eeg"].data[0], raw["C4-M1"], atol=1e-4)
    assert report[0].hypnogram == f"training/{NAME}/{NAME}.arousal"
    assert not report[0].remarks


def test_stages_that_are_marked_where_they_change(tmp_path):
    notes = [(0, "W"), (90, "N1"), (120, "N2"), (240, "R")]
    write_physionet2018(tmp_path, NAME, notes, 9)
    _, y, *_ = load_physionet2018(tmp_path, modalities="eeg")
    assert y.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 4]


def test_differences_and_other_modalities(tmp_path):
    raw = write_physionet2018(tmp_path, NAME, NOTES, 7)
    channels = {"eeg": [("F4-M1", "C4-M1"), "O1-M2"], "spo2": "sao2"}
    X, *_ = load_physionet2018(tmp_path, modalities=("eeg", "spo2"), channels=channels)
    first, second = X.recordings[0].signals["eeg"].data
    np.testing.assert_allclose(first, raw["F4-M1"] - raw["C4-M1"], atol=1e-4)
    np.testing.assert_allclose(second, raw["O1-M2"], atol=1e-4)


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    names = [f"tr03-000{i}" for i in range(5)]
    for name in names:
        write_physionet2018(tmp_path, name, NOTES, 7)
    write_physionet2018(tmp_path, "te03-0001", [], 1, part="test")
    folders = [tmp_path / "training" / name for name in names]
    (folders[1] / f"{names[1]}.arousal").unlink()
    (folders[2] / f"{names[2]}.hea").unlink()
    write_physionet2018(tmp_path, names[3], [(10, "(arousal_rera")], 7)
    (folders[4] / f"{names[4]}.hea").write_text("no header\n")
    with pytest.warns(SleepkitWarning, match="sets aside 4 of 5"):
        X, _, _, report = load_physionet2018(tmp_path)
    assert len(X.recordings) == 1
    reasons = [entry.reason for entry in report]
    assert reasons[1] == "there is no tr03-0001.arousal"
    assert "The WFDB header of" in reasons[2]
    assert "has none of the stages W, N1" in reasons[3]
    assert "The WFDB header of" in reasons[4]
    with pytest.raises(RecordingError, match="cannot use 4 of the 5"):
        load_physionet2018(tmp_path, strict=True)


def test_signals_that_are_cut_short(tmp_path):
    write_physionet2018(tmp_path, NAME, NOTES, 7)
    path = tmp_path / "training" / NAME / f"{NAME}.mat"
    path.write_bytes(path.read_bytes()[:5000])
    X, *_ = load_physionet2018(tmp_path, modalities="eeg")
    with pytest.raises(RecordingError, match="is damaged"):
        _ = X.recordings[0].signals["eeg"].data


def test_the_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ImportError, match=r"sleepkit-learn\[wfdb\]"):
        load_physionet2018(tmp_path)
