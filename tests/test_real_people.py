"""Staging real people: by others of them, and by simulated people only.

Five EEG recordings of 30 to 84 minutes, at 50 to 200 Hz: four patients of the DREAMS
spindle database, with insomnia or movement disorders, and one sleeper of pyDYNAM-O.
Scored on all of their scored epochs; the kappa is pooled over people.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import (
    LeaveOneGroupOut,
    cross_val_predict,
    cross_val_score,
)

from sleepkit.cli._stager import make_stager
from sleepkit.datasets import make_polysomnography
from sleepkit.io import read_hypnogram, read_recording
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import BANDS

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def X(real_data):
    """The five people in one EpochArray."""
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


@pytest.fixture(scope="module")
def stager():
    """The pipeline of the command, without bands that 50 Hz cannot hold."""
    bands = {name: (low, min(high, 24)) for name, (low, high) in BANDS.items()}
    del bands["gamma"]
    return make_stager().set_params(power__bands=bands)


def read_dreams(folder, number):
    path = folder / f"Hypnogram_excerpt{number}.txt"
    return read_hypnogram(path, scheme="dreams", label_duration=5)


def from_text(subject, samples, sfreq, hypnogram):
    """A night of one EEG channel in microvolts, as long as its hypnogram."""
    samples = samples[: len(hypnogram) * 30 * sfreq]
    signals = {"eeg": Signal(samples[np.newaxis], sfreq)}
    return Recording(id=subject, subject=subject, signals=signals, hypnogram=hypnogram)


def report(title, X, predicted):
    """Print and return the pooled kappa, beside that of each person."""
    people = {
        subject: cohen_kappa_score(
            X.hypnogram[X.subject == subject], predicted[X.subject == subject]
        )
        for subject in np.unique(X.subject).tolist()
    }
    kappa = cohen_kappa_score(X.hypnogram, predicted)
    each = ", ".join(f"{name} {value:.3f}" for name, value in people.items())
    print(f"{title}: kappa {kappa:.3f} pooled over {len(X)} epochs ({each})")
    return kappa


def test_the_people(X):
    assert len(np.unique(X.subject)) == 5
    assert len(X) == 407
    rates = {night.signals["eeg"].sfreq for night in X.recordings}
    assert rates == {50, 100, 200}
    assert np.bincount(X.hypnogram).tolist() == [36, 38, 226, 81, 26]


def test_staged_by_the_others(X, stager):
    split = {"groups": X.subject, "cv": LeaveOneGroupOut()}
    predicted = cross_val_predict(stager, X, X.hypnogram, **split)
    assert report("leave one person out", X, predicted) > 0.3
    scores = cross_val_score(stager, X, X.hypnogram, scoring="accuracy", **split)
    right = [
        np.mean((predicted == X.hypnogram)[X.subject == subject])
        for subject in np.unique(X.subject)
    ]
    np.testing.assert_allclose(scores, right)


def test_staged_by_simulated_people(X, stager):
    # Two hours each: features relative to the night need nights of about equal length.
    simulated, y, _ = make_polysomnography(
        24, hours=2, modalities="eeg", random_state=0
    )
    predicted = stager.fit(simulated, y).predict(X)
    assert report("simulated people only", X, predicted) > 0.4
