"""Nights of the CAP Sleep Database, as PhysioNet archives them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sleepkit.datasets import load_cap
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import CAP_ROWS, write_cap

STAGES = ["W", "S1", "S2", "S3", "S4", "MT", "R"]
CODES = [0, 1, 2, 3, 3, -1, 4]


@pytest.mark.parametrize(
    ("position", "colon"), [(True, ":"), (False, ":"), (True, "."), (False, ".")]
)
def test_layouts_of_the_text_files(tmp_path, position, colon):
    raw = write_cap(tmp_path, "n1", STAGES, position=position, colon=colon)
    X, y, groups, report = load_cap(tmp_path)
    (night,) = X.recordings
    assert night.hypnogram.tolist() == CODES
    assert y.tolist() == [code for code in CODES if code >= 0]
    assert set(groups) == {"cap:n1"}
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("C4-A1",),
        "eog": ("ROC-LOC",),
        "emg": ("EMG1-EMG2",),
    }
    np.testing.assert_allclose(night.signals["eeg"].data[0], raw["C4-A1"], atol=1e-3)
    assert not report[0].remarks


def test_clock_times_place_the_stages(tmp_path):
    raw = write_cap(tmp_path, "nfle12", STAGES, lead=45)
    X, *_ = load_cap(tmp_path, modalities="eeg")
    (night,) = X.recordings
    assert night.id == "cap:nfle12"
    assert night.hypnogram.tolist() == [-1, *CODES]
    eeg = night.signals["eeg"].data[0]  # the grid begins 15 s into the recording
    np.testing.assert_allclose(eeg, raw["C4-A1"][15 * 128 :], atol=1e-3)


@pytest.mark.parametrize(
    ("labels", "expected", "others"),
    [
        ("C4A1 ROC LOC EMG-EMG", ["C4A1", "ROC-LOC", "EMG-EMG"], ""),
        (
            "C3 A2 ROC-A2 LOC-A1 CHIN1 CHIN2",
            ["C3-A2", "ROC-A2-LOC-A1", "CHIN1-CHIN2"],
            "eeg: C3-A2 in place of C4-A1.",
        ),
        (
            "F4-C4 EOG-R EOG-L milo",
            ["F4-C4", "EOG-R-EOG-L", "milo"],
            "eeg: F4-C4 in place of C4-A1. emg: EMG in place of EMG1-EMG2.",
        ),
        (
            "C4 A1 LOC-ROC EMG1 EMG2",
            ["C4-A1", "LOC-ROC", "EMG1-EMG2"],
            "eog: LOC-ROC in place of ROC-LOC.",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:load_cap sets aside 0 of 1")
def test_labels_of_the_files(tmp_path, labels, expected, others):
    """Another derivation than the first has a remark, another spelling has not."""
    rows = [(label, 100, "uV") for label in labels.split()]
    write_cap(tmp_path, "rbd3", STAGES, rows=rows)
    X, _, _, report = load_cap(tmp_path)
    names = [signal.ch_names[0] for signal in X.recordings[0].signals.values()]
    assert names == expected
    assert report[0].remarks == others


def test_a_header_without_a_unit(tmp_path):
    write_cap(tmp_path, "n1", STAGES, rows=[("C4-A1", 128, "")])
    with pytest.raises(RecordingError, match="'C4-A1' needs a unit"):
        load_cap(tmp_path, modalities="eeg")
    units = {"C4-A1": "uV", "C3-A2": "uV"}
    X, *_ = load_cap(tmp_path, modalities="eeg", units=units)
    assert len(X) == 6


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    for name in ("n1", "n2", "brux1", "sdb4", "other1"):
        write_cap(tmp_path, name, STAGES)
    (tmp_path / "n2.txt").unlink()
    (tmp_path / "brux1.txt").write_text("Sleep Stage\nasleep\n")
    write_cap(tmp_path, "sdb4", STAGES, lead=3600, n_epochs=3)
    write_cap(tmp_path, "n16", STAGES, rows=[r for r in CAP_ROWS if "4" in r[0]])
    with pytest.warns(SleepkitWarning, match="sets aside 3 of 5") as caught:
        X, _, _, report = load_cap(tmp_path)
    assert "n16.edf" in str(caught[0].message)
    assert [night.id for night in X.recordings] == ["cap:n1", "cap:n16"]
    assert X.recordings[1].modalities == ("eeg",)
    reasons = {entry.file: entry.reason for entry in report}
    assert reasons["n2.edf"] == "there is no n2.txt beside it"
    assert "brux1.txt" in reasons["brux1.edf"]
    assert reasons["sdb4.edf"]
    with pytest.raises(RecordingError, match="cannot use 3 of the 5"):
        load_cap(tmp_path, strict=True)


def test_ages_and_sexes_of_the_sheet(tmp_path, monkeypatch):
    for name in ("n1", "sdb2", "rbd11", "ins3"):
        write_cap(tmp_path, name, STAGES)
    (tmp_path / "gender-age.xlsx").write_bytes(b"")
    rows = [("N1", "F", 37), ("SBD2", "M", 60.0), ("RDB11", "m", None), ("note", 1, 2)]
    book = SimpleNamespace(active=SimpleNamespace(values=rows))
    fake = SimpleNamespace(load_workbook=lambda *_, **__: book)
    monkeypatch.setitem(sys.modules, "openpyxl", fake)
    X, *_ = load_cap(tmp_path, modalities="eeg")
    assert {night.id: dict(night.info) for night in X.recordings} == {
        "cap:ins3": {},
        "cap:n1": {"age": 37.0, "sex": "F"},
        "cap:rbd11": {"sex": "M"},
        "cap:sdb2": {"age": 60.0, "sex": "M"},
    }
