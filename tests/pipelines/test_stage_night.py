from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from sleepkit.exceptions import RecordingError
from sleepkit.pipelines import stage_night
from sleepkit.preprocessing import QualityMask
from sleepkit.recording import Signal, as_epoch_array


class Loudness(ClassifierMixin, BaseEstimator):
    """A stager that takes an epoch for N3 where its valid signals are strong."""

    classes_ = np.array([0, 3])

    def __init__(self, any_subset=True):
        self.any_subset = any_subset
        self.seen = []

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, night):
        rows = as_epoch_array(night)
        valid = rows.valid
        self.seen.append({name: mask.copy() for name, mask in valid.items()})
        spread = np.zeros(len(rows))
        for name, signal in rows.recordings[0].signals.items():
            sd = signal.data.reshape(len(rows), -1).std(axis=1)
            spread += np.where(valid[name], np.nan_to_num(sd), 0)
        strong = 0.6 + 0.2 * (spread > 40)
        return np.stack([1 - strong, strong], axis=1)


def change(night, name, epochs, value):
    """Set epochs of a modality to a value."""
    signal = night.signals[name]
    data = np.array(signal.data)
    for epoch in epochs:
        n_times = data.shape[1] // night.n_epochs
        data[:, epoch * n_times : (epoch + 1) * n_times] = value
    changed = Signal(data, signal.sfreq, signal.ch_names)
    return night.with_signals({**night.signals, name: changed})


def pipeline(classifier):
    mask = QualityMask(only=("eeg", "eog")).fit(np.zeros((1, 10)))
    return Pipeline([("quality", mask), ("stage", classifier)])


@pytest.fixture
def night(make_night):
    """Six epochs: 2 is flat in EEG and EOG, 3 in the EOG, 4 missing in both."""
    recording = make_night(6, start=None)
    for name, epochs, value in (
        ("eeg", [2], 0),
        ("eog", [2, 3], 0),
        ("eeg", [4], np.nan),
        ("eog", [4], np.nan),
    ):
        recording = change(recording, name, epochs, value)
    return recording


def test_epochs_of_bad_signal_are_staged_and_flagged(night):
    stager = pipeline(Loudness())
    staged = stage_night(stager, night)
    assert staged.flagged.tolist() == [False, False, True, False, False, False]
    assert staged.hypnogram.stages.tolist() == [3, 3, 3, 3, -1, 3]
    assert np.isnan(staged.hypnogram.probabilities[4]).all()
    assert staged.confidence[[0, 2, 3]].tolist() == [0.6, 0.6, 0.6]
    assert staged.hypnogram.probabilities[0].tolist() == [0.4, 0, 0, 0.6, 0]


def test_the_mask_is_lifted_from_flagged_epochs_only(night):
    stager = pipeline(Loudness())
    stage_night(stager, night)
    masked, lifted = stager["stage"].seen
    assert masked["eog"].tolist() == [True, True, False, False, False, True]
    assert lifted["eog"].tolist() == [True, True, True, False, False, True]
    assert lifted["eeg"].tolist() == [True, True, True, True, False, True]


def test_a_stager_that_needs_all_modalities(night):
    staged = stage_night(pipeline(Loudness(any_subset=False)), night)
    assert staged.flagged.tolist() == [False, False, True, True, False, False]
    assert staged.hypnogram.stages.tolist() == [3, 3, 3, 3, -1, 3]


def test_a_stager_without_a_mask_gets_the_signals_as_they_are(night):
    stager = Loudness()
    staged = stage_night(stager, night)
    assert len(stager.seen) == 1
    assert staged.flagged.tolist() == [False, False, True, False, False, False]
    assert staged.hypnogram.stages[4] == -1


def test_a_night_that_is_bad_throughout_is_flagged_throughout(make_night):
    night = make_night(4, ("eeg",))
    faint = change(night, "eeg", range(4), 0.1 * np.random.default_rng(0).random(3000))
    staged = stage_night(pipeline(Loudness()), faint)
    assert staged.flagged.all()
    assert (staged.hypnogram.stages >= 0).all()


def test_no_signal_at_all(make_night):
    dead = change(make_night(4, ("eeg",)), "eeg", range(4), 0)
    with pytest.raises(RecordingError, match="No epoch of 'night0' has a usable"):
        stage_night(pipeline(Loudness()), dead)


def test_epochs_that_the_caller_marked_stay_unscored(make_night):
    night = make_night(4, ("eeg",))
    eeg = night.signals["eeg"].replace(valid=[True, False, True, True])
    staged = stage_night(pipeline(Loudness()), night.with_signals({"eeg": eeg}))
    assert staged.hypnogram.stages.tolist() == [3, -1, 3, 3]
    assert not staged.flagged.any()
