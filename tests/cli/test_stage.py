from __future__ import annotations

import errno
import gc
import os
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sleepkit._stages import UNSCORED
from sleepkit.io import read_hypnogram
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray


@pytest.fixture
def night(tmp_path, cohort, write_night):
    return write_night(tmp_path / "night.edf", cohort[3])


def test_files_and_report(run, night, each_model, cohort, tmp_path):
    out = tmp_path / "a" / "b"
    code, text, error = run("stage", night, "--model", each_model, "--out", out)
    assert (code, error) == (0, "")
    names = [f"night-hypnogram.{suffix}" for suffix in ("csv", "edf", "png")]
    assert sorted(path.name for path in out.iterdir()) == names
    assert "eeg: C4-M1 (100 Hz)" in text
    assert "60 epochs of 30 s:" in text
    staged = read_hypnogram(out / names[0])
    assert staged.probabilities.shape == (60, 5)
    expected = load_model(each_model).predict(cohort[3])
    assert np.mean(staged.stages == expected) > 0.95  # EDF rounds samples
    minutes = np.sum(staged.stages == 2) / 2
    (line,) = [line for line in text.splitlines() if line.startswith("  N2 ")]
    assert line.split()[1] == f"{minutes:.1f}"


def test_start_of_the_night_is_kept(run, night, model, tmp_path):
    run("stage", night, "--model", model, "--out", tmp_path)
    staged = read_hypnogram(tmp_path / "night-hypnogram.edf")
    assert str(staged.start) == "2001-02-03 22:30:00"


def test_nothing_is_replaced_without_overwrite(run, fails, night, model, tmp_path):
    old = tmp_path / "night-hypnogram.edf"
    old.write_text("corrected by hand")
    arguments = ["stage", night, "--model", model, "--out", tmp_path]
    assert fails(*arguments) == f"{old}: it exists already; --overwrite replaces it."
    assert old.read_text() == "corrected by hand"
    assert not (tmp_path / "night-hypnogram.csv").exists()
    assert run(*arguments, "--overwrite")[0] == 0
    assert len(read_hypnogram(old)) == 60


