from __future__ import annotations

import math

import numpy as np
import pytest

from sleepkit.exceptions import ChannelError, RecordingError
from sleepkit.io import describe_channels, read_recording
from sleepkit.io._edf_header import is_edf, read_edf_header

LABELS = ["C3-M2", "E1-M2", "Chin", "Temp"]
WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
LABEL, UNIT, PHYSICAL_MIN, PHYSICAL_MAX, DIGITAL_MIN, DIGITAL_MAX, N_SAMPLES = (
    0, 2, 3, 4, 5, 6, 8,
)  # fmt: skip


@pytest.fixture
def night(write_edf):
    """A minute of four channels, the last of which nobody selects."""
    units = {"Temp": "C"}
    rows = [write_edf.Channel(label, unit=units.get(label, "uV")) for label in LABELS]
    return write_edf(rows, seconds=60)


def damage(path, field, channel, value):
    """Write other bytes into a field of a channel."""
    content = bytearray(path.read_bytes())
    start = 256 + len(LABELS) * sum(WIDTHS[:field]) + channel * WIDTHS[field]
    content[start : start + WIDTHS[field]] = value.ljust(WIDTHS[field])
    path.write_bytes(content)
    return path


def overwrite(path, start, value):
    """Write other bytes into the fields of the file."""
    content = path.read_bytes()
    path.write_bytes(content[:start] + value + content[start + len(value) :])
    return path


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
    assert read_edf_header(path).signals[0].unit == "\N{MICRO SIGN}V"
    path = write_edf([write_edf.Channel(utf, unit="µV".encode())])
    assert labels(path) == ["Impédance"]
    assert read_edf_header(path).signals[0].unit == "\N{MICRO SIGN}V"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (LABEL, b"C3-M2\0\0\0\0\0\0\0\0\0\0\0"),
        (LABEL, b"C3-M2\0"),
        (LABEL, b"C3-M2\0garbage"),
        (LABEL, b"\0\0C3-M2\0"),
        (LABEL, b"  C3-M2"),
        (UNIT, b"uV\0\0\0\0\0\0"),
        (UNIT, b"uV\0x"),
        (UNIT, b"UV"),
        (PHYSICAL_MIN, b"-500\0\0\0\0"),
        (PHYSICAL_MIN, b"-500,0"),
        (PHYSICAL_MIN, b"-5,00E+2"),
        (PHYSICAL_MAX, b"+500.0\0"),
        (PHYSICAL_MAX, b"  500"),
        (DIGITAL_MIN, b"-32768\0"),
        (DIGITAL_MIN, b"-32768.0"),
        (DIGITAL_MAX, b"32767\0\0\0"),
        (DIGITAL_MAX, b"32767,0"),
        (N_SAMPLES, b"100\0\0\0\0\0"),
        (N_SAMPLES, b"100.0"),
        (N_SAMPLES, b"  100"),
    ],
)
def test_fields_of_a_channel_that_are_written_in_other_ways(night, field, value):
    before = read_recording(night).signals["eeg"].data
    after = read_recording(damage(night, field, 0, value)).signals["eeg"]
    assert after.ch_names == ("C3-M2",)
    np.testing.assert_array_equal(after.data, before)


@pytest.mark.parametrize(
    ("start", "value"),
    [
        (236, b"60\0\0\0\0\0\0"),
        (236, b"60.0    "),
        (236, b"        "),  # counted by the size of the file
        (236, b"unknown "),
        (236, b"-1\0\0\0\0\0\0"),
        (244, b"1\0\0\0\0\0\0\0"),
        (244, b"1,000000"),
        (252, b"4\0\0\0"),
        (252, b"  4 "),
        (0, b"0\0\0\0\0\0\0\0"),
        (8, b"\0" * 80),
        (88, b"\0" * 80),
        (88, b" " * 80),
        (168, b"\0" * 16),
        (168, b"junkjunkjunkjunk"),
        (184, b"        "),
        (184, b"99999999"),  # follows from the number of signals
        (192, b"\0" * 44),
    ],
)
def test_fields_of_the_file_that_are_written_in_other_ways(night, start, value):
    night = overwrite(night, start, value)
    assert read_recording(night).n_epochs == 2
    assert [row.label for row in describe_channels(night)] == LABELS


