from __future__ import annotations

from datetime import datetime

import edfio
import numpy as np
import pytest

from sleepkit.io import read_recording
from sleepkit.io._edf_annotations import parse_stamp, read_annotations

LABELS = [
    b"EDF Annotations\0",
    b"EDF Annotations",
    b"edf annotations",
    b"EDF-Annotations",
]


def relabel(path, label):
    """Write another label of the annotations."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"EDF Annotations ", label.ljust(16), 1))
    return path


def notes(*annotations):
    """Annotations as bytes: onset, duration and text."""
    parts = [
        f"+{onset}\x15{duration}\x14{text}\x14\0"
        for onset, duration, text in annotations
    ]
    return "".join(parts).encode()


def test_they_are_those_of_edfio(tmp_path):
    expected = [(0.5, 2.25, "a"), (3, None, ""), (7.125, 0, "Größe"), (59.9, 30, "z")]
    signal = edfio.EdfSignal(np.arange(-3000.0, 3000), 100, label="EEG")
    for signals in ([], [signal]):
        edf = edfio.Edf(
            signals, annotations=[edfio.EdfAnnotation(*a) for a in expected]
        )
        edf.write(tmp_path / "a.edf")
        assert read_annotations(tmp_path / "a.edf")[1] == expected


def test_onsets_count_from_the_first_sample(write_edf):
    path = write_edf(
        seconds=2,
        stamps=[0.5, 1.5],
        notes={1: notes((1.75, 2, "x")), 0: b"+1\x14y\x14\0"},
    )
    start, found = read_annotations(path)
    assert start == datetime(2020, 3, 2, 22, 0, 0, 500_000)
    assert found == [(0.5, None, "y"), (1.25, 2, "x")]


def test_one_list_may_hold_several_texts(write_edf):
    path = write_edf(seconds=1, stamps=[0], notes={0: b"+1\x14a\x14b\x14\0"})
    assert [text for _, _, text in read_annotations(path)[1]] == ["a", "b"]


@pytest.mark.parametrize("label", LABELS)
def test_stages_beside_the_signals_in_any_spelling_of_the_label(write_edf, label):
    stages = notes((0, 30, "Sleep stage R"), (30, 30, "Sleep stage 2"))
    path = relabel(write_edf(stamps=range(60), notes={0: stages}), label)
    night = read_recording(path, hypnogram="annotations")
    assert night.modalities == ("eeg",)
    assert night.hypnogram.tolist() == [4, 2]


@pytest.mark.parametrize(
    ("record", "stamp"),
    [
        (b"+5\x14\x14\0\0", 5),
        (b"+5.25\x14\x14\0", 5.25),
        (b"+5,25\x14\x14\0", 5.25),
        (b"-1\x14\x14\0", -1),
        (b"+5\x14\x14note\x14\0", 5),
        (b"+5\x14\x14", 5),
        (b"\0\0\0", None),
        (b"junk", None),
        (b"", None),
    ],
)
def test_time_stamps(record, stamp):
    assert parse_stamp(record) == stamp
