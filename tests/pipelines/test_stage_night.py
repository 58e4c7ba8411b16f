from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from sleepkit.datasets import make_polysomnography
from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.pipelines import StagedNight, stage_night
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
        n_times = round(signal.sfreq * night.epoch_duration)
        data[:, epoch * n_times : (epoch + 1) * n_times] = value
    changed = Signal(data, signal.sfreq, signal.ch_names)
    return night.with_signals({**night.signals, name: changed})


def pipeline(classifier):
    mask = QualityMask(only=("eeg", "eog")).fit(np.zeros((1, 10)))
    return Pipeline([("quality", mask), ("stage", classifier)])


@pytest.fixture(scope="module")
def good_night():
    """Thirty epochs of EEG and EOG, all of them good."""
    names = ("eeg", "eog")
    X, _, _ = make_polysomnography(
        2, hours=0.25, modalities=names, noise=0, random_state=1
    )
    return X.recordings[0].load()


@pytest.fixture
def night(good_night):
    """Epoch 2 is flat in EEG and EOG, 3 in the EOG, and 4 is missing in both."""
    changed = good_night
    for name, epochs, value in (
        ("eeg", [2], 0),
        ("eog", [2, 3], 0),
        ("eeg", [4], np.nan),
        ("eog", [4], np.nan),
    ):
        changed = change(changed, name, epochs, value)
    return changed


def numbers(marked):
    """Numbers of the marked epochs."""
    return np.flatnonzero(marked).tolist()


def test_epochs_of_bad_signal_are_staged_and_flagged(night):
    stager = pipeline(Loudness())
    staged = stage_night(stager, night)
    assert numbers(staged.flagged) == [2]
    assert numbers(staged.hypnogram.stages == -1) == [4]
    assert np.isnan(staged.hypnogram.probabilities[4]).all()
    p_n3 = staged.hypnogram.probabilities[:, 3]
    assert staged.hypnogram.probabilities[0].tolist() == [1 - p_n3[0], 0, 0, p_n3[0], 0]
    np.testing.assert_array_equal(staged.confidence, p_n3)


def test_the_mask_is_lifted_from_flagged_epochs_only(night):
    stager = pipeline(Loudness())
    stage_night(stager, night)
    masked, lifted = stager["stage"].seen
    assert numbers(~masked["eog"]) == [2, 3, 4]
    assert numbers(~lifted["eog"]) == [3, 4]
    assert numbers(~lifted["eeg"]) == [4]


def test_a_stager_that_needs_all_modalities(night):
    staged = stage_night(pipeline(Loudness(any_subset=False)), night)
    assert numbers(staged.flagged) == [2, 3]
    assert numbers(staged.hypnogram.stages == -1) == [4]


def test_a_stager_without_a_mask_gets_the_signals_as_they_are(night):
    stager = Loudness()
    staged = stage_night(stager, night)
    assert len(stager.seen) == 1
    assert numbers(staged.flagged) == [2]
    assert staged.hypnogram.stages[4] == -1


def test_a_night_that_is_bad_throughout_is_flagged_throughout(good_night):
    noise = 0.1 * np.random.default_rng(0).random(3000)
    faint = good_night
    for name in ("eeg", "eog"):
        faint = change(faint, name, range(30), noise)
    staged = stage_night(pipeline(Loudness()), faint)
    assert staged.flagged.all()
    assert (staged.hypnogram.stages >= 0).all()


def test_no_signal_at_all(good_night):
    dead = good_night
    for name in ("eeg", "eog"):
        dead = change(dead, name, range(30), 0)
    with pytest.raises(RecordingError, match="has a usable signal: all are missing or"):
        stage_night(pipeline(Loudness()), dead)


def test_epochs_that_the_caller_marked_stay_unscored(good_night):
    valid = np.arange(30) != 1
    signals = {"eeg": good_night.signals["eeg"].replace(valid=valid)}
    staged = stage_night(pipeline(Loudness()), good_night.with_signals(signals))
    assert numbers(staged.hypnogram.stages == -1) == [1]
    assert not staged.flagged.any()


def test_missing_epochs_of_a_modality_that_is_not_checked(good_night):
    night = change(good_night, "eog", [4, 5], np.nan)
    mask = QualityMask(only=()).fit(np.zeros((1, 10)))
    stager = Pipeline([("quality", mask), ("stage", Loudness())])
    alone = night.with_signals({"eog": night.signals["eog"]})
    staged = stage_night(stager, alone)
    assert numbers(staged.hypnogram.stages == -1) == [4, 5]
    assert not staged.flagged.any()
    assert (stage_night(stager, night).hypnogram.stages >= 0).all()


def test_doubtful_epochs_come_in_the_order_to_review_them():
    """Flagged ones first, then the least confident; sure and unscored ones never."""
    sure, vague, vaguer = [0.9, 0.1], [0.45, 0.35], [0.4, 0.4]
    proba = np.array([vague, sure, [np.nan] * 2, vaguer, sure])
    proba = np.column_stack(
        [proba, (1 - proba.sum(axis=1))[:, np.newaxis] * [[0.5, 0.25, 0.25]]]
    )
    night = Hypnogram([0, 0, -1, 0, 0], probabilities=proba)
    flagged = np.array([False, False, False, False, True])
    assert StagedNight(night, flagged).doubtful.tolist() == [4, 3, 0]


def test_stages_without_probabilities_have_no_confidence():
    staged = StagedNight(Hypnogram([0, 2, 2]), np.array([False, True, False]))
    assert np.isnan(staged.confidence).all()
    assert staged.doubtful.tolist() == [1]


def test_tables_of_a_staged_night():
    sure, unsure = [0.9, 0.1, 0, 0, 0], [0, 0.4, 0.6, 0, 0]
    night = Hypnogram([0, 2], probabilities=[sure, unsure], scorer="<A>")
    staged = StagedNight(night, np.array([False, True]))
    page = ET.fromstring(staged._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert rows[-2:] == [["flagged", "1"], ["doubtful", "1"]]
    assert page.find(".//svg") is not None
    pytest.importorskip("pandas")
    frame = staged.to_frame()
    assert frame["stage"].tolist() == ["W", "N2"]
    assert frame["confidence"].tolist() == [0.9, 0.6]
    assert frame["flagged"].tolist() == [False, True]
