"""What is implausible in a staged night, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.hypnogram import Hypnogram
from sleepkit.pipelines import StagedNight, TrainingReference, staging_warnings
from sleepkit.recording import Signal


def staged(stages, confidence=0.9, flagged=False):
    """A staged night of these stages."""
    stages = np.asarray(stages)
    proba = np.full((len(stages), 5), (1 - confidence) / 4)
    scored = stages >= 0
    proba[scored, stages[scored]] = confidence
    proba[~scored] = np.nan
    flags = np.full(len(stages), flagged)
    return StagedNight(Hypnogram(stages, probabilities=proba), flags)


USUAL = np.repeat([0, 1, 2, 3, 2, 4, 2], 20)


@pytest.mark.parametrize(
    ("night", "words"),
    [
        (staged(USUAL), []),
        (staged([0] * 60), ["W fills 100% of"]),
        (staged([2] * 58 + [-1, 1]), ["N2 fills 98% of"]),
        (staged([0] * 30), []),  # a quarter of an hour
        (staged(np.repeat([0, 1, 3, 4], 40)), ["no N2 in 1.0 hours of sleep"]),
        (staged(np.repeat([0, 1, 4], 30)), []),
        (staged(np.tile([0, 2], 30)), ["118 transitions an hour"]),
        (staged(USUAL, flagged=True), ["100% of the epochs failed the quality"]),
        (staged([-1, -1]), []),
    ],
)
def test_stages(night, words):
    found = staging_warnings(night)
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


@pytest.fixture(scope="module")
def nights():
    return make_polysomnography(3, hours=0.5, modalities=("eeg",), random_state=0)[0]


@pytest.fixture(scope="module")
def reference(nights):
    return TrainingReference.measure(nights[:120], [0.8, 0.82, 0.78])


def test_confidence(reference):
    assert staging_warnings(staged(USUAL, 0.8), None, reference) == []
    (text,) = staging_warnings(staged(USUAL, 0.6), None, reference)
    assert text.startswith("The mean confidence is 0.60, far below the 0.80 of")


def changed(night, change):
    eeg = night.load().signals["eeg"]
    data = np.array(eeg.data)
    return night.with_signals({"eeg": Signal(change(data), eeg.sfreq, eeg.ch_names)})


def test_a_held_out_night_is_near(nights, reference):
    assert staging_warnings(staged(USUAL), nights.recordings[2], reference) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda data: 1e6 * data,
        lambda data: 1e-3 * data,
        lambda data: 20 * np.random.default_rng(0).normal(size=data.shape),
        lambda data: 0 * data,
    ],
    ids=["1e6", "millivolts", "noise", "flat"],
)
def test_far_signals(nights, reference, change):
    night = changed(nights.recordings[2], change)
    (text,) = staging_warnings(staged(USUAL), night, reference)
    assert text.startswith("eeg: ")
    assert "check channel and unit" in text


def test_an_ecg_as_eeg(reference):
    X, _, _ = make_polysomnography(1, hours=0.5, modalities=("ecg",), random_state=0)
    (night,) = X.recordings
    night = night.with_signals({"eeg": night.load().signals["ecg"]})
    (text,) = staging_warnings(staged(USUAL), night, reference)
    assert text.startswith("eeg: ")


def test_short_nights_and_low_rates():
    X, _, _ = make_polysomnography(1, hours=0.25, modalities="eeg", random_state=0)
    reference = TrainingReference.measure(X, [0.5])
    night = X.recordings[0].load()
    slow = Signal(night.signals["eeg"].data[:, ::5], 20)
    found = staging_warnings(
        staged(USUAL[:30]), night.with_signals({"eeg": slow}), reference
    )
    assert "The night lasts 15 min; training nights were of 20 min or more." in found
    assert any(text.startswith("eeg: it is sampled at 20 Hz") for text in found)
