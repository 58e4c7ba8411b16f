from __future__ import annotations

import json

import edfio
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
    assert "eog   not in this file" in text


def test_unknown_channels_are_still_listed(run, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0], {"eeg": "X", "eog": "Y"})
    code, text, _ = run("info", path)
    assert code == 0
    assert row(text, "X")[:2] == ["X", "-"]
    assert "Its channels are: X, Y." in text


def test_a_channel_that_is_not_there(fails, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0])
    assert "has no channel 'Cz'" in fails("info", path, "--channels", "eeg=Cz")


def test_units(run, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0], unit="")
    units = [f"{label}=uV" for label in ("C4-M1", "E1-M2", "Chin")]
    assert "--units 'C4-M1'=uV" in run("info", path)[1]
    code, text, _ = run("info", path, "--units", *units)
    assert code == 0
    assert row(text, "eeg")[1] == "C4-M1"


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


def test_each_channel_has_its_use_or_a_reason(run, tmp_path, cohort, write_night):
    labels = {"eeg": "C4-M1", "eog": "strange", "emg": "C3-M2"}
    path = write_night(tmp_path / "night.edf", cohort[0], labels)
    code, text, _ = run("info", path)
    assert code == 0
    lines = {line.split()[0]: line for line in text.splitlines()[:4]}
    assert lines["C4-M1"].endswith("used as eeg")
    assert lines["C3-M2"].endswith("not used: C4-M1 is used as eeg")
    assert lines["strange"].endswith("not used: its name is not known")
    words = "no label is known as eog; --channels eog=LABEL takes one of strange"
    assert f"eog   {words}" in text


def test_a_label_that_could_be_meant(run, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0], {"eeg": "C4-M1"})
    slow = edfio.EdfSignal(np.arange(1800.0), 1, label="EMG", physical_dimension="uV")
    edf = edfio.read_edf(path)
    edfio.Edf([*edf.signals, slow]).write(path)
    code, text, error = run("info", path)
    assert (code, error) == (0, "")
    assert "emg   not read: EMG" in text
    note = text.splitlines()[-1]
    assert note.startswith("note: No emg was recognised in")
    assert note.endswith("--channels emg='EMG'.")
    arguments = ["--channels", "emg=EMG"]  # is what the note offers
    assert "EMG (1 Hz)" in run("info", path, *arguments)[1]


def test_an_electrode_without_a_reference(run, tmp_path, cohort, write_night):
    labels = {"eeg": "C4", "eog": "EOG left", "emg": "M1"}
    path = write_night(tmp_path / "night.edf", cohort[0], labels)
    code, text, error = run("info", path)
    assert (code, error) == (0, "")
    lines = {line.split()[0]: line for line in text.splitlines()[:4]}
    assert lines["C4"].endswith("used as eeg: no reference: M1 is subtracted")
    assert lines["M1"].endswith("used as eeg")


def test_several_nights_and_a_damaged_one(run, folder):
    (folder / "bad.edf").write_text("no recording")
    code, text, error = run("info", folder)
    assert code == 1
    titles = [line for line in text.splitlines() if line.startswith("== ")]
    names = ("bad", "night0", "night1", "night2")
    assert titles == [f"== {folder / name}.edf" for name in names]
    first, last = error.splitlines()
    assert (
        first
        == f"sleepkit: {folder / 'bad.edf'} does not begin like an EDF or BDF file."
    )
    assert last == "sleepkit: 1 of 4 nights failed."


def test_json(run, tmp_path, cohort, write_night):
    path = write_night(tmp_path / "night.edf", cohort[0], {"eeg": "C4-M1", "ecg": "X"})
    code, text, error = run("info", path, tmp_path / "no.edf", "--json")
    night, absent = map(json.loads, text.splitlines())
    assert (night["file"], night["n_epochs"], night["error"]) == (str(path), 60, None)
    assert night["channels"][0]["label"] == "C4-M1"
    assert night["channels"][0]["used_as"] == "eeg"
    assert night["missing"] == {"eog": "not in this file", "emg": "not in this file"}
    assert set(night["bad_epochs"]) == {"eeg"}
    assert "There is no file" in absent["error"]
    assert code == 1
    assert error.startswith("sleepkit: There is no file")


def test_warnings_of_the_reader_are_notes(run, tmp_path, cohort, write_night):
    loud = cohort[0].signals["eeg"]
    signals = {"eeg": loud.replace(data=np.array(loud.data) * 1e3)}
    path = write_night(tmp_path / "night.edf", cohort[0].with_signals(signals))
    code, text, error = run("info", path)
    assert (code, error) == (0, "")
    assert "\nnote: " in text
    (note,) = json.loads(run("info", path, "--json")[1])["warnings"]
    assert note in text


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
