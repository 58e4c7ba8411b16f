from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.recording import (
    EpochArray,
    Signal,
    as_epoch_array,
    concatenate,
    is_epoch_like,
)


@pytest.fixture
def X(make_night):
    """Rows 0 to 11, four of each of three nights."""
    return EpochArray(make_night(4, sfreq=2.0, seed=seed) for seed in range(3))


def rows(X):
    mask = X.train_mask.tolist()
    return list(zip(X.recording.tolist(), X.epoch.tolist(), mask, strict=True))


def test_rows_follow_each_other_and_shared_nights_merge(X):
    a, b = X[[8, 0, 1]], X[[1, 11, 4]].with_train_mask(np.array([False, True, False]))
    both = concatenate([a, b])
    assert rows(both) == rows(a) + rows(b)
    assert [r.id for r in both.recordings] == ["night0", "night2", "night1"]
    assert {id(r) for r in both.recordings} == {id(r) for r in X.recordings}
    np.testing.assert_array_equal(
        np.asarray(both), np.concatenate([np.asarray(a), np.asarray(b)])
    )


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_a_shuffled_view_make_it_whole(X, seed):
    shuffled = X[np.random.default_rng(seed).permutation(len(X))]
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(X), 3))
    parts = [shuffled[part] for part in np.split(np.arange(len(X)), cuts)]
    assert rows(concatenate(parts)) == rows(shuffled)


def test_equal_nights_from_two_places_merge(make_night):
    a, b = (EpochArray(make_night(4, sfreq=2.0)) for _ in range(2))
    assert a.recordings[0] is not b.recordings[0]
    assert len(concatenate([a, b]).recordings) == 1


def test_unscored_rows_stay(make_night):
    night = make_night(3, sfreq=2.0, hypnogram=[0, -1, -1])
    everything = EpochArray(night, include_unscored=True)
    assert concatenate([everything, EpochArray(night)]).epoch.tolist() == [0, 1, 2, 0]


def test_different_nights_of_one_id_are_refused(X, make_night, scale):
    other_values = EpochArray(make_night(4, sfreq=2.0, seed=9, id="night1"))
    other_stages = EpochArray(make_night(4, sfreq=2.0, seed=1, hypnogram=[0] * 4))
    for other in (other_values, other_stages, X.map(scale())[4:5]):
        with pytest.raises(RecordingError, match="'night1' names two that differ"):
            concatenate([X, other])


def test_epochs_of_other_lengths_are_refused(X, make_night):
    short = EpochArray(make_night(4, sfreq=2.0, seed=9, epoch_duration=15.0))
    with pytest.raises(RecordingError, match=r"epochs of \[15.0, 30.0\] s"):
        concatenate([X, short])


@pytest.fixture
def cohorts(make_night):
    """Two cohorts: EEG, EOG and EMG at 4 Hz, and EEG alone at 2 Hz of two channels."""
    first, second = (
        make_night(3, names, sfreq=rate, seed=seed, id=f"{cohort}:1", subject=subject)
        for seed, (cohort, subject, names, rate) in enumerate(
            [
                ("shhs", "shhs:1", ("eeg", "eog", "emg"), 4.0),
                ("mass", "mass:1", ("eeg",), 2.0),
            ]
        )
    )
    both = Signal(np.repeat(second.signals["eeg"].data, 2, axis=0), 2.0)
    return EpochArray([first]), EpochArray([second.with_signals({"eeg": both})])


def test_what_a_cohort_lacks_is_missing(cohorts):
    both = concatenate(cohorts, disjoint=True)
    assert both.modalities == ("eeg", "eog", "emg")
    there = {name: rows.tolist() for name, rows in both.present.items()}
    assert there == {
        "eeg": [True] * 6,
        "eog": [True] * 3 + [False] * 3,
        "emg": [True] * 3 + [False] * 3,
    }
    eog = both.epochs("eog")
    np.testing.assert_array_equal(eog[:3], cohorts[0].epochs("eog"))
    assert np.isnan(eog[3:]).all()
    assert both.subject.tolist() == ["shhs:1"] * 3 + ["mass:1"] * 3


def test_rates_and_channels_stay_and_no_array_mixes_them(cohorts):
    both = concatenate(cohorts)
    signals = [night.signals["eeg"] for night in both.recordings]
    assert [(s.sfreq, s.n_channels) for s in signals] == [(4.0, 1), (2.0, 2)]
    match = r"'eeg' epochs of recording 'mass:1' are .* one rate \(see Resampler\) and"
    with pytest.raises(RecordingError, match=match):
        both.epochs("eeg")


def test_subjects_that_collide_are_named(make_night):
    one, two, other = (
        EpochArray([make_night(2, sfreq=2.0, seed=seed, id=f"{seed}", subject=subject)])
        for seed, subject in enumerate(["sub-01", "sub-01", "sub-02"])
    )
    with pytest.raises(RecordingError, match=r"share a subject; 'sub-01' occur"):
        concatenate([one, other, two], disjoint=True)
    assert len(concatenate([one, other], disjoint=True)) == 4
    assert len(concatenate([one, two])) == 4


def test_nothing_makes_no_rows(X):
    assert len(concatenate([])) == 0
    assert rows(concatenate([X[[]], X[:1], X[[]]])) == rows(X[:1])


def test_an_epoch_array_stays_as_it_is(X):
    assert as_epoch_array(X) is X


def test_recordings_give_all_their_epochs(make_night):
    night = make_night(3, sfreq=2.0, hypnogram=[0, -1, 2])
    for given in (night, [night], (night,)):
        assert as_epoch_array(given).epoch.tolist() == [0, 1, 2]


@pytest.mark.parametrize("rubbish", ["night.edf", [1], None, 3])
def test_other_things_are_refused(rubbish):
    with pytest.raises(TypeError):
        as_epoch_array(rubbish)


def test_views_and_recordings_are_distinguished_from_arrays(X, make_night):
    night = make_night(1, sfreq=2.0)
    for given in (X, night, [night], (night, night)):
        assert is_epoch_like(given)
    for given in ([], [[1.0]], np.ones((2, 2)), [night, 1], "x", None):
        assert not is_epoch_like(given)
