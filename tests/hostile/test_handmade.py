"""Small files that claim to be huge: refused in words, before memory is taken."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
import safetensors.numpy
import skops.io
from sklearn.linear_model import LogisticRegression

from sleepkit.exceptions import (
    DiscontinuousRecordingError,
    HypnogramError,
    ModelFileError,
    RecordingError,
    SleepkitError,
    SleepkitWarning,
)
from sleepkit.io import read_hypnogram, read_recording
from sleepkit.persistence import load_model, save_model
from tests.hostile import edf, models
from tests.hostile.outcome import faults


def refused(read, content, path):
    """The message by which a file is refused, within memory, time and length."""
    assert faults(read, [(path, content)]) == {}
    with pytest.raises(SleepkitError) as caught:
        read(path)
    return caught.value


def read_filled(path):
    night = read_recording(path, on_gap="fill")
    return [np.asarray(signal.data) for signal in night.signals.values()]


# ----------------------------------------------------------------------- recordings


@pytest.mark.parametrize("gap", [10**8, 10**15, "9" * 400])
def test_a_time_stamp_years_late(gap, tmp_path):
    content = edf.plain(kind="EDF+D", gap=1)
    late = f"+{gap}".encode()[:70]
    place = content.rindex(b"+60\x14")
    content = content[:place] + late + b"\x14\x14\0" + content[place + len(late) + 3 :]
    error = refused(read_filled, content, tmp_path / "night.edf")
    assert isinstance(error, RecordingError)


def test_a_gap_of_weeks_in_a_small_file(tmp_path):
    content = edf.plain(kind="EDF+D", gap=30 * 86400)
    content = content.replace(b"20      ", b"2000000 ")  # samples of a record
    path = tmp_path / "night.edf"
    refused(read_filled, content, path)
    fast = edf.plain(kind="EDF+D", gap=30 * 86400, n_samples=(200, 20, 20, 1, 40))
    error = refused(read_filled, fast, path)
    assert isinstance(error, DiscontinuousRecordingError)
    assert "bytes of memory" in str(error)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("record_duration", b"0.00001", "more than 1000000 Hz"),
        ("record_duration", b"1e9", "overlap in time"),
        ("record_duration", b"1e-300", "more than 1000000 Hz"),
        ("n_signals", b"9999", "9999 signals, more than 2048"),
    ],
)
def test_impossible_header(field, value, words, tmp_path):
    content = edf.with_field(edf.plain(), field, value)
    assert words in str(refused(read_filled, content, tmp_path / "night.edf"))


@pytest.mark.parametrize("physical_max", [b"1e300   ", b"-500    ", b"nan     "])
def test_a_scale_that_no_signal_has(physical_max, tmp_path):
    content = edf.plain().replace(b"500     ", physical_max)
    refused(read_filled, content, tmp_path / "night.edf")


def test_huge_sample_counts(tmp_path):
    content = edf.plain(n_samples=(99_999_999,) * 5, n_records=0)
    path = tmp_path / "night.edf"
    for read in (read_filled, read_hypnogram):
        error = refused(read, content + bytes(50_000), path)
        assert "ends before its first data record" in str(error)


def test_control_characters_of_labels_are_escaped(tmp_path):
    path = tmp_path / "night.edf"
    path.write_bytes(edf.plain().replace(b"EEG C3-M2 ", b"EEG \x1b[2J  "))
    with pytest.raises(SleepkitError, match=r"EEG \\x1b\[2J") as caught:
        read_recording(path, channels={"eeg": ["C4"]})
    assert "\x1b" not in str(caught.value)


# ---------------------------------------------------------------------- stage files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"W," * 2**19, "of 524,288 characters"),
        (b"W\n" * (2**18 + 1), "at most 262,144 lines"),
        (b"W" * 2**24 + b"\n", "at most 16,777,216 bytes"),
        (b"[" * 10**6, "JSON|list of labels"),
        (b"[" + b'{"a":1},' * 9 + b'{"b":' + b"[" * 900, "JSON"),
        (b"<a>" * 10**5 + b"</a>" * 10**5, "the XML root must be"),
        (b"stage," + b"a," * 200 + b"\n" + b"W," + b"1," * 200, "128 columns"),
        (b"stage,scorer\n" + b"".join(b"W,s%d\n" % i for i in range(99)), "64 scorers"),
        (b"Q" * 10**5, "QQQ ... QQQ"),
    ],
    ids=["line", "lines", "bytes", "json", "half", "xml", "wide", "scorers", "label"],
)
def test_stage_files(content, words, tmp_path):
    error = refused(read_hypnogram, content, tmp_path / "stages.txt")
    assert isinstance(error, HypnogramError)
    assert error.__class__ is HypnogramError
    assert any(word in str(error) for word in words.split("|"))


def test_many_overlapping_labels_take_no_minutes(tmp_path):
    events = "".join(
        f"<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>Stage|{i % 3}"
        f"</EventConcept><Start>{i}</Start><Duration>{9_000 - i}</Duration>"
        "</ScoredEvent>"
        for i in range(6_000)
    )
    path = tmp_path / "stages.xml"
    content = f"<PSGAnnotation>{events}</PSGAnnotation>".encode()
    assert faults(read_hypnogram, [(path, content)]) == {}
    with pytest.warns(SleepkitWarning, match="5999 of the 6000 labels"):
        assert len(read_hypnogram(path)) == 300


# ---------------------------------------------------------------------- model files


@pytest.fixture
def members(tmp_path):
    """Members of the model file of an estimator that is not sleepkit's."""
    path = tmp_path / "stager.model"
    X = np.random.default_rng(0).standard_normal((20, 3))
    save_model(LogisticRegression().fit(X, X[:, 0] > 0), path)
    return models.unpacked(path.read_bytes())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hostile.model"