@pytest.mark.parametrize(
    "value", [b"", b"abc", b"nan", b"inf", b"--1", b"- 500", b"\0"]
)
@pytest.mark.parametrize(
    "field", [PHYSICAL_MIN, PHYSICAL_MAX, DIGITAL_MIN, DIGITAL_MAX]
)
def test_damage_belongs_to_its_channel(night, field, value):
    before = read_recording(night).signals["eeg"].data
    night = damage(night, field, 3, value)
    np.testing.assert_array_equal(read_recording(night).signals["eeg"].data, before)
    *others, temp = describe_channels(night)
    assert [row.label for row in others] == LABELS[:3]
    assert not any(row.is_damaged or row.note for row in others)
    assert math.isnan(temp.physical_min)
    assert math.isnan(temp.physical_max)
    assert temp.note == "its range in the header is damaged"
    with pytest.raises(ChannelError, match=r"'Temp' of .*night\.edf has no scale"):
        read_recording(night, channels={"temp": "Temp"}, units={"Temp": "uV"})


@pytest.mark.parametrize("field", [PHYSICAL_MIN, DIGITAL_MAX])
def test_damage_to_the_only_channel_of_a_modality_is_an_error(night, field):
    night = damage(night, field, 0, b"")
    with pytest.raises(ChannelError, match=r"'C3-M2' of .*night\.edf has no scale"):
        read_recording(night)
    assert set(read_recording(night, channels=["eog", "emg"]).signals) == {"eog", "emg"}


@pytest.mark.parametrize("field", [LABEL, UNIT])
def test_a_blank_that_nobody_needs(night, field):
    night = damage(night, field, 3, b"")
    assert set(read_recording(night).signals) == {"eeg", "eog", "emg"}


@pytest.mark.parametrize("value", [b"", b"x", b"-1", b"1.5", b"\0", b"nan", b"9e99"])
def test_without_the_number_of_samples_nothing_can_be_located(night, value):
    rule = r"night\.edf has a damaged EDF header: .*samples of signal 4, 'Temp'"
    with pytest.raises(RecordingError, match=rule):
        describe_channels(damage(night, N_SAMPLES, 3, value))


def test_a_channel_without_samples_is_listed(write_edf):
    path = write_edf([write_edf.Channel(), write_edf.Channel("EEG C4", 0)])
    assert describe_channels(path)[1].note == "holds no samples"
    assert read_recording(path).signals["eeg"].ch_names == ("C3-M2",)


@pytest.mark.parametrize(
    "fields",
    [
        {"n_signals": "many"},
        {"n_signals": "9"},
        {"record_duration": 0},
        {"record_duration": -1},
        {"record_duration": "nan"},
        {"record_duration": "inf"},
        {"record_duration": ""},
        {"n_signals": ""},
        {"n_signals": "-1"},
        {"n_signals": "9e99"},
    ],
)
def test_a_damaged_header(write_edf, fields):
    with pytest.raises(RecordingError, match=r"night\.edf has a damaged EDF header"):
        describe_channels(write_edf(**fields))


def test_a_header_that_ends_early(write_edf):
    path = write_edf()
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(RecordingError, match="damaged EDF header"):
        read_edf_header(path)


def test_annotations_alone_are_no_signals(write_edf):
    annotations = [write_edf.Channel("EDF Annotations")]
    for path in (write_edf(annotations, record_duration=0), write_edf(n_signals=0)):
        with pytest.raises(RecordingError, match=r"holds no signals.*read_hypnogram"):
            describe_channels(path)
