"""Fixtures: ``write(path, seed=0, labels=...)`` writes an EDF file of three epochs, and
``score(path)`` a hypnogram that scores them W, N1 and N2."""

from __future__ import annotations

import hashlib

import edfio
import numpy as np
import pandas as pd
import pytest

from sleepkit.datasets import load_folder
from sleepkit.exceptions import RecordingError

LABELS = ("C4-M1", "E1-M2", "Chin")


@pytest.fixture
def write(tmp_path):
    def write(name, seed=0, labels=LABELS):
        rng = np.random.default_rng(seed)
        channels = [
            edfio.EdfSignal(
                20 * rng.standard_normal(9000),
                100,
                label=label,
                physical_dimension="uV",
            )
            for label in labels
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        edfio.Edf(channels).write(path)
        return path

    return write


@pytest.fixture
def score(tmp_path):
    def score(name, labels="W\nN1\nN2\n"):
        (tmp_path / name).write_text(labels)

    return score


def reasons(report):
    return {entry.file: entry.reason for entry in report if not entry.used}


def test_epochs_stages_and_subjects(tmp_path, write, score):
    for i, name in enumerate(("p1/a.edf", "p1/b.edf", "p2/a.edf")):
        write(name, seed=i)
        score(name.replace(".edf", ".txt"), "W\nN1\n?\n")
    X, y, groups, report = load_folder(tmp_path, subject_pattern=r"p\d")
    assert [night.id for night in X.recordings] == ["p1/a.edf", "p1/b.edf", "p2/a.edf"]
    assert y.tolist() == [0, 1] * 3
    assert y.dtype == np.int64
    assert groups.tolist() == ["p1"] * 4 + ["p2"] * 2
    assert X.epochs("eeg").shape == (6, 1, 3000)
    assert all(entry.used for entry in report)


def test_the_report_is_a_table(tmp_path, write, score, capsys):
    path = write("a.edf")
    score("a.txt")
    write("b.edf", seed=1)
    *_, report = load_folder(tmp_path, modalities=("eeg", "emg"))
    table = pd.DataFrame(report).set_index("file")
    assert table["used"].to_dict() == {"a.edf": True, "b.edf": False}
    row = table.loc["a.edf"]
    assert row["channels"] == "eeg C4-M1 (100 Hz), emg Chin (100 Hz)"
    assert (row["subject"], row["hypnogram"]) == ("a", "a.txt")
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [str(entry) for entry in report] == [
        "used     a.edf + a.txt: a, eeg C4-M1 (100 Hz), emg Chin (100 Hz)",
        "skipped  b.edf: there is no hypnogram of that name",
    ]
    assert capsys.readouterr() == ("", "")


def test_each_file_that_is_skipped_has_a_reason(tmp_path, write, score):
    for name in ("good", "alone", "copy", "integers", "other", "unscored"):
        write(f"{name}.edf", seed=0 if name in ("copy", "good") else len(name))
        score(f"{name}.txt")
    (tmp_path / "alone.txt").unlink()
    write("other.edf", seed=9, labels=["ECG"])
    score("integers.txt", "0\n1\n2\n")
    score("unscored.txt", "?\n?\n?\n")
    (tmp_path / "damaged.edf").write_bytes(b"0" + bytes(300))
    score("damaged.txt")
    X, _, _, report = load_folder(tmp_path)
    assert [night.id for night in X.recordings] == ["copy.edf"]
    found = reasons(report)
    assert found["alone.edf"] == "there is no hypnogram of that name"
    assert found["good.edf"] == "it is a copy of copy.edf"
    assert "so they need a scheme" in found["integers.edf"]
    assert "No channel of" in found["other.edf"]
    assert "scores no epoch" in found["unscored.edf"]
    assert "damaged.edf" in found
    assert load_folder(tmp_path, scheme="aasm")[0].recordings[1].id == "integers.edf"


def test_the_output_of_a_model_counts_once_it_is_corrected(tmp_path, write, score):
    write("a.edf")
    write("b.edf", seed=1)
    score("a-hypnogram.csv")
    score("b-hypnogram-corrected.csv")
    _, _, groups, report = load_folder(tmp_path)
    assert set(groups) == {"b"}
    assert reasons(report)["a.edf"] == (
        "there is no hypnogram of that name; a-hypnogram.csv is the output of a model: "
        "once corrected, name it a-hypnogram-corrected.csv"
    )


def test_named_channels(tmp_path, write, score):
    write("a.edf", labels=["left", "right"])
    score("a.txt")
    channels = {"eeg": "left", "eog": ("left", "right")}
    X, *_ = load_folder(tmp_path, channels=channels)
    (night,) = X.recordings
    names = {name: signal.ch_names for name, signal in night.signals.items()}
    assert names == {"eeg": ("left",), "eog": ("left-right",)}


def test_excluded_nights(tmp_path, write, score):
    for i, name in enumerate("abc"):
        path = write(f"{name}.edf", seed=i)
        score(f"{name}.txt")
    last = hashlib.sha256(path.read_bytes()).hexdigest()

    def exclude(subject, sha256):
        return "known" if subject == "a" or sha256 == last else None

    *_, report = load_folder(tmp_path, exclude=exclude)
    assert reasons(report) == {"a.edf": "known", "c.edf": "known"}


def test_a_progress_bar(tmp_path, write, score, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    write("a.edf")
    score("a.txt")
    load_folder(tmp_path, verbose=True)
    assert "files: 100%" in capsys.readouterr().err


def test_no_folder(tmp_path):
    with pytest.raises(RecordingError, match=f"There is no folder {tmp_path / 'no'}"):
        load_folder(tmp_path / "no")


def test_no_recording(tmp_path, score):
    score("a.txt")
    with pytest.raises(RecordingError, match=r"no recording \(.edf, .bdf, .rec\) in"):
        load_folder(tmp_path)


def test_nothing_usable(tmp_path, write):
    for i in range(7):
        write(f"{i}.edf", seed=i)
    with pytest.raises(RecordingError, match=r"can be used \(0.edf: .*; and 2 more\)"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"subject_pattern": "("},
            "'subject_pattern' .* regular expression. Got '\\('",
        ),
        ({"modalities": []}, "'modalities' parameter of load_folder must name one"),
        ({"modalities": "eeg", "channels": {"emg": 1}}, "of eeg. Got a channel of emg"),
    ],
)
def test_bad_parameters(tmp_path, params, words):
    with pytest.raises(ValueError, match=words):
        load_folder(tmp_path, **params)


@pytest.mark.real
def test_real_folder(real_data):
    X, y, groups, report = load_folder(real_data / "dreams", scheme="dreams")
    used = {entry.file: entry for entry in report if entry.used}
    assert set(used) == {"excerpt3.edf"}
    assert used["excerpt3.edf"].hypnogram == "Hypnogram_excerpt3.txt"
    assert used["excerpt3.edf"].channels.startswith("eeg C3-A1 (50 Hz), eog EOG1-A1")
    assert len(X) == len(y) == 60
    assert set(groups) == {"excerpt3"}
