"""Nights of the Danish Center for Sleep Medicine, as archived."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sleepkit.datasets import load_dcsm
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import write_dcsm

h5py = pytest.importorskip("h5py")

NAME = "tp005f7e68_a084_46bb_9f0a_b6a084155a1c"
RUNS = [("W", 2), ("N1", 1), ("N2", 3), ("UNKNOWN", 1), ("N3", 1), ("REM", 1)]
CODES = [0, 0, 1, 2, 2, 2, -1, 3, 4]


@pytest.mark.parametrize("kind", ["h5", "edf"])
def test_either_format(tmp_path, kind):
    raw = write_dcsm(tmp_path, NAME, RUNS, kind=kind)
    X, y, groups, report = load_dcsm(tmp_path)
    (night,) = X.recordings
    assert night.hypnogram.tolist() == CODES
    assert len(y) == 8
    assert set(groups) == {f"dcsm:{NAME}"}
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("C4-M1",),
        "eog": ("E1-M2",),
        "emg": ("CHIN",),
    }
    assert not night.signals["eeg"].is_loaded
    assert night.signals["eeg"].sfreq == 256
    np.testing.assert_allclose(night.signals["eeg"].data[0], raw["C4-M1"], atol=2e-3)
    assert report[0].file == f"{NAME}/psg.{kind}"
    assert not report[0].remarks


def test_another_unit(tmp_path):
    write_dcsm(tmp_path, NAME, RUNS)
    X, *_ = load_dcsm(tmp_path, modalities="eeg", unit="uV")
    with pytest.warns(SleepkitWarning, match="look like millivolts or volts"):
        _ = X.recordings[0].signals["eeg"].data
    with pytest.raises(ValueError, match="'unit' parameter of load_dcsm"):
        load_dcsm(tmp_path, unit="W")


def test_rates_and_groups_below_the_channels(tmp_path):
    write_dcsm(tmp_path, NAME, RUNS, labels=["C4-M1"])
    with h5py.File(tmp_path / NAME / "psg.h5", "a") as file:
        group = file.create_group("channels/emg")
        group.attrs["sample_rate"] = 128
        group["note"] = "no signal"
        group["CHIN"] = np.zeros(9 * 30 * 128, np.float32)
    X, *_ = load_dcsm(tmp_path, modalities=("eeg", "emg"))
    rates = {name: s.sfreq for name, s in X.recordings[0].signals.items()}
    assert rates == {"eeg": 256, "emg": 128}


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    for number in range(7):
        write_dcsm(tmp_path, f"tp{number}", RUNS)
    (tmp_path / "tp1" / "hypnogram.ids").unlink()
    (tmp_path / "tp2" / "hypnogram.ids").write_text("0,30\n")
    (tmp_path / "tp3" / "hypnogram.ids").write_text("\n")
    (tmp_path / "tp4" / "psg.h5").write_bytes(b"no HDF5")
    with h5py.File(tmp_path / "tp5" / "psg.h5", "a") as file:
        del file.attrs["sample_rate"]
    with h5py.File(tmp_path / "tp6" / "psg.h5", "a") as file:
        del file["channels"]
    with pytest.warns(SleepkitWarning, match="sets aside 6 of 7"):
        X, _, _, report = load_dcsm(tmp_path)
    assert [night.id for night in X.recordings] == ["dcsm:tp0"]
    reasons = [entry.reason for entry in report]
    assert reasons[1] == "there is no hypnogram.ids beside it"
    assert "no start, duration and stage in line 1" in reasons[2]
    assert "hypnogram.ids is empty" in reasons[3]
    assert "cannot be read as an HDF5 file" in reasons[4]
    assert "no attribute 'sample_rate' for channels/" in reasons[5]
    assert "has no group 'channels'" in reasons[6]
    with pytest.raises(RecordingError, match="cannot use 6 of the 7"):
        load_dcsm(tmp_path, strict=True)


def test_the_library_is_needed_for_its_files_only(tmp_path, monkeypatch):
    write_dcsm(tmp_path / "a", "tp1", RUNS, kind="edf")
    write_dcsm(tmp_path / "b", "tp2", RUNS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert len(load_dcsm(tmp_path / "a")[1]) == 8
    with pytest.raises(ImportError, match=r"sleepkit-learn\[hdf5\]"):
        load_dcsm(tmp_path)
