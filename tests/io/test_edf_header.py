from __future__ import annotations

from datetime import datetime

import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.io._edf_header import edf_start, is_edf, read_edf_header


def labels(path):
    return [signal.label for signal in read_edf_header(path).signals]


def test_the_format_is_recognised_by_content(write_edf, tmp_path):
    assert is_edf(write_edf(name="1.rec"))
    assert is_edf(write_edf(name="1.bdf", sample_bytes=3))
    tmp_path.joinpath("text.edf").write_text("0,1,2\n")
    assert not is_edf(tmp_path / "text.edf")


def test_latin_1_and_utf_8_labels_and_units(write_edf):
    latin, utf = "Kinn-EMG ü".encode("latin-1"), "Impédance".encode()
    path = write_edf([write_edf.Channel(latin, unit=b"\xb5V"), write_edf.Channel("C3")])
    assert labels(path) == ["Kinn-EMG ü", "C3"]
    assert read_edf_header(path).signals[0].physical_dimension == "\N{MICRO SIGN}V"
    path = write_edf([write_edf.Channel(utf, unit="µV".encode())])
    assert labels(path) == ["Impédance"]
    assert read_edf_header(path).signals[0].physical_dimension == "\N{MICRO SIGN}V"


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({}, datetime(2020, 3, 2, 22)),
        ({"recording": "", "startdate": "02.03.85"}, datetime(1985, 3, 2, 22)),
        ({"recording": "", "startdate": "00.00.00"}, datetime(1985, 1, 1, 22)),
        ({"recording": "Startdate X X X X"}, datetime(1985, 1, 1, 22)),
        ({"recording": "Startdate X X X X", "starttime": "00.00.00"}, None),
        ({"starttime": "00.00.00"}, datetime(2020, 3, 2)),
        ({"startdate": "01.01.19"}, datetime(2020, 3, 2, 22)),
        ({"starttime": "24.60.00"}, None),
        ({"starttime": "22:30:00"}, datetime(2020, 3, 2, 22, 30)),
    ],
)
def test_start(write_edf, fields, start):
    assert edf_start(read_edf_header(write_edf(**fields)).edf) == start


def test_edf_plus_starts_at_its_first_record(write_edf):
    path = write_edf(seconds=3, stamps=[0.5, 1.5, 2.5])
    assert edf_start(read_edf_header(path).edf) == datetime(
        2020, 3, 2, 22, 0, 0, 500_000
    )


def test_latin_1_notes_do_no_harm(write_edf):
    note = "+1\x14Körperlage\x14\x00".encode("latin-1")
    path = write_edf(seconds=3, stamps=range(3), notes={0: note})
    assert edf_start(read_edf_header(path).edf) == datetime(2020, 3, 2, 22)


@pytest.mark.parametrize(
    "fields",
    [
        {"n_signals": "many"},
        {"n_signals": "9"},
        {"n_records": ""},
        {"record_duration": 0},
        {"record_duration": -1},
        {"record_duration": "nan"},
        {"record_duration": "inf"},
    ],
)
def test_a_damaged_header(write_edf, fields):
    with pytest.raises(RecordingError, match=r"night\.edf has a damaged EDF header"):
        read_edf_header(write_edf(**fields))


@pytest.mark.parametrize("number", ["", "1e", "nan?"])
def test_a_damaged_range(write_edf, number):
    with pytest.raises(RecordingError, match="damaged EDF header"):
        read_edf_header(write_edf([write_edf.Channel(physical=(number, 1))]))


def test_a_header_that_ends_early(write_edf):
    path = write_edf()
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(RecordingError, match="damaged EDF header"):
        read_edf_header(path)


def test_annotations_alone_are_no_signals(write_edf):
    annotations = [write_edf.Channel("EDF Annotations")]
    for path in (write_edf(annotations, record_duration=0), write_edf(n_signals=0)):
        with pytest.raises(RecordingError, match=r"holds no signals.*read_hypnogram"):
            read_edf_header(path)
