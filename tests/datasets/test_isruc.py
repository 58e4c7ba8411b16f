"""Nights of ISRUC-Sleep, laid out as its archives unpack."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sleepkit.datasets import load_isruc
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import write_edf, write_isruc, write_isruc_mat

CODES = [0, 1, 2, 3, 5]
STAGES = [0, 1, 2, 3, 4]
OTHER = [0, 1, 1, 3, 5]  # of the second scorer


def channel_names(X):
    (night,) = X.recordings
    return {name: signal.ch_names for name, signal in night.signals.items()}


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("A", ["C4-A1", "LOC-A2", "X1", "X2"]),
        ("B", ["C4-M1", "E1-M2", "X1", "X2"]),
        ("C", ["C4-M1", "E1-M2", "24", "25"]),
        ("D", ["C4-A1", "LOC-A2", "X1", "X2"]),
    ],
)
def test_four_families_of_labels(tmp_path, family, expected):
    raw = write_isruc(tmp_path / "subgroupI" / "40", 40, CODES, family=family)
    X, y, groups, report = load_isruc(tmp_path, modalities=("eeg", "eog", "emg", "ecg"))
    assert [names[0] for names in channel_names(X).values()] == expected
    assert y.tolist() == STAGES
    assert set(groups) == {"isruc:I-40"}
    assert not report[0].remarks
    if family == "D":  # the ear is subtracted
        eeg = X.recordings[0].signals["eeg"].data[0]
        np.testing.assert_allclose(eeg, raw["C4"] - raw["A1"], atol=1e-3)


def test_channels_have_the_same_name_in_each_family(tmp_path):
    for number, family in enumerate("ABD", 1):
        write_isruc(tmp_path / str(number), number, CODES, family=family)
    X, *_ = load_isruc(
        tmp_path,
        subgroup="III",
        modalities="eeg",
        channels={"eeg": ["F3-A2", "C3-A2"]},
    )
    names = [night.signals["eeg"].ch_names for night in X.recordings]
    assert names == [("F3-A2", "C3-A2"), ("F3-M2", "C3-M2"), ("F3-A2", "C3-A2")]


def test_two_nights_of_a_subject(tmp_path):
    for night in (1, 2):
        write_isruc(tmp_path / f"subgroupII/8/{night}", night, CODES)
    write_isruc(tmp_path / "subgroupII/7", 2, CODES)  # without a folder a night
    write_isruc(tmp_path / "subgroupIII/8", 8, CODES)
    X, *_ = load_isruc(tmp_path, modalities="eeg")
    assert {night.id: night.subject for night in X.recordings} == {
        "isruc:II-7-2": "isruc:II-7",
        "isruc:II-8-1": "isruc:II-8",
        "isruc:II-8-2": "isruc:II-8",
        "isruc:III-8": "isruc:III-8",
    }
    X, *_ = load_isruc(tmp_path / "subgroupII" / "8", modalities="eeg")
    assert [night.id for night in X.recordings] == ["isruc:II-8-1", "isruc:II-8-2"]
    X, *_ = load_isruc(tmp_path, modalities="eeg", subgroup="III")
    assert [night.id for night in X.recordings] == ["isruc:III-8"]


def test_scorers(tmp_path):
    write_isruc(tmp_path / "subgroupIII/1", 1, CODES, [*OTHER, 2], tail=1)
    hypnograms = {
        scorer: load_isruc(tmp_path, modalities="eeg", scorer=scorer)[0]
        .recordings[0]
        .hypnogram.tolist()
        for scorer in (1, 2, "consensus")
    }
    assert hypnograms == {
        1: [*STAGES, -1],
        2: [0, 1, 1, 3, 4, 2],
        "consensus": [0, 1, -1, 3, 4, -1],
    }


def test_matlab_files_are_30_epochs_shorter(tmp_path):
    codes = [*CODES, *[2] * 30]
    write_isruc(tmp_path / "subgroupIII/1", 1, codes)
    folder = tmp_path / "ExtractedChannels" / "subgroupIII-Extractedchannels"
    raw = write_isruc_mat(folder / "subject1.mat", len(CODES))
    options = {"format": "mat", "channels": {"eog": ("LOC-A2", "ROC-A1")}}
    with pytest.warns(SleepkitWarning, match="30 stages outside the signals"):
        X, y, *_ = load_isruc(tmp_path, **options)
    X, same, _, report = load_isruc(tmp_path, drop_last_epochs=30, **options)
    assert y.tolist() == same.tolist() == STAGES
    assert not report[0].remarks
    assert channel_names(X) == {
        "eeg": ("C4_A1",),
        "eog": ("LOC_A2-ROC_A1",),
        "emg": ("X1",),
    }
    night = X.recordings[0]
    assert not night.signals["eeg"].is_loaded
    eyes = (raw["LOC_A2"] - raw["ROC_A1"]).ravel()
    np.testing.assert_allclose(night.signals["eog"].data[0], eyes, atol=1e-4)
    X, y, *_ = load_isruc(tmp_path, drop_last_epochs=30)  # of the recordings too
    assert y.tolist() == STAGES
    assert X.recordings[0].n_epochs == 35


def test_matlab_files_of_two_nights_and_damaged_ones(tmp_path):
    folder = tmp_path / "subgroupII-Extractedchannels"
    for night in (1, 2):
        write_isruc_mat(folder / str(night) / "subject3.mat", 5)
        write_isruc(tmp_path / f"subgroupII/3/{night}", night, CODES)
    (folder / "2" / "subject3.mat").write_bytes(b"junk" * 100)
    write_isruc_mat(folder / "subject4.mat", 5)
    with pytest.warns(SleepkitWarning, match="sets aside 2 of 3"):
        X, _, _, report = load_isruc(tmp_path, format="mat", modalities="eeg")
    assert [night.id for night in X.recordings] == ["isruc:II-3-1"]
    reasons = [entry.reason for entry in report if not entry.used]
    assert "cannot be read as a MATLAB file" in reasons[0]
    assert "must be SUBJECT/NIGHT/NIGHT.rec or" in reasons[1]
    with pytest.raises(RecordingError, match="has no channel 'T3'; it has F3_A2"):
        load_isruc(
            folder.parent, format="mat", modalities="eeg", channels={"eeg": "T3"}
        )
    signal = X.recordings[0].signals["eeg"]
    write_isruc_mat(folder / "1" / "subject3.mat", 6)
    with pytest.raises(RecordingError, match="has changed since it was opened"):
        _ = signal.data


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    write_isruc(tmp_path / "subgroupI/1", 1, CODES, OTHER)
    write_isruc(tmp_path / "subgroupI/2", 2, CODES)
    write_isruc(tmp_path / "subgroupI/3", 3, [0, 4, 1], OTHER[:3])  # 4 is no code
    write_isruc(tmp_path / "loose/4", 4, CODES, OTHER)
    write_edf(tmp_path / "subgroupI/copy/1.edf", [("C4-A1", 200, "uV")], 5)
    with pytest.warns(SleepkitWarning, match="sets aside 4 of 5"):
        X, _, _, report = load_isruc(tmp_path, scorer="consensus", modalities="eeg")
    assert [night.id for night in X.recordings] == ["isruc:I-1"]
    reasons = {entry.file: entry.reason for entry in report if not entry.used}
    assert "pass subgroup=" in reasons["loose/4/4.rec"]
    assert reasons["subgroupI/2/2.rec"] == "there is no 2_2.txt of the same night"
    assert "'4'" in reasons["subgroupI/3/3.rec"]
    assert "it is the same night as" in reasons["subgroupI/copy/1.edf"]


def test_age_and_sex_need_openpyxl(tmp_path, monkeypatch):
    """The sheet as a fake reader returns it: two lines of text above the titles."""
    write_isruc(tmp_path / "subgroupIII/1", 1, CODES)
    (tmp_path / "Details_subgroup_III_Submission.xlsx").touch()
    rows = [
        ("Details", None, None),
        (None, None, None),
        ("Subject", "Age", "Sex"),
        (1, 40, "M"),
        ("mean", 40.0, None),
    ]
    book = SimpleNamespace(active=SimpleNamespace(values=rows))
    fake = SimpleNamespace(load_workbook=lambda *_, **__: book)
    monkeypatch.setitem(sys.modules, "openpyxl", fake)
    X, *_ = load_isruc(tmp_path, modalities="eeg")
    assert X.recordings[0].info == {"age": 40.0, "sex": "M"}
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    X, *_ = load_isruc(tmp_path, modalities="eeg")
    assert X.recordings[0].info == {}


@pytest.mark.parametrize(
    "option",
    [{"scorer": 3}, {"format": "csv"}, {"subgroup": "IV"}, {"drop_last_epochs": -1}],
)
def test_options_are_checked(tmp_path, option):
    with pytest.raises(ValueError, match=f"'{next(iter(option))}' parameter of load_i"):
        load_isruc(tmp_path, **option)
