"""make_polysomnography: what it returns, what a seed promises, and its errors."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from scipy.fft import rfft
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict

from sleepkit.datasets import make_polysomnography

EDGES = np.array([0.3, 1, 2, 4, 6, 8, 10, 12, 15, 20, 30, 45])
MODALITIES = ("eeg", "eog", "emg", "ecg")


def samples(recording, modality):
    return recording.signals[modality].data


def band_powers(X, modality):
    """Log band powers of each epoch, made here so that nothing else is tested."""
    power = np.abs(rfft(X.epochs(modality)[:, 0], axis=-1)) ** 2
    edges = (EDGES * 30).astype(int)
    return np.log(np.add.reduceat(power, edges, axis=-1)[:, :-1] + 1)


def test_rows_ids_and_channels():
    X, y, groups = make_polysomnography(2, nights=2, hours=0.1, random_state=0)
    assert [recording.id for recording in X.recordings] == [
        "sim:0001-1",
        "sim:0001-2",
        "sim:0002-1",
        "sim:0002-2",
    ]
    assert groups.tolist() == ["sim:0001"] * 24 + ["sim:0002"] * 24
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, X.hypnogram)
    night = X.recordings[0]
    assert night.modalities == MODALITIES
    assert [s.ch_names for s in night.signals.values()] == [
        ("C4-M1",),
        ("E1-M2",),
        ("Chin",),
        ("ECG",),
    ]
    assert [s.sfreq for s in night.signals.values()] == [100, 100, 100, 200]
    assert (night.lights_off, night.lights_on) == (0, 360)


@pytest.mark.parametrize("modality", MODALITIES)
def test_signals_are_finite_float32_of_the_promised_shape(modality):
    X, _, _ = make_polysomnography(1, hours=0.1, random_state=0, modalities=modality)
    signal = X.recordings[0].signals[modality]
    data = signal.data
    assert data.dtype == np.float32
    assert data.shape == signal.shape == (1, 360 * signal.sfreq)
    assert np.isfinite(data).all()
    assert 1 < data.std() < 1000


def test_nothing_is_computed_until_it_is_read():
    began = time.process_time()
    X, _, _ = make_polysomnography(5, nights=2, hours=8, random_state=0)
    assert time.process_time() - began < 2  # the ten nights would take about 7 s
    assert not X.recordings[0].signals["eeg"].is_loaded
    assert len(pickle.dumps(X)) < 300_000


def test_a_pickled_night_is_the_same_night():
    X, _, _ = make_polysomnography(1, hours=0.1, random_state=0, modalities="eeg")
    again = pickle.loads(pickle.dumps(X))
    np.testing.assert_array_equal(X.epochs("eeg"), again.epochs("eeg"))
    assert X.recordings[0].fingerprint == again.recordings[0].fingerprint


@pytest.mark.parametrize("modality", MODALITIES)
def test_same_seed_same_bits(modality):
    first, second, other = (
        make_polysomnography(1, hours=0.1, modalities=modality, random_state=seed)[0]
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.epochs(modality), second.epochs(modality))
    assert not np.array_equal(first.epochs(modality), other.epochs(modality))
    fingerprints = [X.recordings[0].fingerprint for X in (first, second, other)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_generator_goes_on():
    rng = np.random.default_rng(0)
    first, second = (
        make_polysomnography(1, hours=0.1, random_state=rng)[0].epochs("emg")
        for _ in range(2)
    )
    assert not np.array_equal(first, second)


def test_nights_stay_the_same_in_a_larger_cohort():
    few, y, _ = make_polysomnography(1, hours=0.5, modalities="eog", random_state=1)
    many, y_many, _ = make_polysomnography(3, nights=2, hours=0.5, random_state=1)
    np.testing.assert_array_equal(y, y_many[: len(y)])
    np.testing.assert_array_equal(
        samples(few.recordings[0], "eog"), samples(many.recordings[0], "eog")
    )


def test_nights_and_subjects_differ():
    X, y, _ = make_polysomnography(2, nights=2, hours=2, random_state=1)
    assert len(np.unique(y.reshape(4, -1), axis=0)) == 4
    rates = [samples(recording, "ecg")[0, :400] for recording in X.recordings]
    assert len(np.unique(rates, axis=0)) == 4


def test_missing_modalities_are_absent_at_the_given_rate():
    X, _, _ = make_polysomnography(
        200, hours=0.1, missing={"eog": 0.3, "emg": 1.0}, random_state=0
    )
    absent = {name: 1 - present.mean() for name, present in X.present.items()}
    assert "emg" not in absent
    assert absent["eeg"] == absent["ecg"] == 0
    assert 0.2 < absent["eog"] < 0.4


def test_one_modality_is_always_kept():
    X, _, _ = make_polysomnography(30, hours=0.1, missing=1.0, random_state=0)
    kept = [recording.modalities for recording in X.recordings]
    assert {len(names) for names in kept} == {1}
    assert len(set(kept)) == 4


def test_a_modality_is_the_same_whatever_is_missing_beside_it():
    whole, _, _ = make_polysomnography(4, hours=0.1, random_state=0)
    holey, _, _ = make_polysomnography(4, hours=0.1, missing=0.5, random_state=0)
    for full, part in zip(whole.recordings, holey.recordings, strict=True):
        for name in part.modalities:
            np.testing.assert_array_equal(samples(full, name), samples(part, name))


@pytest.mark.parametrize("modality", MODALITIES)
def test_noise_adds_to_the_body_in_proportion(modality):
    clean, some, more = (
        samples(
            make_polysomnography(
                1, hours=0.5, modalities=modality, noise=noise, random_state=0
            )[0].recordings[0],
            modality,
        ).astype(float)
        for noise in (0.0, 1e-2, 2e-2)  # too little for an electrode to fall off
    )
    assert np.abs(some - clean).max() > 0
    np.testing.assert_allclose(more - clean, 2 * (some - clean), atol=2e-3)


def test_electrodes_fall_off_for_minutes():
    X, _, _ = make_polysomnography(
        6, hours=8, modalities="emg", noise=5.0, random_state=0
    )
    still = X.epochs("emg")[:, 0].std(axis=1) == 0
    assert 10 < still.sum() < 0.3 * len(still)
    clean, _, _ = make_polysomnography(
        6, hours=8, modalities="emg", noise=0, random_state=0
    )
    assert not (clean.epochs("emg")[:, 0].std(axis=1) == 0).any()


@pytest.mark.parametrize("hours", [1 / 120, 0.1, 0.5])
def test_short_nights(hours):
    X, y, _ = make_polysomnography(2, hours=hours, random_state=0)
    assert len(y) == 2 * round(hours * 120)
    assert np.isfinite(X.epochs("ecg")).all()


def test_two_hours_mostly_show_every_stage():
    _, y, groups = make_polysomnography(40, hours=2, random_state=0)
    complete = [len(set(y[groups == subject])) == 5 for subject in np.unique(groups)]
    assert np.mean(complete) > 0.7


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_subjects": 0}, r"'n_subjects'.*>= 1.*Got 0"),
        ({"n_subjects": 1.5}, r"'n_subjects'.*whole number.*Got 1.5"),
        ({"nights": 0}, r"'nights'.*>= 1.*Got 0"),
        ({"hours": 0}, r"'hours'.*> 0.*Got 0"),
        ({"hours": -1}, r"'hours'.*> 0.*Got -1"),
        ({"hours": 0.001}, r"one epoch of 30 s; got hours=0.001"),
        ({"modalities": ["eeg", "meg"]}, r"'modalities'.*'eeg'.*Got 'meg'"),
        ({"modalities": []}, r"one or more different modalities; got \[\]"),
        ({"modalities": ["eeg", "eeg"]}, r"different modalities; got \['eeg', 'eeg'\]"),
        ({"missing": 1.5}, r"'missing'.*from 0 to 1.*Got 1.5 for 'eeg'"),
        ({"missing": {"eog": -0.1}}, r"'missing'.*from 0 to 1.*Got -0.1 for 'eog'"),
        ({"missing": {"meg": 0.1}}, r"'missing'.*'eeg'.*Got 'meg'"),
        ({"missing": "eeg"}, r"'missing'.*from 0 to 1.*Got 'eeg'"),
        ({"noise": -1}, r"'noise'.*>= 0.*Got -1"),
    ],
)
def test_bad_input_is_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        make_polysomnography(**{"n_subjects": 1, "hours": 0.1, **parameters})


@pytest.fixture(scope="module")
def cohort():
    names = ("eeg", "eog", "emg")
    X, y, groups = make_polysomnography(12, hours=4, modalities=names, random_state=0)
    return {name: band_powers(X, name) for name in names}, y, groups


def predict(features, y, groups, cv):
    return cross_val_predict(
        LinearDiscriminantAnalysis(), features, y, groups=groups, cv=cv
    )


@pytest.fixture(scope="module")
def by_subject(cohort):
    features, y, groups = cohort
    joint = np.hstack(list(features.values()))
    return {
        name: predict(x, y, groups, GroupKFold(4))
        for name, x in {**features, "joint": joint}.items()
    }


def test_modalities_are_as_telling_as_in_life(cohort, by_subject):
    y = cohort[1]
    kappa = {name: cohen_kappa_score(y, p) for name, p in by_subject.items()}
    assert kappa["eeg"] > kappa["eog"] > kappa["emg"] > 0.03
    assert 0.55 < kappa["joint"] < 0.85
    assert kappa["emg"] < 0.4


@pytest.mark.parametrize("modality", ["eeg", "eog", "emg", "joint"])
def test_n1_is_the_hardest_stage(cohort, by_subject, modality):
    scores = f1_score(cohort[1], by_subject[modality], average=None)
    assert scores.argmin() == 1


def test_new_subjects_are_harder_than_new_epochs(cohort, by_subject):
    features, y, groups = cohort
    mixed = predict(features["eeg"], y, None, KFold(4, shuffle=True, random_state=0))
    gap = cohen_kappa_score(y, mixed) - cohen_kappa_score(y, by_subject["eeg"])
    assert gap > 0.03
    assert len(np.unique(groups)) == 12
