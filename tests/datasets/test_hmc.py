"""Nights of the Haaglanden Medisch Centrum, as PhysioNet archives them."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import load_hmc
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import HMC_ROWS, write_edf, write_hmc

STAGES = ["W", "N1", "N2", "N3", "R"]


@pytest.mark.parametrize("kinds", [("edf", "txt"), ("edf",), ("txt",)])
def test_stages_of_either_format(tmp_path, kinds):
    folder = tmp_path / "recordings"
    raw = write_hmc(folder, 1, STAGES, kinds=kinds, lights=(20, 130))
    X, y, groups, report = load_hmc(tmp_path)
    assert y.tolist() == [0, 1, 2, 3, 4]
    assert set(groups) == {"hmc:SN001"}
    (night,) = X.recordings
    assert (night.lights_off, night.lights_on) == (20, 130)
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("EEG C4-M1",),
        "eog": ("EOG E1-M2",),
        "emg": ("EMG chin",),
    }
    np.testing.assert_allclose(
        night.signals["eeg"].data[0], raw["EEG C4-M1"], atol=1e-3
    )
    assert report[0].hypnogram == f"recordings/SN001_sleepscoring.{kinds[0]}"
    assert not report[0].remarks


@pytest.mark.parametrize("kind", ["edf", "txt"])
def test_stages_that_begin_within_an_epoch(tmp_path, kind):
    write_hmc(tmp_path, 7, STAGES, kinds=(kind,), onset=12, lights=(20,))
    X, y, *_ = load_hmc(tmp_path, modalities="eeg", channels={"eeg": "o2-m1"})
    (night,) = X.recordings
    assert y.tolist() == [0, 1, 2, 3, 4]
    assert night.signals["eeg"].ch_names == ("EEG O2-M1",)
    assert (night.lights_off, night.lights_on) == (8, None)


@pytest.mark.parametrize("kind", ["edf", "txt"])
def test_lights_that_go_off_and_on_several_times(tmp_path, kind):
    """From the first off to the last on, whatever lies between."""
    write_hmc(tmp_path, 1, STAGES, kinds=(kind,), lights=(20, 50, 80, 130, 140))
    with pytest.warns(SleepkitWarning, match="reads 1 with remarks"):
        X, _, _, report = load_hmc(tmp_path)
    (night,) = X.recordings
    assert (night.lights_off, night.lights_on) == (20, 130)
    assert "has lights off 3 times; the first counts." in report[0].remarks
    assert "has lights on 2 times; the last counts." in report[0].remarks


def test_a_difference_by_its_name(tmp_path):
    raw = write_hmc(tmp_path, 1, STAGES)
    X, *_ = load_hmc(tmp_path, modalities="eog", channels={"eog": "E1-E2"})
    eyes = X.recordings[0].signals["eog"].data[0]
    np.testing.assert_allclose(eyes, raw["EOG E1-M2"] - raw["EOG E2-M2"], atol=1e-3)


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    write_hmc(tmp_path, 1, STAGES)
    write_hmc(tmp_path, 2, STAGES, kinds=())
    write_hmc(tmp_path, 3, ["?", "?"])
    write_hmc(tmp_path, 4, STAGES, rows=[("SpO2", 1, "%")])
    write_hmc(tmp_path, 5, STAGES)
    damaged = tmp_path / "SN005_sleepscoring.edf"
    damaged.write_bytes(damaged.read_bytes()[:300])
    write_hmc(tmp_path, 6, STAGES, kinds=("txt",))
    (tmp_path / "SN006_sleepscoring.txt").write_text("Annotation\nasleep\n")
    write_hmc(tmp_path, 7, STAGES, kinds=())
    (tmp_path / "SN007_sleepscoring.txt").write_text(
        "Onset, Duration, Annotation\n0, 30, Sleep stage W\n"
    )
    write_edf(tmp_path / "SN1.edf", HMC_ROWS, 1)  # no name of the archive
    with pytest.warns(SleepkitWarning, match="sets aside 6 of 7"):
        X, _, _, report = load_hmc(tmp_path)
    assert [night.id for night in X.recordings] == ["hmc:SN001"]
    reasons = {e.file: e.reason for e in report}
    assert "there is no SN002_sleepscoring.edf and no .txt" in reasons["SN002.edf"]
    assert "scores no epoch" in reasons["SN003.edf"]
    assert "none of eeg, eog, emg" in reasons["SN004.edf"]
    assert "SN005_sleepscoring.edf" in reasons["SN005.edf"]
    assert "SN006_sleepscoring.txt" in reasons["SN006.edf"]
    assert "needs columns 'Recording onset'" in reasons["SN007.edf"]
    with pytest.raises(RecordingError, match="cannot use 6 of the 7"):
        load_hmc(tmp_path, strict=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="load_hmc finds no recording"):
        load_hmc(tmp_path / "empty")