def test_all_files_appear_or_none(fails, night, model, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr("sleepkit.cli._output._draw", full)
    words = fails("stage", night, "--model", model, "--out", tmp_path / "out")
    assert "No space left on device" in words
    assert list((tmp_path / "out").iterdir()) == []


def test_formats(run, night, model, tmp_path):
    out = tmp_path / "out"
    arguments = ["stage", night, "--model", model, "--out", out]
    assert run(*arguments, "--format", "tsv", "json", "csv")[0] == 0
    names = [f"night-hypnogram.{suffix}" for suffix in ("csv", "json", "tsv")]
    assert sorted(path.name for path in out.iterdir()) == names
    table, *others = (read_hypnogram(out / name) for name in names)
    for other in others:
        np.testing.assert_array_equal(table.stages, other.stages)


def test_a_missing_modality_is_reported(run, tmp_path, cohort, write_night, model):
    labels = {"eeg": "C4-M1", "eog": "strange"}
    path = write_night(tmp_path / "night.edf", cohort[3], labels)
    code, text, _ = run("stage", path, "--model", model, "--out", tmp_path)
    assert code == 0
    words = "no label is known as emg; --channels emg=LABEL takes one of strange"
    assert f"emg: {words}; staged without it" in text


def test_a_modality_that_no_label_could_mean(run, tmp_path, cohort, write_night, model):
    path = write_night(tmp_path / "night.edf", cohort[3], {"eeg": "C4-M1"})
    _, text, _ = run("stage", path, "--model", model, "--out", tmp_path)
    assert "eog: not in this file; staged without it" in text


def test_epochs_of_bad_signal_are_staged_and_flagged(
    run, tmp_path, cohort, write_night, model
):
    eeg = cohort[3].signals["eeg"]
    data = np.array(eeg.data)
    data[:, 6000:12000] = 0
    flat = cohort[3].with_signals({"eeg": eeg.replace(data=data)})
    path = write_night(tmp_path / "night.edf", flat)
    code, text, _ = run("stage", path, "--model", model, "--out", tmp_path)
    assert code == 0
    staged = read_hypnogram(tmp_path / "night-hypnogram.csv")
    assert (staged.stages != UNSCORED).all()
    assert "epochs are flagged" in text
    assert "Epochs from 0: 2-3" in text
    assert "epochs are doubtful. Review these first: " in text


def test_without_matplotlib(run, night, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, error = run("stage", night, "--model", model, "--out", tmp_path)
    assert code == 0
    assert error.startswith("note: There is no picture.")
    assert not (tmp_path / "night-hypnogram.png").exists()


def test_no_night(fails, model, tmp_path):
    words = fails("stage", tmp_path / "no.edf", "--model", model, "--out", tmp_path)
    assert words == f"There is no file {tmp_path / 'no.edf'}."


def test_no_model(fails, night, tmp_path):
    words = fails("stage", night, "--model", tmp_path / "no", "--out", tmp_path)
    assert words == f"{tmp_path / 'no'}: No such file or directory."


def test_truncated_model(fails, night, model, tmp_path):
    part = tmp_path / "part.model"
    part.write_bytes(model.read_bytes()[:-100])
    words = fails("stage", night, "--model", part, "--out", tmp_path)
    assert words.startswith(f"{part} cannot be loaded as a model: it is cut short")


def test_model_of_another_kind(fails, night, tmp_path):
    path = tmp_path / "plain.model"
    save_model(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), path)
    words = fails("stage", night, "--model", path, "--out", tmp_path)
    assert "does not say that it takes any of eeg, eog, emg; write it with" in words
    assert "save_model(..., about={'modalities': [...]})" in words


def test_no_known_channels(fails, tmp_path, cohort, write_night, model):
    path = write_night(tmp_path / "night.edf", cohort[3], {"eeg": "X", "ecg": "ECG"})
    words = fails("stage", path, "--model", model, "--out", tmp_path / "out")
    assert "No channel of" in words
    assert "name yours, as in channels=" in words
    assert "--channels eeg=LABEL" in words
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be(fails, night, model, tmp_path):
    (tmp_path / "file").write_text("")
    words = fails("stage", night, "--model", model, "--out", tmp_path / "file")
    assert words == f"{tmp_path / 'file'}: File exists."


def test_no_permission(fails, night, model, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    out = tmp_path / "closed"
    assert fails("stage", night, "--model", model, "--out", out) == (
        f"{out}: Permission denied."
    )
    assert not list(out.iterdir())


def test_a_failure_to_write_leaves_nothing_half(fails, night, model, tmp_path):
    out = tmp_path / "out"
    (out / "night-hypnogram.csv").mkdir(parents=True)
    words = fails("stage", night, "--model", model, "--out", out, "--overwrite")
    assert "Is a directory" in words
    assert [path.name for path in out.iterdir()] == ["night-hypnogram.csv"]


def test_without_a_modality(run, night, each_model, cohort, tmp_path):
    arguments = ["stage", night, "--model", each_model, "--format", "csv", "--out"]
    run(*arguments, tmp_path / "all")
    code, text, _ = run(*arguments, tmp_path, "--without", "eog", "emg")
    assert code == 0
    assert "eog" not in text.replace(str(tmp_path), "")
    whole = read_hypnogram(tmp_path / "all" / "night-hypnogram.csv")
    part = read_hypnogram(tmp_path / "night-hypnogram.csv")
    assert not np.array_equal(whole.probabilities, part.probabilities)
    stager = load_model(each_model)
    usable = part.stages != UNSCORED
    expected = stager.predict_proba(EpochArray([cohort[3]]).select(["eeg"]))
    np.testing.assert_allclose(
        part.probabilities[usable], expected[usable], atol=0.02
    )  # EDF rounds samples, the table probabilities


def test_without_anything(fails, night, model, tmp_path):
    all_of_them = ["--without", "eeg", "eog", "emg"]
    words = fails("stage", night, "--model", model, "--out", tmp_path, *all_of_them)
    assert words == (
        f"Nothing is left to stage by: {model} was trained on eeg, eog, emg."
    )


def test_nothing_to_stage_by(fails, tmp_path, cohort, write_night, model):
    signals = cohort[3].signals
    dead = {n: s.replace(data=np.zeros(s.shape, "f4")) for n, s in signals.items()}
    path = write_night(tmp_path / "night.edf", cohort[3].with_signals(dead))
    words = fails("stage", path, "--model", model, "--out", tmp_path / "out")
    assert words.startswith(
        "No epoch of 'night' has a usable signal: all are missing or"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.real
@pytest.mark.parametrize("missing", [None, "eeg", "eog", "emg"])
def test_real_night(run, real_data, model, tmp_path, missing):
    path = real_data / "dreams" / "excerpt3.edf"
    arguments = ["stage", path, "--model", model, "--out", tmp_path]
    code, text, _ = run(*arguments, *(["--without", missing] if missing else []))
    assert code == 0
    used = {
        "eeg": "eeg: C3-A1 (50 Hz)",
        "eog": "eog: EOG1-A1 (50 Hz)",
        "emg": "emg: EMG1 (50 Hz)",
    }
    assert [line in text for line in used.values()] == [m != missing for m in used]
    staged = read_hypnogram(tmp_path / "excerpt3-hypnogram.csv")
    assert len(staged) == 60
    assert (staged.stages != UNSCORED).all()


def test_the_garbage_collector_runs_again_afterwards(run, night, model, tmp_path):
    run("stage", night, "--model", model, "--out", tmp_path)
    assert gc.isenabled()
