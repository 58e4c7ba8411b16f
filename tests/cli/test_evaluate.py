from __future__ import annotations

import json

import numpy as np
import pytest

from sleepkit.cli import _train
from sleepkit.io import write_hypnogram
from tests.cli.conftest import quick_stager


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Stagers that `train` fits are small."""
    monkeypatch.setattr(_train, "make_stager", quick_stager)


@pytest.fixture
def rows(run):
    """``rows(*arguments)``: what is printed of each condition, as words."""

    def evaluate(*arguments):
        code, text, _ = run("evaluate", *arguments)
        assert code == 0
        lines = [line.split() for line in text.splitlines()]
        return {words[1]: words for words in lines if len(words) == 6}, text

    return evaluate


def test_each_modality_missing(rows, folder, each_model):
    found, text = rows(folder, "--model", each_model)
    assert list(found) == ["condition", "all", "eeg+eog", "eeg+emg", "eog+emg"]
    for given in ("all", "eeg+eog", "eeg+emg", "eog+emg"):
        assert found[given][0] == each_model.stem
        assert found[given][-1] == "180"
    assert "used     night0.edf + night0.csv: night0, eeg C4-M1 (100 Hz)" in text
    assert "Always " in text


def test_nights_of_noise(fails, noisy_folder, save_quick):
    words = fails("evaluate", noisy_folder, "--model", save_quick("sleepmg"))
    nights = "night0.edf, night1.edf, night2.edf"
    assert f"no epoch has a valid signal in any of eeg, eog, emg of {nights}." in words
    assert "QualityMask().report(night) has the reason for each epoch" in words


def test_files(rows, folder, model, tmp_path):
    out = tmp_path / "scores"
    _, text = rows(folder, "--model", model, "--out", out)
    names = {"scores.csv", "predictions.npz", "protocol.json"}
    assert {path.name for path in out.iterdir()} == names
    assert all(str(out / name) in text for name in names)
    protocol = json.loads((out / "protocol.json").read_text())
    assert protocol["data"]["n_subjects"] == 3
    with np.load(out / "predictions.npz") as predictions:
        assert len(predictions["predicted"]) == 4 * 180


def test_nothing_is_replaced_without_overwrite(rows, fails, folder, model, tmp_path):
    scores = tmp_path / "scores.csv"
    scores.write_text("old")
    arguments = [folder, "--model", model, "--out", tmp_path]
    reason = "it exists already; --overwrite replaces it."
    assert fails("evaluate", *arguments) == f"{scores}: {reason}"
    assert scores.read_text() == "old"
    rows(*arguments, "--overwrite")
    assert scores.read_text() != "old"


def test_subjects_of_the_training_are_left_out(run, fails, folder, cohort, write_night):
    model = folder / "my.model"
    arguments = ["--out", model, "--method", "trees", "--folds", 0]
    assert run("train", folder, *arguments)[0] == 0
    words = fails("evaluate", folder, "--model", model)
    assert "can be used (night0.edf: the model was trained on night0; " in words
    write_night(folder / "new.edf", cohort[3])
    write_hypnogram(folder / "new.csv", cohort[3].hypnogram)
    code, text, _ = run("evaluate", folder, "--model", model)
    assert code == 0
    assert "skipped  night0.edf: the model was trained on night0" in text
    assert "of 1 night of 1 " in text


def test_a_night_of_the_training_under_another_name(run, fails, folder, tmp_path):
    model = tmp_path / "my.model"
    arguments = ["--out", model, "--method", "trees", "--folds", 0]
    assert run("train", folder, *arguments)[0] == 0
    words = fails("evaluate", tmp_path, "--model", model)  # one folder up
    reason = "the model was trained on this night, under another name"
    assert f"nights/night0.edf: {reason}" in words


def test_a_place_that_cannot_be_written_to(run, folder, model, tmp_path):
    (tmp_path / "file").write_text("")
    code, text, error = run(
        "evaluate", folder, "--model", model, "--out", tmp_path / "file"
    )
    assert (code, error) == (1, f"sleepkit: {tmp_path / 'file'}: File exists.\n")
    assert "kappa" not in text  # nothing was staged in vain


def test_no_model(fails, folder, tmp_path):
    words = fails("evaluate", folder, "--model", tmp_path / "no")
    assert words == f"{tmp_path / 'no'}: No such file or directory."
