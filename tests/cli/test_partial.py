"""Trainings that were interrupted, and what they leave beside the model."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from sleepkit.cli import _train, main
from sleepkit.exceptions import SleepkitError
from sleepkit.persistence import load_model, model_info
from sleepkit.training import Checkpoint
from tests.cli.conftest import quick_stager

TORCH = f"torchinductor_{getpass.getuser()}"  # torch's own folder of temporary files
SAVE = Checkpoint.on_epoch_end


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small stagers are fitted in this process: others take long to start."""
    monkeypatch.setattr(_train, "count_jobs", lambda: 1)
    monkeypatch.setattr(_train, "make_stager", quick_stager)
    every_pass = partial(Checkpoint, max_share=1)
    monkeypatch.setattr("sleepkit.training.Checkpoint", every_pass)


@pytest.fixture
def stop_after(monkeypatch):
    """``stop_after(n)``: a scheduler's signal after so many training passes."""

    def stop(n_passes):
        passes = []

        def save_and_stop(self, net, **kwargs):
            SAVE(self, net, **kwargs)
            passes.append(self)
            if len(passes) == n_passes:
                os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(Checkpoint, "on_epoch_end", save_and_stop)
        return passes

    return stop


@pytest.fixture
def out(tmp_path):
    """The model file to write."""
    return tmp_path / "my.model"


def weights(path):
    module = load_model(path)[-1].module_
    return {name: w.tolist() for name, w in module.state_dict().items()}


def test_goes_on_bit_by_bit(run, folder, out, tmp_path, stop_after):
    small = [folder, "--method", "sleepmg", "--folds", 2]
    undisturbed = tmp_path / "undisturbed.model"
    passes = stop_after(None)
    assert run("train", *small, "--out", undisturbed)[0] == 0
    assert len(passes) == 2 * 3  # of two folds, and on all nights
    stop_after(3)  # in the second fold
    code, _, error = run("train", *small, "--out", out)
    assert code == 128 + signal.SIGTERM
    last = error.splitlines()[-1]
    partial = tmp_path / "my.model.partial"
    assert last.startswith("sleepkit: stopped. 1 of 2 fits are finished;")
    assert last.endswith(f"{partial} keeps what is done; --resume goes on from it.")
    assert not out.exists()
    stop_after(2)  # on all nights
    assert run("train", *small, "--out", out, "--resume")[0] == 128 + signal.SIGTERM
    passes = stop_after(None)
    assert run("train", *small, "--out", out, "--resume")[0] == 0
    assert len(passes) == 1
    assert weights(out) == weights(undisturbed)
    about, expected = model_info(out), model_info(undisturbed)
    assert about["about"] == expected["about"]
    assert sorted(path.name for path in tmp_path.glob("*.model*")) == [
        "my.model",
        "undisturbed.model",
    ]


def test_a_training_that_is_kept_is_not_lost(
    run, fails, folder, out, tmp_path, stop_after
):
    small = ["train", folder, "--out", out, "--method", "sleepmg", "--folds", 0]
    partial = tmp_path / "my.model.partial"
    stop_after(1)
    assert run(*small)[0] == 128 + signal.SIGTERM
    kept = sorted(partial.iterdir())
    assert f"{partial}: it keeps a training that was interrupted" in fails(*small)
    for changed, words in {
        ("--method", "trees"): "method",
        ("--folds", 2): "folds",
    }.items():
        words = f"{partial} keeps a training with other {words}; without"
        assert words in fails(*small, "--resume", *changed)
    (folder / "night2.edf").unlink()
    assert "a training with other nights;" in fails(*small, "--resume")
    assert sorted(partial.iterdir()) == kept
    settings = (partial / "training.json").read_text()
    for damaged in ("{", "[]"):
        (partial / "training.json").write_text(damaged)
        assert "keeps a training with other method, size" in fails(*small, "--resume")
    (partial / "training.json").write_text(settings)
    passes = stop_after(None)
    assert run(*small, "--overwrite")[0] == 0
    assert len(passes) == 2
    assert not partial.exists()


