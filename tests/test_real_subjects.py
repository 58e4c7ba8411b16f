"""Staging real subjects: by themselves, by others of them, by simulated subjects only.

Five EEG recordings of 30 to 84 minutes, at 50 to 200 Hz: four patients of the DREAMS
spindle database, with insomnia or movement disorders, and one sleeper of pyDYNAM-O.
Scored on all of their scored epochs; the kappa is pooled over subjects.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import LeaveOneGroupOut

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging, evaluate_staging
from sleepkit.io import read_hypnogram, read_recording
from sleepkit.pipelines import make_stager
from sleepkit.preprocessing import SignalScaler
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import BANDS

pytestmark = pytest.mark.real

BANDS_BELOW_25_HZ = {
    name: (low, min(high, 24)) for name, (low, high) in BANDS.items() if name != "gamma"
}
FEW_NIGHTS = {  # so few epochs take more passes
    "trees": {"power__bands": BANDS_BELOW_25_HZ},  # one recording has 50 Hz
    "medfusesleep": {"stage__max_epochs": 100},
    "sleepmg": {"stage__max_epochs": 30},
}


def methods(*, trees, medfuse, mg):
    """Each method with the kappa that it must exceed; the nets take minutes."""
    return [
        ("trees", trees),
        pytest.param("medfusesleep", medfuse, marks=pytest.mark.slow),
        pytest.param("sleepmg", mg, marks=pytest.mark.slow),
    ]


@pytest.fixture(scope="module")
def X(real_data):
    """The five subjects in one EpochArray."""
    dreams, pydynamo = real_data / "dreams", real_data / "pydynamo"
    nights = [
        from_text(
            f"dreams:{number}",
            np.loadtxt(dreams / f"excerpt{number}.txt", skiprows=1),
            sfreq,
            read_dreams(dreams, number),
        )
        for number, sfreq in ((1, 100), (2, 200), (4, 200))
    ]
    third = read_recording(
        dreams / "excerpt3.edf",
        channels={"eeg": ["C3-A1"]},
        hypnogram=read_dreams(dreams, 3),
        subject="dreams:3",
    )
    stages = read_hypnogram(pydynamo / "segment_stages.csv", scheme="pydynamo")
    samples = np.loadtxt(pydynamo / "segment_data.csv")
    nights += [third, from_text("pydynamo:1", samples, 100, stages)]
    return EpochArray(nights)


@pytest.fixture
def stager(method, tmp_path):
    """A pipeline of the command, fit for a few short recordings of one EEG channel."""
    return make_stager(method, cache=tmp_path, random_state=0).set_params(
        **FEW_NIGHTS[method]
    )


def read_dreams(folder, number):
    path = folder / f"Hypnogram_excerpt{number}.txt"
    return read_hypnogram(path, scheme="dreams", label_duration=5)


def from_text(subject, samples, sfreq, hypnogram):
    """A night of one EEG channel in microvolts, as long as its hypnogram."""
    samples = samples[: len(hypnogram) * 30 * sfreq]
    signals = {"eeg": Signal(samples[np.newaxis], sfreq)}
    return Recording(id=subject, subject=subject, signals=signals, hypnogram=hypnogram)


def report(title, result):
    """Print and return the pooled kappa, beside that of each subject."""
    scores = result.scores("subject")
    each = ", ".join(
        f"{name} {kappa:.3f}"
        for name, kappa in zip(scores["subject"], scores["kappa"], strict=True)
    )
    (kappa,), (n,) = (result.scores()[name] for name in ("kappa", "n_epochs"))
    (method,) = result.estimators
    print(f"{method}, {title}: kappa {kappa:.3f} pooled over {n} epochs ({each})")
    return kappa


def test_the_subjects(X):
    assert len(np.unique(X.subject)) == 5
    assert len(X) == 407
    rates = {night.signals["eeg"].sfreq for night in X.recordings}
    assert rates == {50, 100, 200}
    assert np.bincount(X.hypnogram).tolist() == [36, 38, 226, 81, 26]


@pytest.mark.filterwarnings("ignore:.*epochs have no valid signal")
@pytest.mark.parametrize(("method", "floor"), methods(trees=0.3, medfuse=0.2, mg=0.3))
def test_staged_by_the_others(X, method, stager, floor):
    y = X.hypnogram
    result = cross_validate_staging({method: stager}, X, y, cv=LeaveOneGroupOut())
    assert report("leave one subject out", result) > floor


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*epochs have no valid signal")
def test_one_modality_has_nothing_to_balance(X, tmp_path):
    # Its coefficient is tanh(1) in every step, which Adam divides out again.
    stager = make_stager("sleepmg", cache=tmp_path, random_state=0).set_params(
        **FEW_NIGHTS["sleepmg"]
    )
    naive = clone(stager).set_params(stage__balance=())
    pair = {"SleepMG": stager, "NaiveMG": naive}
    result = cross_validate_staging(pair, X, X.hypnogram, cv=LeaveOneGroupOut())
    found = result.compare("SleepMG", "NaiveMG")
    print(f"{result}\n{found}")
    assert abs(found.difference) < 0.05


@pytest.mark.filterwarnings("ignore:.*epochs have no valid signal")
@pytest.mark.parametrize(("method", "floor"), methods(trees=0.4, medfuse=0.3, mg=0.4))
def test_staged_by_simulated_subjects(X, method, tmp_path, floor):
    # Two hours each: features relative to the night need nights of about equal length.
    simulated, y, _ = make_polysomnography(
        24, hours=2, modalities="eeg", random_state=0
    )
    stager = make_stager(method, cache=tmp_path, random_state=0)
    if method == "trees":
        stager.set_params(**FEW_NIGHTS[method])
    stager.fit(simulated, y)
    result = evaluate_staging({method: stager}, X, X.hypnogram)
    assert report("simulated subjects only", result) > floor


def test_four_modalities_of_one_subject(real_data):
    dreams = real_data / "dreams"
    night = read_recording(dreams / "excerpt3.edf", hypnogram=read_dreams(dreams, 3))
    X = SignalScaler().fit_transform(EpochArray([night]))
    stager = SleepMGClassifier(
        epoch_duration=30,
        batch_size=20,
        max_epochs=15,
        validation_fraction=0,
        n_threads=1,
        random_state=0,
    )
    stager.fit(X, X.hypnogram)
    channels = {"eeg": 3, "eog": 2, "emg": 1, "ecg": 1}
    assert stager.layout_ == {name: (n, 50 * 30) for name, n in channels.items()}
    assert stager.n_domains_ == 0  # one subject has no other
    losses = stager.net_.history[:, "train_loss"]
    assert losses[-1] < losses[0] / 2
    trained = stager.score(X, X.hypnogram)
    print(f"one subject, four modalities: accuracy {trained:.3f} in training")
    assert trained > np.mean(X.hypnogram == 2)  # more than N2 throughout
    for name in channels:
        assert stager.predict(X.select([name])).shape == (60,)
