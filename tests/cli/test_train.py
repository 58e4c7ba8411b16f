from __future__ import annotations

import os

import numpy as np
import pytest

from sleepkit.cli import _train
from sleepkit.evaluation._fold import FoldTask
from sleepkit.io import write_hypnogram
from sleepkit.persistence import load_model, model_info
from tests.cli.conftest import quick_stager


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small stagers are fitted in this process: others take long to start."""
    monkeypatch.setattr(_train, "count_jobs", lambda: 1)
    monkeypatch.setattr(_train, "make_stager", quick_stager)


@pytest.fixture
def train(run):
    """``train(*arguments)`` by the method that takes the least time."""
    return lambda *arguments: run("train", *arguments, "--method", "trees")


@pytest.mark.parametrize("method", [None, "sleepmg", "trees"])
def test_trains_and_scores_by_subject(run, folder, tmp_path, method):
    out = tmp_path / "models" / "my.model"
    chosen = [] if method is None else ["--method", method]
    code, text, error = run("train", folder, "--out", out, *chosen)
    assert (code, error) == (0, "")
    channels = "eeg C4-M1 (100 Hz), eog E1-M2 (100 Hz), emg Chin (100 Hz)"
    assert f"used     night0.edf + night0.csv: night0, {channels}" in text
    method = method or "medfusesleep"
    rows = [line.split() for line in text.splitlines()]
    (scores,) = [words for words in rows if words[:2] == [method, "all"]]
    assert scores[-1] == "180"
    assert str(out) in text
    about = model_info(out)["about"]
    assert about["method"] == method
    assert (about["nights"], len(about["subjects"]), about["epochs"]) == (3, 3, 180)
    assert about["scores"][0]["condition"] == "all"


@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("method", ["medfusesleep", "trees"])
def test_nights_of_noise(fails, noisy_folder, tmp_path, method, folds):
    out = tmp_path / "my.model"
    arguments = ["--out", out, "--method", method, "--folds", folds]
    words = fails("train", noisy_folder, *arguments)
    assert "needs rows to " in words
    assert "signal" in words
    assert "night1.edf" in words
    assert words.endswith("Or leave these nights out.")
    assert "unexpected" not in words


def test_one_night_of_noise(fails, folder, noisy_folder, tmp_path):
    """The fold that it is the test of cannot be scored."""
    (noisy_folder / "night1.edf").replace(folder / "night1.edf")
    words = fails("train", folder, "--out", tmp_path / "my.model")
    start = "MedFuseSleepClassifier cannot stage X: no epoch has a valid signal in any "
    assert words.startswith(f"{start}of eeg, eog, emg of night1.edf. Check their ")


def test_the_model_stages_better_than_by_chance(train, folder, cohort, monkeypatch):
    monkeypatch.setattr(_train, "count_jobs", lambda: 2)  # in processes, as users do
    out = folder / "my.model"
    assert train(folder, "--out", out)[0] == 0
    stages = load_model(out).predict(cohort[3])
    most = np.bincount(cohort[3].hypnogram).max() / 60
    assert np.mean(stages == cohort[3].hypnogram) > most


def test_each_file_that_is_skipped_gets_a_reason(train, folder, cohort, write_night):
    write_night(folder / "alone.edf", cohort[3])
    (folder / "damaged.edf").write_bytes(b"0" + bytes(300))
    (folder / "damaged.txt").write_text("W")
    write_night(folder / "unscored.edf", cohort[3])
    write_hypnogram(folder / "unscored.csv", np.full(60, -1))
    write_night(folder / "integers.edf", cohort[3])
    (folder / "integers.txt").write_text("5\n" * 60)
    code, text, _ = train(folder, "--out", folder / "my.model")
    assert code == 0
    reasons = {
        line.split()[1]: line
        for line in text.splitlines()
        if line.startswith("skipped")
    }
    assert set(reasons) == {
        "alone.edf:",
        "damaged.edf:",
        "integers.edf:",
        "unscored.edf:",
    }
    assert "there is no hypnogram of that name" in reasons["alone.edf:"]
    assert "scores no epoch" in reasons["unscored.edf:"]
    assert "so they need a scheme" in reasons["integers.edf:"]
    assert model_info(folder / "my.model")["about"]["nights"] == 3


def test_scheme(train, folder, cohort):
    for i, night in enumerate(cohort[:3]):
        (folder / f"night{i}.csv").unlink()
        text = "".join(f"{[0, 1, 2, 3, 5][stage]}\n" for stage in night.hypnogram)
        (folder / f"night{i}.txt").write_text(text)
    out = folder / "my.model"
    assert train(folder, "--out", out, "--scheme", "isruc")[0] == 0
    found = {stage for night in cohort[:3] for stage in night.hypnogram.tolist()}
    assert model_info(out)["classes"] == sorted(found)


def test_files_of_one_name_in_two_folders(train, folder, cohort, write_night):
    again = folder / "more"
    again.mkdir()
    write_night(again / "night0.edf", cohort[3])
    write_hypnogram(again / "night0.csv", cohort[3].hypnogram)
    code, text, _ = train(folder, "--out", folder / "my.model")
    assert code == 0
    assert "used     more/night0.edf + night0.csv: more/night0," in text
    assert "of 4 nights of 4 " in text


def test_one_subject_gives_no_score(train, folder):
    arguments = ["--out", folder / "my.model", "--subject-pattern", "night"]
    code, text, _ = train(folder, *arguments)
    assert code == 0
    assert "There is one subject only, so no score" in text
    assert "scores" not in model_info(folder / "my.model")["about"]


def test_a_copy_of_a_night_is_no_other_subject(train, folder):
    (folder / "a copy.edf").write_bytes((folder / "night0.edf").read_bytes())
    (folder / "a copy.csv").write_bytes((folder / "night0.csv").read_bytes())
    code, text, _ = train(folder, "--out", folder / "my.model", "--folds", 0)
    assert code == 0
    assert "skipped  night0.edf: it is a copy of a copy.edf" in text
    assert model_info(folder / "my.model")["about"]["nights"] == 3


def test_a_place_that_cannot_be_written_to_fails_before_training(
    fails, folder, tmp_path, monkeypatch
):
    def train(*_):
        msg = "trained all the same"
        raise AssertionError(msg)

    monkeypatch.setattr(_train, "compute_features", train)
    (tmp_path / "file").write_text("")
    for out, words in {
        tmp_path: f"{tmp_path}: Is a directory.",
        tmp_path / "file" / "my.model": f"{tmp_path / 'file'}: File exists.",
    }.items():
        assert fails("train", folder, "--out", out) == words
    monkeypatch.setattr(os, "access", lambda *_: False)
    words = fails("train", folder, "--out", tmp_path / "new" / "my.model")
    assert words == f"{tmp_path / 'new'}: Permission denied."


def test_a_run_that_was_stopped_goes_on(train, folder, monkeypatch):
    arguments = [folder, "--out", folder / "my.model", "--cache", folder / "cache"]
    assert train(*arguments)[0] == 0
    folds = list((folder / "cache").glob("*.fold"))
    assert len(folds) == 3
    about = model_info(folder / "my.model")["about"]
    monkeypatch.setattr(_train, "count_jobs", lambda: 1)
    monkeypatch.setattr(FoldTask, "run", None)  # no fold is fitted again
    assert train(*arguments, "--overwrite")[0] == 0
    assert model_info(folder / "my.model")["about"] == about


def test_a_model_is_not_replaced_without_overwrite(fails, folder):
    out = folder / "my.model"
    out.write_text("old")
    words = fails("train", folder, "--out", out)
    assert words == f"{out}: it exists already; --overwrite replaces it."
    assert out.read_text() == "old"


def test_a_recording_is_never_replaced(fails, folder):
    night = next(folder.glob("**/*.edf"))
    content = night.read_bytes()
    words = fails("train", folder, "--out", night, "--overwrite")
    assert words == f"{night}: it is a recording, which is never replaced."
    assert night.read_bytes() == content


def test_no_folds_no_scores(train, folder):
    code, text, _ = train(folder, "--out", folder / "my.model", "--folds", 0)
    assert code == 0
    assert "kappa" not in text
    assert "scores" not in model_info(folder / "my.model")["about"]


def test_cache(train, folder, tmp_path):
    cache = tmp_path / "cache"
    arguments = [folder, "--out", folder / "my.model", "--cache", cache, "--folds", 0]
    assert train(*arguments)[0] == 0
    nights = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert sum("night" in path.name for path in nights) == 3
    assert train(*arguments, "--overwrite")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == nights


def test_nights_may_lack_modalities(train, folder, cohort, write_night):
    write_night(folder / "night0.edf", cohort[0], {"eog": "E1-M2"})
    code, text, _ = train(folder, "--out", folder / "my.model")
    assert code == 0
    assert "night0.csv: night0, eog E1-M2 (100 Hz)" in text
    assert model_info(folder / "my.model")["about"]["modalities"] == [
        "eeg",
        "eog",
        "emg",
    ]


def test_no_folder(fails, tmp_path):
    words = fails("train", tmp_path / "no", "--out", tmp_path / "my.model")
    assert words == f"There is no folder {tmp_path / 'no'}."


def test_empty_folder(fails, tmp_path):
    words = fails("train", tmp_path, "--out", tmp_path / "my.model")
    assert words == f"There is no recording (.edf, .bdf, .rec) in {tmp_path}."


def test_no_usable_night(fails, tmp_path, cohort, write_night):
    write_night(tmp_path / "alone.edf", cohort[0])
    words = fails("train", tmp_path, "--out", tmp_path / "my.model")
    assert "can be used (alone.edf: there is no hypnogram of that name)" in words
    assert not (tmp_path / "my.model").exists()


def test_one_stage_is_too_few(fails, folder):
    for i in range(3):
        write_hypnogram(folder / f"night{i}.csv", np.zeros(60, int), overwrite=True)
    words = fails("train", folder, "--out", folder / "my.model")
    assert words == "Training needs epochs of at least two stages; the nights have: W."


def test_a_stage_that_only_one_subject_has(train, folder):
    for i in range(3):
        stages = np.full(60, 0 if i else 2)
        write_hypnogram(folder / f"night{i}.csv", stages, overwrite=True)
    assert train(folder, "--out", folder / "my.model")[0] == 0
    assert model_info(folder / "my.model")["classes"] == [0, 2]
