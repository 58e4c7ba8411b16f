"""Thousands of broken files: each gives a result or an error in words.

A few of each run always, the rest with ``-m slow``. A fault is listed with the number
of its mutant, by which it can be made again.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.cli import main
from sleepkit.exceptions import SleepkitError
from sleepkit.io import describe_channels, read_hypnogram, read_recording
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.preprocessing import SpectrumScaler
from tests.hostile import edf, models, stages
from tests.hostile.outcome import faults

LONG = pytest.mark.slow


def numbers(few, many):
    """First seed and count of the short run and of the long one."""
    return pytest.mark.parametrize(
        ("first", "count"),
        [(0, few), pytest.param(few, many, marks=LONG)],
        ids=["short", "long"],
    )


def rngs(first, count):
    return (np.random.default_rng(seed) for seed in range(first, first + count))


def read_night(path):
    """Read all that the public readers read of a recording."""
    with contextlib.suppress(SleepkitError):
        read_hypnogram(path)
    describe_channels(path)
    for hypnogram in (None, "annotations"):
        with contextlib.suppress(SleepkitError):
            night = read_recording(path, on_gap="fill", hypnogram=hypnogram)
            for signal in night.signals.values():
                np.asarray(signal.data)
    read_recording(path)


@numbers(20, 5_000)
def test_recordings(first, count, tmp_path):
    path = tmp_path / "night.edf"
    mutants = ((path, edf.mutant(rng)) for rng in rngs(first, count))
    assert faults(read_night, mutants) == {}


def read_stages(path):
    """Read the stages of all scorers, and those of integers by a scheme."""
    with contextlib.suppress(SleepkitError):
        read_hypnogram(path, scorer="all")
    read_hypnogram(path, scheme="rk")


@numbers(40, 10_000)
def test_stage_files(first, count, tmp_path):
    named = (stages.mutant(rng) for rng in rngs(first, count))
    mutants = ((tmp_path / name, content) for name, content in named)
    assert faults(read_stages, mutants) == {}


@pytest.mark.parametrize("name", stages.PLAIN)
def test_the_plain_stage_files_are_read(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(stages.PLAIN[name])
    assert sum(map(len, read_hypnogram(path, scorer="all").values())) >= 12


@pytest.fixture(scope="module")
def models_of_all_kinds(tmp_path_factory):
    """Content of model files: of trees, of a line, and of a small net."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), rng.integers(0, 5, 60)
    trees = HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=4)
    net = MedFuseSleepClassifier(
        sequence_length=5,
        d_model=8,
        n_heads=2,
        n_layers=1,
        dim_feedforward=8,
        d_head=4,
        max_epochs=1,
        random_state=0,
    )
    path = tmp_path_factory.mktemp("models") / "stager.model"
    contents = []
    for estimator in (
        make_pipeline(SpectrumScaler(), trees),
        LogisticRegression(),
        net,
    ):
        save_model(estimator.fit(X, y), path)
        contents.append(path.read_bytes())
    return contents


def read_model(path):
    with contextlib.suppress(SleepkitError):
        model_info(path)
    load_model(path)


@numbers(12, 2_000)
def test_models(first, count, models_of_all_kinds, tmp_path):
    path = tmp_path / "stager.model"
    kinds = models_of_all_kinds
    mutants = (
        (path, models.mutant(rng, kinds[number % len(kinds)]))
        for number, rng in enumerate(rngs(first, count))
    )
    assert faults(read_model, mutants) == {}


@numbers(3, 300)
def test_commands(first, count, models_of_all_kinds, tmp_path, capsys):
    """The command ends with an exit code and a message, whatever it gets."""
    night, model = tmp_path / "night.edf", tmp_path / "stager.model"

    def run(_):
        main(["info", str(night)])
        out = ["--model", str(model), "--out", str(tmp_path / "out")]
        assert main(["stage", str(night), *out]) in (0, 1)
        assert "Traceback" not in capsys.readouterr().err

    mutants = []
    for rng in rngs(first, count):
        mutants.append((night, edf.mutant(rng)))
        mutants.append((model, models.mutant(rng, models_of_all_kinds[-1])))
    night.write_bytes(edf.PLAIN[0])
    model.write_bytes(models_of_all_kinds[-1])
    assert faults(run, mutants) == {}
