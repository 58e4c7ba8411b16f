"""Nights of SHHS, as the NSRR archives them: ``shhs`` writes two subjects."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import load_shhs
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import NSRR, PROFUSION, SHHS_ROWS, nsrr_xml, write_shhs

CODES = [0, 1, 2, 3, 4, 5, 6, 9]
STAGES = [0, 1, 2, 3, 3, 4]


@pytest.fixture
def shhs(tmp_path):
    """Two nights of one subject and one of another, with the tables."""
    samples = {
        (number, visit): write_shhs(tmp_path, number, CODES, visit=visit)
        for number, visit in ((200001, 1), (200001, 2), (200077, 1))
    }
    tables = tmp_path / "datasets"
    tables.mkdir()
    (tables / "shhs1-dataset-0.21.0.csv").write_bytes(
        b"nsrrid,age_s1,gender,note\r\n200001,61,2,\xe9t\xe9 \x81\r\n200077,,1,\r\n"
    )
    (tables / "shhs-harmonized-dataset-0.21.0.csv").write_text(
        "nsrrid,visitnumber,nsrr_age,nsrr_sex\n200001,2,66.5,female\n"
        "200077,1,not reported,male\n"
    )
    return tmp_path, samples


def test_both_visits_of_the_archive(shhs):
    root, samples = shhs
    X, y, groups, report = load_shhs(root)
    assert [night.id for night in X.recordings] == [
        "shhs:200001-1",
        "shhs:200077-1",
        "shhs:200001-2",
    ]
    assert y.tolist() == STAGES * 3
    assert set(groups) == {"shhs:200001", "shhs:200077"}
    assert [dict(night.info) for night in X.recordings] == [
        {"age": 61.0, "sex": "F"},
        {"sex": "M"},
        {"age": 66.5, "sex": "F"},
    ]
    night = X.recordings[0]
    assert night.hypnogram.tolist() == [*STAGES, -1, -1]  # context, but no rows
    assert {name: s.sfreq for name, s in night.signals.items()} == {
        "eeg": 125,
        "eog": 50,
        "emg": 125,
    }
    raw = samples[200001, 1]
    eyes = night.signals["eog"].data[0]
    np.testing.assert_allclose(night.signals["eeg"].data[0], raw["EEG"], atol=1e-3)
    np.testing.assert_allclose(eyes, raw["EOG(L)"] - raw["EOG(R)"], atol=1e-3)
    assert report[0].channels == (
        "eeg EEG (125 Hz), eog EOG(L)-EOG(R) (50 Hz), emg EMG (125 Hz)"
    )
    assert all(entry.used and not entry.remarks for entry in report)
    assert report[0].hypnogram.count(".xml") == 2


def test_a_visit(shhs):
    X, *_ = load_shhs(shhs[0], visit=2, modalities="eeg")
    assert [night.id for night in X.recordings] == ["shhs:200001-2"]
    with pytest.raises(ValueError, match="'visit' parameter of load_shhs"):
        load_shhs(shhs[0], visit=3)


def test_channels_are_named_as_in_papers_or_as_in_files(shhs):
    channels = {
        "eeg": ["C3-A2", "C4-A1"],
        "eog": "eog (l)",
        "emg": ("EMG", "C4-A1"),
        "ecg": "ecg",
    }
    X, *_ = load_shhs(
        shhs[0], visit=2, modalities=("eeg", "eog", "emg", "ecg"), channels=channels
    )
    names = {name: s.ch_names for name, s in X.recordings[0].signals.items()}
    assert names["eeg"] == ("EEG(sec)", "EEG")
    assert names["eog"] == ("EOG(L)",)
    assert names["emg"] == ("EMG-EEG",)
    assert names["ecg"] == ("ECG",)


def test_files_in_one_folder_in_any_case(tmp_path):
    rows = [("eeg 2", 125, "uV"), ("Eeg 1", 125, "uV")]
    write_shhs(tmp_path / "deep", 200001, CODES, rows=rows)
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in sorted((tmp_path / "deep").rglob("*-*.*")):
        if "nsrr.xml" not in path.name:
            path.rename(flat / path.name.upper())
    X, y, _, report = load_shhs(flat, modalities="eeg")
    assert X.recordings[0].signals["eeg"].ch_names == ("Eeg 1",)
    assert y.tolist() == STAGES
    assert report[0].hypnogram == "SHHS1-200001-PROFUSION.XML"


def test_formats_that_differ_set_a_night_aside(shhs):
    root, _ = shhs
    path = root / "polysomnography" / NSRR / "shhs1" / "shhs1-200001-nsrr.xml"
    path.write_text(nsrr_xml([0, 1, 2, 2, *CODES[4:]]))
    with pytest.warns(SleepkitWarning, match="sets aside 1 of 3") as caught:
        X, _, _, report = load_shhs(root)
    assert len(caught) == 1
    assert len(X.recordings) == 2
    assert [e.reason for e in report if not e.used] == [
        "shhs1-200001-nsrr.xml and shhs1-200001-profusion.xml differ in 1 epochs, the "
        "first is epoch 3."
    ]
    with pytest.raises(RecordingError, match=r"cannot use 1 of the 3 .*differ in 1"):
        load_shhs(root, strict=True)


def test_each_night_that_is_set_aside_has_a_reason(shhs):
    root, _ = shhs
    folder = root / "polysomnography"
    for kind, suffix in ((NSRR, "nsrr"), (PROFUSION, "profusion")):
        (folder / kind / "shhs2" / f"shhs2-200001-{suffix}.xml").unlink()
    write_shhs(root, 200002, [9, 9])
    write_shhs(root, 200003, [0, 2], rows=[("Position", 1, "")])
    damaged = folder / "edfs" / "shhs1" / "shhs1-200077.edf"
    damaged.write_bytes(damaged.read_bytes()[:300])
    copy = folder / "copies" / "shhs1-200001.edf"
    copy.parent.mkdir()
    copy.write_bytes((folder / "edfs/shhs1/shhs1-200001.edf").read_bytes())
    with pytest.warns(SleepkitWarning, match="sets aside 5 of 6"):
        X, _, _, report = load_shhs(root)
    assert [night.id for night in X.recordings] == ["shhs:200001-1"]
    found = {e.file.rpartition("/")[2] + e.file[16]: e.reason for e in report}
    assert "neither shhs2-200001-nsrr.xml nor" in found["shhs2-200001.edfe"]
    assert "scores no epoch" in found["shhs1-200002.edfe"]
    assert "none of eeg, eog, emg" in found["shhs1-200003.edfe"]
    assert found["shhs1-200077.edfe"]
    assert {"it is the same night as"} <= {e.reason[:23] for e in report}


def test_stages_and_signals_of_different_lengths(tmp_path):
    write_shhs(tmp_path, 200001, CODES, n_epochs=6)
    write_shhs(tmp_path, 200002, CODES, n_epochs=11)
    with pytest.warns(SleepkitWarning, match="reads 1 with remarks"):
        X, y, _, report = load_shhs(tmp_path, n_jobs=1)
    assert y.tolist() == STAGES * 2
    assert [night.n_epochs for night in X.recordings] == [6, 11]
    assert "3 epochs outside the hypnogram are unscored" in report[1].remarks


def test_a_modality_that_a_night_lacks(tmp_path):
    write_shhs(tmp_path, 200001, CODES, rows=[r for r in SHHS_ROWS if r[0] != "EMG"])
    with pytest.warns(SleepkitWarning, match="no emg: none of EMG"):
        X, *_ = load_shhs(tmp_path)
    assert X.recordings[0].modalities == ("eeg", "eog")
    with pytest.raises(ValueError, match=r"must be of eeg, .*Got leg instead"):
        load_shhs(tmp_path, modalities=("eeg", "leg"))


def test_another_channel_than_the_first_has_a_remark(tmp_path):
    """Unless the user names it."""
    rows = [r for r in SHHS_ROWS if r[0] not in ("EEG", "EOG(L)")]
    write_shhs(tmp_path, 200001, CODES)
    write_shhs(tmp_path, 200077, CODES, rows=rows)
    with pytest.warns(SleepkitWarning, match="reads 1 with remarks"):
        *_, report = load_shhs(tmp_path)
    expected = "eeg: C3-A2 in place of C4-A1. eog: EOG(R) in place of EOG."
    assert [entry.remarks for entry in report] == ["", expected]
    named = {"eeg": "C3-A2", "eog": "EOG(R)"}
    *_, report = load_shhs(tmp_path, channels=named)
    assert not any(entry.remarks for entry in report)


def test_effort_of_the_montage_with_crossed_labels(tmp_path):
    for number, sfreq in ((200001, 10), (200002, 8)):
        rows = [("EEG", 125, "uV"), ("THOR RES", sfreq, "")]
        write_shhs(tmp_path, number, CODES, visit=2, rows=rows)
    with pytest.warns(SleepkitWarning, match="reads 1 with remarks"):
        *_, report = load_shhs(tmp_path, modalities=("eeg", "resp"))
    assert not report[0].remarks
    assert "thorax and abdomen are crossed at 8 Hz" in report[1].remarks


def test_an_envelope_is_no_signal(tmp_path):
    rows = [("EMG", 1, "uV"), ("EEG", 125, "uV")]
    write_shhs(tmp_path, 200001, CODES, rows=rows)
    with pytest.warns(SleepkitWarning, match="no emg: 'EMG' is slow, an envelope"):
        X, *_ = load_shhs(tmp_path, modalities=("eeg", "emg"))
    assert X.recordings[0].modalities == ("eeg",)
    X, *_ = load_shhs(tmp_path, modalities="emg", channels={"emg": "EMG"})
    assert X.recordings[0].signals["emg"].sfreq == 1


def test_other_folders_are_errors(tmp_path):
    with pytest.raises(RecordingError, match="load_shhs finds no recording in"):
        load_shhs(tmp_path)
    with pytest.raises(RecordingError, match="There is no folder"):
        load_shhs(tmp_path / "absent")


def test_processes_and_a_bar_give_the_same_nights(shhs, capsys):
    X, y, *_ = load_shhs(shhs[0])
    again, same, *_ = load_shhs(shhs[0], n_jobs=2, verbose=True)
    assert "nights" in capsys.readouterr().err
    assert [n.fingerprint for n in again.recordings] == [
        n.fingerprint for n in X.recordings
    ]
    assert same.tolist() == y.tolist()
