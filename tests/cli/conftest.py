"""Fixtures: nights as files, and models trained on simulated ones."""

from __future__ import annotations

import shutil
from datetime import datetime

import edfio
import numpy as np
import pytest

from sleepkit.cli import main
from sleepkit.datasets import make_polysomnography
from sleepkit.io import write_hypnogram
from sleepkit.persistence import save_model
from sleepkit.pipelines import make_stager
from sleepkit.recording import EpochArray

LABELS = {"eeg": "C4-M1", "eog": "E1-M2", "emg": "Chin", "ecg": "ECG"}
START = datetime(2001, 2, 3, 22, 30)


@pytest.fixture(scope="session")
def cohort():
    """Half an hour of each of four subjects."""
    return make_polysomnography(
        4, hours=0.5, modalities=("eeg", "eog", "emg"), noise=0, random_state=1
    )[0].recordings


@pytest.fixture(scope="session")
def write_night():
    """``write_night(path, recording, labels=LABELS)``: EDF, one channel a modality."""

    def write(path, recording, labels=LABELS, unit="uV"):
        channels = [
            edfio.EdfSignal(
                signal.data[0].astype(float),
                signal.sfreq,
                label=labels[name],
                physical_dimension=unit,
            )
            for name, signal in recording.signals.items()
            if name in labels
        ]
        about = edfio.Recording(startdate=START.date())
        edfio.Edf(channels, recording=about, starttime=START.time()).write(path)
        return path

    return write


@pytest.fixture(scope="session")
def scored_nights(tmp_path_factory, cohort, write_night):
    """Scored nights of three subjects, to be copied."""
    nights = tmp_path_factory.mktemp("scored")
    for i, recording in enumerate(cohort[:3]):
        write_night(nights / f"night{i}.edf", recording)
        write_hypnogram(nights / f"night{i}.csv", recording.hypnogram)
    return nights


@pytest.fixture
def folder(tmp_path, scored_nights):
    """Scored nights of three subjects."""
    return shutil.copytree(scored_nights, tmp_path / "nights")


@pytest.fixture
def noisy_folder(tmp_path, cohort, write_night):
    """Scored nights of three subjects, all of them white noise."""
    rng = np.random.default_rng(0)
    nights = tmp_path / "noisy"
    nights.mkdir()
    for i, recording in enumerate(cohort[:3]):
        noise = {
            name: signal.replace(data=rng.normal(0, 50, signal.shape))
            for name, signal in recording.signals.items()
        }
        write_night(nights / f"night{i}.edf", recording.with_signals(noise))
        write_hypnogram(nights / f"night{i}.csv", recording.hypnogram)
    return nights


METHODS = ("medfusesleep", "sleepmg")


def quick_stager(name, **options):
    """A stager whose net is trained for two epochs, or whose trees are few."""
    size = {"stage__max_epochs": 2}
    if name == "trees":
        size = {"stage__estimator__max_iter": 5}
    return make_stager(name, **options).set_params(**size)


@pytest.fixture(scope="session")
def save_quick(tmp_path_factory, cohort):
    """``save_quick(method)``: a model file as `sleepkit train` writes it, made once."""
    folder = tmp_path_factory.mktemp("models")
    X = EpochArray(cohort[:3])

    def write(method):
        path = folder / f"{method}.model"
        if not path.exists():
            stager = quick_stager(method, random_state=0).fit(X, X.hypnogram)
            about = {"method": method, "modalities": ["eeg", "eog", "emg"]}
            save_model(stager, path, about=about)
        return path

    return write


@pytest.fixture(params=METHODS)
def each_model(request, save_quick):
    """The model file of each method."""
    return save_quick(request.param)


@pytest.fixture
def model(save_quick):
    """The model file that takes the least time."""
    return save_quick("trees")


@pytest.fixture
def run(capsys):
    """``run(*arguments)``: exit code, standard output and standard error."""

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def fails(run):
    """``fails(*arguments)``: the one line that a mistake gives, after "sleepkit: "."""

    def call(*arguments):
        code, _, error = run(*arguments)
        assert code == 1
        *notes, last = error.splitlines()
        assert all(note.startswith("note: ") for note in notes)
        assert last.startswith("sleepkit: ")
        return last.removeprefix("sleepkit: ")

    return call