def zeros(n_bytes):
    """An array of zeros, which compresses to a thousandth."""
    stream = BytesIO()
    np.save(stream, np.zeros(n_bytes, np.uint8))
    return stream.getvalue()


def test_arrays_that_no_part_names(members, path):
    arrays = safetensors.numpy.save({"spare": np.zeros(4)})
    content = models.packed(members | {models.ARRAYS: arrays})
    assert "'spare', which its model" in str(refused(load_model, content, path))
    content = models.packed(members | {"0/9.npy": zeros(99)})
    assert "not those that its schema" in str(refused(load_model, content, path))
    spare = {f"1/{name[2:]}": m for name, m in members.items() if name[0] == "0"}
    content = models.packed(members | spare)
    assert "'1/', which its model" in str(refused(load_model, content, path))


def test_an_array_that_unpacks_to_far_more_than_the_file(members, path):
    content = models.packed(members | {"0/9.npy": zeros(2**27)})
    assert "would unpack to" in str(refused(load_model, content, path))


def test_a_member_that_is_longer_than_it_says(members, path):
    content = bytearray(models.packed(members | {"0/9.npy": zeros(2**27)}))
    size = (2**27 + 128).to_bytes(4, "little")
    for _ in range(content.count(size)):
        place = content.index(size)
        content[place : place + 4] = (1000).to_bytes(4, "little")
    assert isinstance(refused(load_model, bytes(content), path), ModelFileError)


def test_a_file_that_is_read_many_times(members, path):
    schema = json.loads(members["0/schema.json"])
    name = next(name[2:] for name in members if name.endswith(".npy"))
    node = {"__class__": "ndarray", "__module__": "numpy", "type": "numpy"}
    node |= {"__loader__": "NdArrayNode", "file": name}
    schema["content"]["content"]["more"] = [node | {"__id__": i} for i in range(99)]
    content = models.packed(members | {"0/schema.json": json.dumps(schema).encode()})
    assert "not those that its schema" in str(refused(load_model, content, path))


def test_an_unfinished_header_of_an_array(members, path):
    name = next(name for name in members if name.endswith(".npy"))
    header = members[name].replace(b"}", b"(", 1)
    content = models.packed(members | {name: header})
    assert f"its {name} is no array" in str(refused(load_model, content, path))


def test_texts_of_one_long_length(members, path):
    info = json.loads(members["sleepkit.json"])
    info["model"] = {"text": ["x" * 9999, *[""] * 9999], "dtype": "<U9999"}
    content = models.packed(members | {"sleepkit.json": json.dumps(info).encode()})
    assert "texts of 9,999 letters" in str(refused(load_model, content, path))


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(members, path, kind):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    assert "is compressed" in str(refused(load_model, buffer.getvalue(), path))


def test_an_about_that_is_no_mapping(members, path):
    info = json.loads(members["sleepkit.json"]) | {"about": [1]}
    content = models.packed(members | {"sleepkit.json": json.dumps(info).encode()})
    assert "'about' is [1], no mapping" in str(refused(load_model, content, path))


def test_a_model_of_skops_alone(path):
    content = skops.io.dumps(LogisticRegression())
    assert "another program's archive" in str(refused(load_model, content, path))