def test_resume_without_a_break_trains(run, folder, out, tmp_path):
    small = [folder, "--method", "trees", "--folds", 0]
    assert run("train", *small, "--out", out, "--resume")[0] == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["nights"]


def test_a_folder_of_another_origin_stays(fails, folder, out, tmp_path):
    mine = tmp_path / "my.model.partial"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    for more in ([], ["--resume"], ["--overwrite"]):
        words = fails("train", folder, "--out", out, *more)
        assert words == f"{mine}: it exists already, and is not of sleepkit train."
    assert (mine / "thesis.txt").read_text() == "all of it"


def test_what_would_fail_again_is_not_kept(fails, folder, out, tmp_path, monkeypatch):
    def fail(*_):
        msg = "The training diverged."
        raise SleepkitError(msg)

    monkeypatch.setattr(_train, "fit_all", fail)
    small = ["train", folder, "--out", out, "--method", "trees", "--folds", 0]
    assert fails(*small) == "The training diverged."
    assert not (tmp_path / "my.model.partial").exists()


def test_two_at_once(fails, folder, out, monkeypatch):
    fit_all = _train.fit_all
    words = []

    def fit_twice(*arguments):
        monkeypatch.setattr(_train, "fit_all", fit_all)
        words.append(fails(*small, "--resume"))
        words.append(fails(*small, "--overwrite"))
        return fit_all(*arguments)

    monkeypatch.setattr(_train, "fit_all", fit_twice)
    small = ["train", folder, "--out", out, "--method", "trees", "--folds", 0]
    assert main([str(argument) for argument in small]) == 0
    busy = "my.model.partial: another sleepkit train is at work on this model."
    assert [text.endswith(busy) for text in words] == [True, True]


def test_with_a_cache_the_same_command_goes_on(run, folder, out, tmp_path, stop_after):
    cache = tmp_path / "cache"
    small = ["train", folder, "--out", out, "--method", "sleepmg", "--folds", 0]
    stop_after(1)
    assert run(*small, "--cache", cache)[0] == 128 + signal.SIGTERM
    passes = stop_after(None)
    assert run(*small, "--cache", cache)[0] == 0
    assert len(passes) == 1
    assert not (tmp_path / "my.model.partial").exists()
    assert "callbacks" not in model_info(out).get("left_out", ())


def ends(group, seconds=30):
    """Whether the last process of a group ends within some time."""
    for _ in range(10 * seconds):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def start(folder, out, tmp_path):
    """``start(folds)``: a process that has kept a training pass."""

    def run(folds):
        command = [sys.executable, "-m", "sleepkit", "train", folder, "--out", out]
        command += ["--method", "sleepmg", "--folds", str(folds)]
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary)}
        environment["JOBLIB_TEMP_FOLDER"] = str(temporary)
        options = {"env": environment, "start_new_session": True, "text": True}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, **options)
        while not list((tmp_path / "my.model.partial").glob("*.checkpoint")):
            assert process.poll() is None
            time.sleep(0.05)
        return process

    return run


@pytest.mark.slow
@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_a_scheduler_stops_all_processes(start, tmp_path, kill):
    process = start(3)
    kill(process.pid, signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, error
    assert "Traceback" not in error
    assert "--resume goes on from it" in error
    assert ends(process.pid)
    assert {path.name for path in (tmp_path / "tmp").iterdir()} <= {TORCH}


@pytest.mark.slow
def test_goes_on_after_a_kill(start, out, tmp_path):
    process = start(0)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    undisturbed = tmp_path / "undisturbed.model"
    for rest in (["--resume"], ["--out", undisturbed]):
        subprocess.run([*process.args, *rest], check=True)
    assert weights(out) == weights(undisturbed)
    assert not (tmp_path / "my.model.partial").exists()
