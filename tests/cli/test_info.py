from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording import Recording


def row(text, name):
    """The words of the line that begins with a name."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return line.split()


def test_channels_and_quality(run, tmp_path, cohort, write_night):
    night = cohort[0]
    data = np.array(night.signals["eog"].data)
    data[:, :15000] = 0  # five epochs of sixty
    signals = {**night.signals, "eog": night.signals["eog"].replace(data=data)}
    path = write_night(tmp_path / "night.edf", night.with_signals(signals))
    code, text, error = run("info", path)
    assert (code, error) == (0, "")
    assert row(text, "C4-M1")[:5] == ["C4-M1", "eeg", "100", "Hz", "uV"]
    assert row(text, "eeg")[:4] == ["eeg", "C4-M1", "(100", "Hz)"]
    assert row(text, "eog")[5] == "8%"
    assert "start 2001-02-03 22:30:00, duration 0 h 30 min 0 s: 60 epochs" in text


def test_named_channels(run, tmp_path, cohort, write_night):
    labels = {"eeg": "left", "eog": "right", "emg": "down"}
    path = write_night(tmp_path / "night.edf", cohort[0], labels)
    code, text, _ = run("info", path, "--channels", "eeg=left - right", "emg=down")
    assert code == 0
    assert row(text, "eeg")[1] == "left-right"
    assert row(text, "emg")[1] == "down"
    assert not any(line.startswith("eog") for line in text.splitlines())


def test_unknown_channels_are_still_listed(run, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0], {"eeg": "X", "eog": "Y"})
    code, text, _ = run("info", path)
    assert code == 0
    assert row(text, "X")[:2] == ["X", "-"]
    assert "Its channels are: X, Y." in text


def test_a_channel_that_is_not_there(fails, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0])
    assert "has no channel 'Cz'" in fails("info", path, "--channels", "eeg=Cz")


@pytest.mark.parametrize("name", ["night.edf", "night.rec"])
def test_not_edf(fails, tmp_path, name):
    path = tmp_path / name
    path.write_text("stages\nW\n")
    assert "does not begin like an EDF or BDF file" in fails("info", path)


def test_too_short(fails, tmp_path, cohort, write_night):
    eeg = cohort[0].signals["eeg"]
    short = Recording(
        id="n",
        subject="s",
        signals={"eeg": eeg.replace(data=eeg.data[:, :1000])},
        epoch_duration=10,
    )
    path = write_night(tmp_path / "night.edf", short)
    assert "which is no whole epoch of 30 s" in fails("info", path)


@pytest.mark.real
def test_real_channels(run, real_data):
    code, text, _ = run("info", real_data / "dreams" / "excerpt3.edf")
    assert code == 0
    known = {
        "C3-A1": "eeg",
        "FP1-A1": "eeg",
        "O1-A1": "eeg",
        "EOG1-A1": "eog",
        "EOG2-A1": "eog",
        "EMG1": "emg",
        "ECG": "ecg",
        "SAO2": "spo2",
        "PHONO": "-",
        "POS": "-",
    }
    assert {label: row(text, label)[1] for label in known} == known
    assert row(text, "eeg")[1] == "C3-A1"
    assert row(text, "eog")[1] == "EOG1-A1"
    assert row(text, "emg")[1] == "EMG1"
    assert "60 epochs of 30 s" in text
