from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sleepkit.cli import _train
from sleepkit.cli._arguments import COHORTS
from sleepkit.datasets import _scan
from sleepkit.exceptions import RecordingError
from sleepkit.persistence import load_model, model_info
from sleepkit.pipelines import make_stager
from sleepkit.pipelines._night_steps import night_steps, without_steps
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray, Recording, open_store
from tests.cli.conftest import quick_stager
from tests.datasets.trees import write_cap, write_shhs


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small stagers are fitted in this process: others take long to start."""
    monkeypatch.setattr(_train, "count_jobs", lambda: 1)
    monkeypatch.setattr(_train, "make_stager", quick_stager)


@pytest.fixture
def prepare(run, folder, tmp_path):
    """``prepare(*arguments)``: the store of `folder`, and what was printed."""

    def call(*arguments):
        store = tmp_path / "store"
        code, text, _ = run("prepare", folder, "--out", store, *arguments)
        assert code == 0
        return store, text

    return call


def test_every_cohort_has_its_loader():
    assert set(COHORTS) == set(_scan._COHORTS)


@pytest.mark.parametrize(("method", "folds"), [("medfusesleep", 2), ("trees", 0)])
def test_a_model_of_the_store_is_that_of_the_folder(
    run, folder, prepare, tmp_path, cohort, method, folds
):
    """Scores of held-out subjects and of subsets included."""
    options = ["--method", method, "--folds", folds]
    store, text = prepare("--method", method)
    assert f"{store}: 3 nights of 3 subjects, by QualityMask(" in text
    out, other = tmp_path / "stored.model", tmp_path / "plain.model"
    code, text, error = run("train", store, "--out", out, *options)
    assert (code, error) == (0, "")
    assert "3 nights of 3 subjects: eeg, eog, emg" in text
    assert run("train", folder, "--out", other, *options)[0] == 0
    models = [load_model(path) for path in (out, other)]
    stages = [model.predict_proba(cohort[3]) for model in models]
    np.testing.assert_array_equal(*stages)
    abouts = [model_info(path)["about"] for path in (out, other)]
    assert abouts[0] == abouts[1]
    assert len(abouts[0]["files"]) == 3


def rows_of(text):
    """Lines of a table of scores, as words."""
    return [words for words in map(str.split, text.splitlines()) if len(words) == 6]


def test_evaluate(run, folder, prepare, save_quick):
    model = save_quick("medfusesleep")
    code, stored, _ = run("evaluate", prepare()[0], "--model", model)
    assert code == 0
    _, plain, _ = run("evaluate", folder, "--model", model)
    assert rows_of(stored) == rows_of(plain)
    assert len(rows_of(stored)) == 5


def test_half_precision(run, fails, folder, prepare, save_quick, tmp_path):
    store, text = prepare("--dtype", "float16")
    assert "), rounding to float16" in text
    assert {np.load(file).dtype for file in store.glob("*/*.npy")} == {np.dtype("f2")}
    code, text, _ = run("evaluate", store, "--model", save_quick("medfusesleep"))
    assert code == 0
    assert len(rows_of(text)) == 5
    assert run("train", store, "--out", tmp_path / "my.model", "--folds", 0)[0] == 0
    words = fails("prepare", folder, "--out", store)
    assert f"{store} holds nights by other steps: QualityMask(" in words
    assert "rounding to float16. Name another folder" in words


def test_nights_that_the_model_was_trained_on_are_left_out(
    run, fails, folder, prepare, tmp_path
):
    store, _ = prepare("--method", "trees")
    out = tmp_path / "my.model"
    (folder / "night0.edf").rename(folder / "renamed.edf")
    (folder / "night0.csv").rename(folder / "renamed.csv")
    (folder / "night1.edf").unlink()
    arguments = ["--out", out, "--method", "trees", "--folds", 0]
    assert run("train", folder, *arguments)[0] == 0
    code, text, _ = run("evaluate", store, "--model", out)
    assert code == 0
    name = "skipped  night0.edf: the model was trained on this night, under another"
    assert name in text
    assert "skipped  night2.edf: the model was trained on night2" in text
    assert "1 nights of 1 subjects" in text
    assert run("train", store, *arguments, "--overwrite")[0] == 0
    words = fails("evaluate", store, "--model", out)
    assert words == f"No night of the store {store} can be used."


def test_trees_have_no_scores_of_subsets(run, prepare, tmp_path):
    """The features that stand for a missing modality are computed already."""
    store, _ = prepare("--method", "trees")
    out = tmp_path / "my.model"
    assert run("train", store, "--out", out, "--method", "trees", "--folds", 2)[0] == 0
    (row,) = model_info(out)["about"]["scores"]
    assert row["condition"] == "all"


def test_scalers_of_the_training_nights_stay_out_of_the_store(prepare, cohort):
    _, text = prepare("--method", "sleeptransformer")
    assert "SpectrumScaler(per='recording')" in text
    stager = make_stager("sleeptransformer", size="published")
    steps = night_steps(stager.steps[:-1]).fit(EpochArray(cohort))
    assert list(steps.named_steps) == ["quality", "resample", "spectra"]
    rest = without_steps(stager, steps)
    assert list(rest.named_steps) == ["scale", "stage"]


def test_other_steps_are_refused(fails, folder, prepare, tmp_path, model):
    store, _ = prepare()
    words = fails("train", store, "--out", tmp_path / "my.model", "--method", "sleepmg")
    assert words.startswith("The nights are stored behind QualityMask(), Resampler")
    assert "but the stager begins with QualityMask(), BandpassFilter(" in words
    assert "begins with QualityMask(), BandPower(" in fails(
        "evaluate", store, "--model", model
    )
    words = fails("prepare", folder, "--out", store, "--method", "trees")
    assert f"{store} holds nights by other steps: QualityMask(" in words


def test_a_store_has_been_read_already(fails, prepare, tmp_path):
    store, _ = prepare("--method", "trees")
    words = fails("train", store, "--out", tmp_path / "my.model", "--scheme", "rk")
    assert words.startswith("--scheme cannot be given:")
    (store / "steps.model").unlink()
    words = fails("train", store, "--out", tmp_path / "my.model", "--method", "trees")
    assert words.startswith(f"{store} has no steps.model")


def test_other_folders_are_not_filled(fails, folder, tmp_path):
    words = fails("prepare", folder, "--out", folder)
    assert words.startswith(f"{folder} is the folder of the recordings")
    (tmp_path / "file").touch()
    for out in (tmp_path, tmp_path / "file"):
        words = fails("prepare", folder, "--out", out)
        assert words.startswith(f"{out}: it exists already, and is no store")


def test_a_cohort(run, fails, tmp_path):
    root, store = tmp_path / "shhs", tmp_path / "store"
    for number in (200001, 200002):
        write_shhs(root, number, [0, 2, 3, 5], visit=1)
    write_shhs(root, 200001, [0, 2, 2], visit=2)
    (night,) = root.rglob("shhs1-200002.edf")
    for path in root.rglob("shhs1-200002-*.xml"):
        path.unlink()
    command = ["prepare", root, "--cohort", "shhs", "--out", store]
    code, text, _ = run(*command, "--modalities", "eeg", "eog", "--method", "trees")
    assert code == 0
    assert f"skipped  {night.relative_to(root).as_posix()}: " in text
    assert f"{store}: 2 nights of 1 subjects, by QualityMask(" in text
    X, y, groups = open_store(store)
    assert [night.id for night in X.recordings] == ["shhs:200001-1", "shhs:200001-2"]
    assert set(groups) == {"shhs:200001"}
    assert y.tolist() == [0, 2, 3, 4, 0, 2, 2]
    assert X.modalities == ("eeg", "eog")
    rest = ["--method", "trees", "--modalities", "eeg", "eog", "--options", "visit=1"]
    text = run(*command, *rest)[1]
    assert "1 nights of 1 subjects" in text
    assert "1 nights that the store had are no longer listed" in text
    assert text.split("found them: ")[1].startswith("shhs:200001-2\n")
    assert set(open_store(store)[0].recording) == {"shhs:200001-1"}
    words = fails(*command, "--options", "visits=1")
    assert words == ("load_shhs has no parameter visits; --options may be of: visit.")
    assert fails(*command, "--scheme", "rk").startswith("--scheme cannot be given")
    words = fails("prepare", root, "--out", store, "--options", "visit=1")
    assert words.startswith("--options is for the loader of a cohort")


def test_a_subject_is_the_same_in_a_folder_and_in_its_cohort(
    run, fails, prepare, tmp_path
):
    """The loader of a cohort prefixes subjects; the one of a folder does not."""
    store, other = prepare("--method", "trees")[0], tmp_path / "other"
    X, _, _ = open_store(store)
    X.with_recordings(
        night.replace(
            subject=f"shhs:{night.subject}", info={"steps": night.info["steps"]}
        )
        for night in X.recordings
    ).materialize(other)
    (other / "steps.model").write_bytes((store / "steps.model").read_bytes())
    for place, elsewhere in ((store, other), (other, store)):
        out = place.with_suffix(".model")
        arguments = ["--out", out, "--method", "trees", "--folds", 0]
        assert run("train", place, *arguments)[0] == 0
        words = fails("evaluate", elsewhere, "--model", out)
        assert words == f"No night of the store {elsewhere} can be used."


def test_units_are_for_loaders_that_take_them(run, fails, tmp_path):
    root, out = tmp_path / "cap", ["--out", tmp_path / "store", "--method", "trees"]
    write_cap(root, "n1", ["W", "S2", "S3", "R"])
    command = ["prepare", root, "--modalities", "eeg", "--cohort"]
    assert run(*command, "cap", *out, "--units", "C4-A1=uV")[0] == 0
    words = fails(*command, "cap", *out, "--options", "units=uV")
    assert words.startswith("load_cap has no parameter units")
    words = fails(*command, "shhs", *out, "--units", "EEG=uV")
    assert words.startswith("--units cannot be given: --cohort shhs knows")


def test_a_store_of_several_steps_trains_nothing(fails, prepare, cohort, tmp_path):
    store, _ = prepare("--method", "trees")
    other = EpochArray([cohort[0].replace(id="other")])
    BandPower(context=2).fit_transform(other).materialize(store)
    words = fails("train", store, "--out", tmp_path / "my.model", "--method", "trees")
    assert words.startswith(f"The nights of {store} differ in their steps: night0.edf")


def test_wake_far_from_sleep_is_left_out(run, folder, prepare, tmp_path):
    """Of a folder and of a store; scores say so."""
    store, out = prepare("--method", "trees")[0], tmp_path / "my.model"
    options = ["--trim-wake", 0, "--method", "trees", "--folds", 2]
    for place in (folder, store):
        code, text, _ = run("train", place, "--out", out, *options, "--overwrite")
        assert code == 0
        left_out, _, n_epochs = text.split(" epochs are surplus")[0].split()[-3:]
        about = model_info(out)["about"]
        assert 0 < int(left_out) == int(n_epochs) - about["epochs"]
        window = about["protocol"]["scoring_window"]
        assert window == "sleep and 0 min of wake around it"


def test_a_night_whose_signals_cannot_be_read_is_set_aside(
    run, folder, tmp_path, monkeypatch
):
    compute = Recording.compute

    def fail(self):
        if self.id == "night1.edf" and self.pending:
            msg = "The file changed."
            raise RecordingError(msg)
        return compute(self)

    monkeypatch.setattr(Recording, "compute", fail)
    store = tmp_path / "store"
    code, text, _ = run("prepare", folder, "--out", store, "--method", "trees")
    assert code == 0
    assert "skipped  night1.edf: The file changed." in text
    assert f"{store}: 2 nights of 2 subjects" in text
    assert set(open_store(store)[0].recording) == {"night0.edf", "night2.edf"}


KILLED = """
import sys
import time
from pathlib import Path

from sleepkit.cli import main
from sleepkit.recording import Recording

compute = Recording.compute
calls = Path(sys.argv[1])


def wait(self):
    if self.id == "night1.edf" and self.pending:
        calls.touch()
        time.sleep(60)
    return compute(self)


Recording.compute = wait
main(sys.argv[2:])
"""


def test_the_same_command_goes_on_after_a_kill(run, fails, folder, tmp_path):
    store, calls = tmp_path / "store", tmp_path / "waiting"
    (tmp_path / "killed.py").write_text(KILLED)
    command = ["prepare", folder, "--out", store, "--method", "trees"]
    process = subprocess.Popen(
        [sys.executable, tmp_path / "killed.py", calls, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not calls.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    (finished,) = store.glob("night*/manifest.json")
    before = finished.stat().st_mtime_ns
    arguments = ["--out", tmp_path / "my.model", "--method", "trees"]
    words = fails("train", store, *arguments)
    assert "lacks 2 of the 3 nights that it lists (night1.edf, night2.edf)" in words
    assert run(*command)[0] == 0
    assert finished.stat().st_mtime_ns == before
    assert len(open_store(store)[0].recordings) == 3
