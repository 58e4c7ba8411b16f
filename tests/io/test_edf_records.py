from __future__ import annotations

import os
import warnings

import pytest

from sleepkit.exceptions import (
    DiscontinuousRecordingError,
    RecordingError,
    SleepkitWarning,
)
from sleepkit.io import _edf_records
from sleepkit.io._edf_header import read_edf_header
from sleepkit.io._edf_records import find_records

EVERYTHING = [slice(0, 200)]  # bytes of a record of the fixture


def records(path, on_gap="error"):
    return find_records(read_edf_header(path), on_gap=on_gap)


def test_a_whole_file(write_edf):
    found = records(write_edf(seconds=45))
    assert (found.n_records, found.duration, found.gaps) == (45, 45, [])


def test_an_unknown_number_of_records_is_counted(write_edf):
    assert records(write_edf(n_records=-1)).n_records == 60


@pytest.mark.parametrize("declared", [10, 90])
def test_a_wrong_number_of_records_warns(write_edf, declared):
    with pytest.warns(SleepkitWarning, match=f"declares {declared} .* 60 complete"):
        assert records(write_edf(n_records=declared)).n_records == 60


def test_a_cut_record_is_left_out(write_edf):
    with pytest.warns(SleepkitWarning) as caught:
        assert records(write_edf(cut=7)).n_records == 59
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 2
    assert "is incomplete and is left out" in messages[0]
    assert "declares 60 data records, but the file has 59" in messages[1]


def overwrite(path):
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\1")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def replace(path):
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes()[::-1])
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (overwrite, "was changed while it was read"),
        (cut, "was cut short while it was read"),
    ],
)
def test_a_file_that_changes_while_it_is_read(write_edf, monkeypatch, change, message):
    monkeypatch.setattr(_edf_records, "_BLOCK_BYTES", 1)  # a record at a time
    path = write_edf()
    blocks = records(path).blocks(EVERYTHING)
    next(blocks)
    change(path)
    with pytest.raises(RecordingError, match=message):
        list(blocks)


def test_a_file_that_is_replaced_while_it_is_read_is_not_mixed_in(
    write_edf, monkeypatch
):
    monkeypatch.setattr(_edf_records, "_BLOCK_BYTES", 1)
    path = write_edf()
    expected = [block.tobytes() for *_, (block,) in records(path).blocks(EVERYTHING)]
    blocks = records(path).blocks(EVERYTHING)
    found = [next(blocks)[-1][0].tobytes()]
    replace(path)
    with pytest.raises(RecordingError, match="was changed while it was read"):
        found.extend(block.tobytes() for *_, (block,) in blocks)
    assert found == expected


def test_a_file_without_a_whole_record(write_edf):
    path = write_edf(seconds=1, cut=1)
    with pytest.raises(
        RecordingError, match="before its first data record is complete"
    ):
        records(path)


@pytest.mark.parametrize("reserved", ["EDF+C", "EDF+D"])
def test_without_a_gap_the_flag_does_not_matter(write_edf, reserved):
    path = write_edf(stamps=range(60), reserved=reserved)
    assert len(records(path).segments) == 1


@pytest.mark.parametrize("reserved", ["EDF+C", "EDF+D"])
@pytest.mark.parametrize("sample_bytes", [2, 3])
def test_gaps_are_refused_with_their_list(write_edf, reserved, sample_bytes):
    stamps = [*range(10), *range(15, 40), *range(42, 67)]
    path = write_edf(stamps=stamps, reserved=reserved, sample_bytes=sample_bytes)
    rule = r"gaps at 10 to 15, 40 to 42 s from its start.*on_gap='fill'"
    with pytest.raises(DiscontinuousRecordingError, match=rule):
        records(path)


def test_a_long_list_of_gaps_is_cut(write_edf):
    path = write_edf(stamps=range(0, 120, 2))
    with pytest.raises(DiscontinuousRecordingError, match=r"19 to 20, \.\.\. s from"):
        records(path)


def test_gaps_can_be_kept(write_edf):
    stamps = [0.5 + i for i in (*range(10), *range(15, 65))]
    found = records(write_edf(stamps=stamps, reserved="EDF+D"), "fill")
    assert found.segments == ((0, 10, 0.0), (10, 50, 15.0))
    assert found.gaps == [(10, 15)]
    assert found.duration == 65


def test_records_that_overlap_are_always_refused(write_edf):
    path = write_edf(stamps=[*range(30), *range(20, 50)])
    with pytest.raises(DiscontinuousRecordingError, match="overlap in time: 30 to 20"):
        records(path, "fill")


def test_a_clock_that_drifts_makes_no_gap(write_edf):
    path = write_edf(stamps=[i * 1.001 for i in range(60)])
    assert len(records(path).segments) == 1


def test_a_missing_time_stamp(write_edf):
    path = write_edf(stamps=range(60))
    content = path.read_bytes().replace(b"+59\x14", b"\0\0\0\0")
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"Data record 59 .* has no time stamp"):
        records(path)


LABELS = [
    b"EDF Annotations\0",
    b"edf annotations",
    b"Edf Annotations",
    b"EDF ANNOTATIONS\0",
    b"EDF_Annotations",
]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("reserved", ["EDF+D", "edf+d", "Edf+C", b"EDF+D\0\0", ""])
def test_gaps_are_found_in_any_spelling(write_edf, label, reserved):
    path = write_edf(stamps=[*range(30), *range(90, 120)], reserved=reserved)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"EDF Annotations ", label.ljust(16), 1))
    with pytest.raises(DiscontinuousRecordingError, match="gaps at 30 to 90"):
        records(path)
    assert records(path, "fill").gaps == [(30, 90)]


@pytest.mark.parametrize("on_gap", ["error", "fill"])
def test_declared_gaps_without_time_stamps_are_refused(write_edf, on_gap):
    path = write_edf(reserved="EDF+D")
    with pytest.raises(DiscontinuousRecordingError, match="declares gaps"):
        records(path, on_gap)
    assert records(write_edf(seconds=1, reserved="EDF+D"), on_gap).n_records == 1


def test_a_stamp_within_a_file_with_declared_gaps_is_missed(write_edf):
    path = write_edf(stamps=range(60), reserved="EDF+D")
    path.write_bytes(path.read_bytes().replace(b"+31\x14", b"\0\0\0\0"))
    with pytest.raises(DiscontinuousRecordingError, match=r"record 31 .* gap"):
        records(path)


def test_latin_1_notes_do_not_matter(write_edf):
    note = "+30\x14Körper\x14\x00".encode("latin-1")
    path = write_edf(stamps=range(60), notes={0: note, 59: note})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert records(path).n_records == 60
