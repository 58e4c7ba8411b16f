"""Tables of nights: of SHHS, of ISRUC-Sleep, and of a folder of any names."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest

from sleepkit.datasets import scan
from sleepkit.exceptions import RecordingError
from tests.datasets.trees import write_edf, write_isruc, write_shhs, write_slpdb

CODES = [0, 1, 2, 3, 4, 5, 5, 9]


def test_a_cohort_is_a_table(tmp_path):
    write_shhs(tmp_path, 200001, CODES)
    write_shhs(tmp_path, 200001, CODES[:3], visit=2, n_epochs=8)
    write_shhs(tmp_path, 200002, CODES, rows=[("Position", 1, "")])
    table = pd.DataFrame(scan(tmp_path, "shhs")).set_index("recording")
    row = table.loc["shhs:200001-1"]
    counts = ["n_epochs", "W", "N1", "N2", "N3", "REM", "unscored"]
    assert row[counts].tolist() == [8, 1, 1, 1, 2, 2, 1]
    assert row["subject"] == "shhs:200001"
    assert row["signals"] == "polysomnography/edfs/shhs1/shhs1-200001.edf"
    assert row["hypnogram"].count(".xml") == 2
    assert row["channels"].startswith("eeg EEG (125 Hz), eog EOG(L)-EOG(R) (50 Hz)")
    assert row["labels"].startswith("SaO2 (1 Hz), EEG(sec) (125 Hz), ECG (250 Hz)")
    assert (row["problem"], row["remarks"]) == ("", "")
    row = table.loc["shhs:200001-2"]
    assert row[counts].tolist() == [8, 1, 1, 1, 0, 0, 5]
    assert "5 epochs outside the hypnogram" in row["remarks"]
    row = table.loc["shhs:200002-1"]
    assert "none of eeg, eog, emg" in row["problem"]
    assert row["labels"] == "Position (1 Hz)"
    assert row[counts].tolist() == [0] * 7


def test_options_of_the_loader(tmp_path):
    write_isruc(tmp_path / "1", 1, [0, 2, 5], [0, 1, 5])
    options = {"subgroup": "III", "scorer": "consensus", "modalities": "eeg"}
    (entry,) = scan(tmp_path, "isruc", **options)
    assert (entry.recording, entry.unscored) == ("isruc:III-1", 1)
    assert str(entry) == (
        "isruc:III-1: 1 W, 0 N1, 0 N2, 0 N3, 1 REM, 1 unscored; eeg C4-A1 (200 Hz)"
    )
    with pytest.raises(TypeError, match="visit"):
        scan(tmp_path, "isruc", visit=1)
    with pytest.raises(ValueError, match="'cohort' parameter of scan"):
        scan(tmp_path, "isruc3")


def test_any_folder(tmp_path):
    for name in ("p1/a.edf", "p1/b.edf"):
        write_edf(tmp_path / name, [("C4-M1", 100, "uV")], 2)
    (tmp_path / "p1/a.txt").write_text("0\n4\n")
    a, b = scan(tmp_path, scheme="aasm", subject_pattern=r"p\d")
    assert (a.recording, a.subject, a.W, a.REM) == ("p1/a.edf", "p1", 1, 1)
    assert (b.problem, b.labels) == (
        "there is no hypnogram of that name",
        "C4-M1 (100 Hz)",
    )
    with pytest.raises(RecordingError, match=r"scan cannot use 1 of the 2 .*p1/b.edf"):
        scan(tmp_path, scheme="aasm", strict=True)
    with pytest.raises(RecordingError, match="There is no folder"):
        scan(tmp_path / "absent", "shhs")


def test_nights_whose_files_are_the_same_are_not_read_again(tmp_path):
    nights, folder = tmp_path / "nights", tmp_path / "cache"
    for number in (1, 2):
        write_isruc(nights / f"{number}", number, [0, 2, 5])
    options = {"subgroup": "III", "modalities": "eeg", "cache": folder}
    before = scan(nights, "isruc", **options)
    (file,) = folder.iterdir()
    for number in (1, 2):  # other stages; of the first, size and time are as before
        path = nights / f"{number}/{number}_1.txt"
        status = path.stat()
        path.write_bytes(path.read_bytes().replace(b"5", b"3"))
        if number == 1:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = scan(nights, "isruc", **options)
    assert after[0] == before[0]
    assert (before[1].REM, after[1].REM, after[1].N3) == (1, 0, 1)
    assert scan(nights, "isruc", **options, scorer=2)[0].problem  # another recipe
    content = json.loads(file.read_text())
    assert len(content["scans"]) == 2
    for text in ("{", json.dumps(content | {"code": "of another version"})):
        file.write_text(text)
        assert scan(nights, "isruc", **options)[0].N3 == 1


def test_a_broken_link_is_a_row_that_is_not_kept(tmp_path):
    nights = tmp_path / "nights"
    for number in (1, 2):
        write_isruc(nights / f"{number}", number, [0, 2, 5])
    link, stages = nights / "2/2_1.txt", tmp_path / "stages"
    link.rename(stages)
    link.symlink_to(stages)
    text = stages.read_text()
    stages.unlink()
    options = {"subgroup": "III", "modalities": "eeg", "cache": tmp_path / "cache"}
    for _ in range(2):
        whole, broken = scan(nights, "isruc", **options)
        assert (whole.problem, whole.REM) == ("", 1)
        assert "2_1.txt" in broken.problem
        assert "cannot be used" in str(broken)
    stages.write_text(text)
    assert scan(nights, "isruc", **options)[1].REM == 1


def test_another_header_of_a_record_is_read_again(tmp_path):
    pytest.importorskip("wfdb")
    nights = tmp_path / "nights"
    write_slpdb(nights, "slp01a", [(0, "W"), (30, "2")], 2)
    options = {"modalities": "eeg", "cache": tmp_path / "cache"}
    assert "EEG (C4-A1)" in scan(nights, "slpdb", **options)[0].channels
    header = nights / "slp01a.hea"
    header.write_text(header.read_text().replace("EEG (C4-A1)", "EEG (O2-A1) "))
    assert "EEG (O2-A1)" in scan(nights, "slpdb", **options)[0].channels


def test_nothing_is_written_without_a_folder_for_it(tmp_path):
    write_isruc(tmp_path / "1", 1, [0, 2, 5])
    before = sorted(tmp_path.rglob("*"))
    scan(tmp_path, "isruc", subgroup="III")
    assert sorted(tmp_path.rglob("*")) == before
