"""Modalities that are noise in a night: found by their own stages, and left out."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest

from sleepkit.classifiers._noisy_nights import (
    _find_noise,
    _long_nights,
    judge_held_out,
    stage_dynamics,
)
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray
from sleepkit.training import RecordingSource

N_NIGHTS, N_EPOCHS = 6, 240  # of two hours
NAMES = ("eeg", "eog", "emg")


def sleep(n_epochs, rng, n_stages=3):
    """Stages that last ten epochs."""
    stages = rng.integers(0, n_stages, -(-n_epochs // 10))
    return np.repeat(stages, 10)[:n_epochs]


@pytest.fixture(scope="module")
def nights():
    """Blocks of three modalities that tell the stage, the stages, and the nights."""
    rng = np.random.default_rng(0)
    y = np.concatenate([sleep(N_EPOCHS, rng) for _ in range(N_NIGHTS)])
    blocks = {
        name: (rng.normal(size=(len(y), 4)) + 3 * np.eye(4)[y]).astype("f4")
        for name in NAMES
    }
    return blocks, y, np.repeat(np.arange(N_NIGHTS), N_EPOCHS)


@pytest.fixture(scope="module")
def fitted_once(medfuse, nights):
    """A stager that held nights out, as a pickle."""
    blocks, y, night = nights
    X = EpochArray.from_arrays(blocks, recording=night, subject=night)
    stager = medfuse(max_epochs=4, lr=0.01, validation_fraction=0.3)
    return pickle.dumps(stager.fit(X, y))


@pytest.fixture
def stager(fitted_once):
    """A stager of one's own that held nights out."""
    return pickle.loads(fitted_once)


def night_with(blocks, night, names=NAMES, **changes):
    """Nights of some of the modalities, the second of them changed."""
    changed = {}
    for name in names:
        changed[name] = blocks[name].copy()
        if name in changes:
            here = night == 1
            changed[name][here] = changes[name](changed[name][here])
    return EpochArray.from_arrays(changed, recording=night, subject=night)


def shuffled(values):
    return np.random.default_rng(1).permutation(values)


def dead(values):
    return np.tile(values[:1], (len(values), 1))


def missing(values):
    return np.full_like(values, np.nan)


def test_dynamics_by_hand():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(5), 140)
    proba[[3, 70, 71]] = np.nan
    pairs = [(a, b) for a, b in pairwise(proba) if not np.isnan([a, b]).any()]
    for found, later in zip(stage_dynamics(proba), (1, 0), strict=True):
        expected = sum(
            np.mean([pair[0][c] * pair[later][c] for pair in pairs])
            - np.mean([pair[0][c] for pair in pairs])
            * np.mean([pair[later][c] for pair in pairs])
            for c in range(5)
        )
        assert found == pytest.approx(expected)


def test_dynamics_of_sleep_of_noise_and_of_a_dead_signal():
    rng = np.random.default_rng(0)
    stages = np.eye(3)[sleep(6000, rng)]
    for proba, covariance, variance in (
        (stages, 0.9 + 0.1 / 3 - 1 / 3, 2 / 3),
        (rng.permutation(stages), 0, 2 / 3),
        (stages[:1].repeat(200, axis=0), 0, 0),
    ):
        expected = pytest.approx((covariance, variance), abs=0.02)
        assert stage_dynamics(proba) == expected


@pytest.mark.parametrize(
    ("n_epochs", "duration", "long"),
    [(239, 30.0, 0), (240, 30.0, 1), (360, 20.0, 1), (359, 20.0, 0), (9999, None, 0)],
)
def test_nights_of_two_hours_are_long(n_epochs, duration, long):
    X = EpochArray.from_arrays(
        np.ones((n_epochs + 10, 2)), recording=[0] * 10 + [1] * n_epochs
    )
    source = RecordingSource(X)
    source.epoch_duration = duration
    assert _long_nights(source) == [slice(10, 10 + n_epochs)] * long


def sure(stages, share):
    """Probabilities of some stages that are as sure as that."""
    return share * np.eye(3)[stages] + (1 - share) / 3


def dynamics(proba):
    return stage_dynamics(proba)[0]


def judge(alone, usual, enough=120):
    n_epochs = len(next(iter(alone.values())))
    return _find_noise(alone, slice(0, n_epochs), usual, enough)


@pytest.mark.parametrize(("share", "noisy"), [(0.5, {"eog"}), (0.6, set())])
def test_the_least_dynamics(share, noisy):
    """They go with the square of the share; the least are .3 of the usual ones."""
    stages = sleep(600, np.random.default_rng(0))
    usual = dict.fromkeys(NAMES, dynamics(sure(stages, 1)))
    alone = {"eeg": sure(stages, 1), "eog": sure((stages + 1) % 3, share)}
    assert judge(alone, usual) == noisy


def partly_random(stages, share):
    """Stages of which a share is drawn anew: the autocorrelation is (1 - share)^2."""
    rng = np.random.default_rng(1)
    return np.where(rng.random(len(stages)) < share, rng.permutation(stages), stages)


@pytest.mark.parametrize(
    ("random", "share", "noisy"),
    [
        (0.48, 1, {"eog"}),  # .52 ** 2 < .3
        (0.42, 1, set()),  # .58 ** 2 > .3
        (1, 0.29, {"eog"}),  # .29 ** 2 * 2 / 3 > .05
        (1, 0.26, set()),  # .26 ** 2 * 2 / 3 < .05
    ],
)
def test_stages_that_jump(random, share, noisy):
    """No held-out night is needed for them."""
    stages = np.repeat(np.random.default_rng(0).integers(0, 3, 100), 200)
    eog = sure(partly_random(stages, random), share)
    assert judge({"eeg": sure((stages + 1) % 3, 1), "eog": eog}, {}) == noisy


@pytest.mark.parametrize("share", [0.2, 1])
def test_stages_jump_only_beside_others_that_last(share):
    """Nights may be put together of epochs in any order."""
    rng = np.random.default_rng(0)
    stages = sleep(600, rng)
    last = sure(stages, share)
    alone = {"eeg": sure(rng.permutation(stages), 1), "eog": last}
    assert judge(alone, {}) == ({"eeg"} if share == 1 else set())
    alone["eog"] = rng.permutation(last)
    assert judge(alone, {}) == set()


def test_stages_that_jump_and_are_right():
    """Wake of one epoch every ten minutes: another modality agrees mostly."""
    stages = np.where(np.arange(600) % 20 == 0, 0, 1)
    stages[200:240] = 0
    other = np.zeros(600, int)
    other[40:] = 1
    eeg = sure(np.where(np.arange(600) % 4 == 0, 0, 1), 1)
    assert stage_dynamics(eeg)[0] < 0
    for share, noisy in ((0.25, set()), (0.75, {"eeg"})):
        emg = other.copy()
        emg[: int(600 * share)] = 2
        assert judge({"eeg": eeg, "emg": sure(emg, 1)}, {}) == noisy


def test_autocorrelation_is_over_the_same_epochs():
    """Right, and known in every other epoch of the half in which stages change."""
    stages = np.r_[np.zeros(200, int), sleep(400, np.random.default_rng(0))]
    emg = sure(stages, 1)
    emg[200::2] = np.nan
    eeg = sure((sleep(600, np.random.default_rng(1)) + 1) % 3, 1)
    assert judge({"eeg": eeg, "emg": emg}, {}) == set()


def test_what_jumps_judges_no_other():
    """An EEG that hardly changes, an EOG of noise, and an EMG that is right."""
    rng = np.random.default_rng(0)
    stages = sleep(6000, rng)
    right, noise = sure(stages, 1), sure(partly_random(stages, 0.5), 1)
    eeg = sure((stages + 1) % 3, 0.4)
    usual = {"eeg": 4 * dynamics(eeg), "eog": dynamics(noise)}
    assert dynamics(noise) > 0.3 * usual["eeg"]
    assert judge({"eeg": eeg, "eog": noise, "emg": right}, usual) == {"eog"}


def test_what_agrees_is_not_noise():
    stages = sleep(600, np.random.default_rng(0))
    usual = dynamics(sure(stages, 1))
    for shift, noisy in ((0, set()), (1, {"eog"})):
        alone = {"eeg": sure(stages, 1), "eog": sure((stages + shift) % 3, 0.5)}
        assert judge(alone, {"eeg": usual, "eog": usual}) == noisy


def test_a_weak_modality_is_no_judge():
    """The night is nearly all of one stage, and the EEG right to tell no other."""
    stages = np.zeros(600, int)
    stages[100:130] = 1
    other = sure(sleep(600, np.random.default_rng(0)), 0.5)
    alone = {"eeg": sure(stages, 0.9), "emg": other}
    usual = {"eeg": 0.6, "emg": dynamics(alone["emg"])}
    assert dynamics(alone["eeg"]) < 0.3 * usual["eeg"]
    assert judge(alone, usual) == set()
    assert judge(alone, usual | {"eeg": dynamics(alone["eeg"]) * 4}) == {"eeg"}


def test_modalities_are_compared_where_both_are_known():
    """A third one in the other half of the night does not matter."""
    rng = np.random.default_rng(0)
    stages = sleep(600, rng)
    usual = dict.fromkeys(NAMES, dynamics(sure(stages, 1)))
    alone = {"eeg": sure(stages, 1), "eog": sure(rng.permutation(stages), 1)}
    assert judge(alone, usual) == {"eog"}
    alone = {name: proba.copy() for name, proba in alone.items()}
    alone["eog"][300:] = np.nan
    alone["emg"] = sure(stages, 1)
    alone["emg"][:300] = np.nan
    assert judge(alone, usual) == {"eog"}
    assert judge(alone, usual, enough=301) == set()


def test_the_usual_dynamics_are_the_median_of_held_out_nights(nights):
    blocks, y, night = nights
    source = RecordingSource(night_with(blocks, night, ("eeg", "eog")))
    shares = np.array([1, 0.9, 0.5, 0.8, 1, 1])[night]
    proba = shares[:, np.newaxis] * np.eye(3)[y] + (1 - shares[:, np.newaxis]) / 3
    seen = []

    def read(part, _, n_columns):
        seen.append(np.unique(part.night[part.has_signal]).tolist())
        hopeless = np.zeros_like(proba)
        assert n_columns == 6
        return np.hstack([np.log(proba + 1e-12), hopeless])

    rows = np.flatnonzero(np.isin(night, [1, 2, 3]))[::7]
    found = judge_held_out(read, source, rows, 3)
    expected = np.median([dynamics(proba[night == n]) for n in (1, 2, 3)])
    assert seen == [[1, 2, 3]]
    assert found == ({"eeg": pytest.approx(expected)}, {})  # none for a dead head


@pytest.mark.parametrize("noise", [shuffled, dead])
@pytest.mark.parametrize("names", [NAMES, ("eeg", "eog"), ("eog", "emg")])
def test_a_noisy_modality_counts_as_missing(stager, nights, names, noise):
    blocks, _, night = nights
    X = night_with(blocks, night, names, eog=noise)
    without = night_with(blocks, night, names, eog=missing)
    with pytest.warns(SleepkitWarning, match=r"count as missing: eog of 1\. The"):
        found = stager.predict_proba(X)
    np.testing.assert_allclose(found, stager.predict_proba(without), atol=1e-6)
    some = [245, 700, 479]  # the prediction of a row is that of the whole night
    with pytest.warns(SleepkitWarning, match="count as missing"):
        part = stager.predict_proba(X[some])
    np.testing.assert_allclose(part, found[some], atol=1e-6)


def test_noise_is_worse_where_it_counts(stager, nights):
    blocks, y, night = nights
    X = night_with(blocks, night, eog=shuffled)
    with pytest.warns(SleepkitWarning):
        left_out = stager.score(X[night == 1], y[night == 1])
    stager.set_params(leave_out_noise=False)
    assert stager.score(X[night == 1], y[night == 1]) < left_out


def test_plain_nights_are_as_without_the_rule(stager, nights):
    blocks, _, night = nights
    X = night_with(blocks, night)
    found = stager.predict_proba(X)
    stager.set_params(leave_out_noise=False)
    np.testing.assert_array_equal(found, stager.predict_proba(X))


def test_nights_may_lack_a_modality_that_others_have(stager, nights):
    blocks, _, night = nights
    lacks = blocks | {"eog": np.where(night[:, np.newaxis] < 3, np.nan, blocks["eog"])}
    X = EpochArray.from_arrays(lacks, recording=night)
    found = stager.predict_proba(X)
    stager.set_params(leave_out_noise=False)
    np.testing.assert_array_equal(found, stager.predict_proba(X))


def test_an_epoch_without_another_modality_keeps_the_noisy_one(stager, nights):
    blocks, _, night = nights
    X = night_with(blocks, night, ("eeg", "eog"), eog=shuffled)
    alone = {name: X.epochs(name).copy() for name in X.modalities}
    alone["eeg"][300] = np.nan
    X = EpochArray.from_arrays(alone, recording=night, subject=night)
    with pytest.warns(SleepkitWarning, match="count as missing: eog of 1"):
        proba = stager.predict_proba(X)
    assert np.isfinite(proba).all()
    assert not np.allclose(proba[300], stager.class_prior_, atol=1e-3)


def test_of_two_dead_modalities_none_is_noisy(stager, nights):
    """Nothing tells which of them is right."""
    blocks, _, night = nights
    X = night_with(blocks, night, ("eeg", "eog"), eeg=dead, eog=dead)
    assert np.isfinite(stager.predict_proba(X)).all()


def test_a_night_of_one_stage_is_not_noise(stager, nights):
    """The EEG never changes, rightly; the EOG errs at times, and agrees mostly."""
    blocks, y, night = nights
    of_stage = {name: block[y == 0] for name, block in blocks.items()}
    wrong = np.arange(N_EPOCHS) % 50 < 12

    def always(values):
        return of_stage["eeg"].mean(axis=0, keepdims=True).repeat(len(values), axis=0)

    def mostly(values):
        values = of_stage["eog"].mean(axis=0, keepdims=True).repeat(len(values), axis=0)
        values[wrong] = blocks["eog"][y == 1].mean(axis=0)
        return values

    X = night_with(blocks, night, ("eeg", "eog"), eeg=always, eog=mostly)
    found = stager.predict_proba(X)
    stager.held_out_dynamics_ = {}
    np.testing.assert_array_equal(found, stager.predict_proba(X))


def test_short_nights_are_not_judged(stager, nights):
    blocks, _, night = nights
    blocks = {name: block[night == 1][:239] for name, block in blocks.items()}
    X = night_with(blocks, np.ones(239, int), eog=shuffled)
    assert np.isfinite(stager.predict_proba(X)).all()


def test_without_held_out_nights_only_jumps_are_noise(medfuse, nights):
    blocks, y, night = nights
    stager = medfuse(max_epochs=4, lr=0.01, validation_fraction=0)
    stager.fit(night_with(blocks, night), y)
    assert stager.held_out_dynamics_ == {}
    with pytest.warns(SleepkitWarning, match="count as missing: eog of 1"):
        stager.predict(night_with(blocks, night, eog=shuffled))
    stager.predict(night_with(blocks, night, eog=dead))


def test_without_unimodal_heads_nothing_is_judged(medfuse, nights):
    blocks, y, night = nights
    stager = medfuse(max_epochs=1, multi_view=0.0, validation_fraction=0.3)
    stager.fit(night_with(blocks, night), y)
    assert stager.held_out_dynamics_ == {}
    stager.predict(night_with(blocks, night, eog=shuffled))


def test_a_refit_forgets_and_further_training_keeps(stager, nights):
    blocks, y, night = nights
    before = stager.held_out_dynamics_
    assert set(before) == set(NAMES)
    stager.set_params(max_epochs=1)
    stager.partial_fit(night_with(blocks, night, ("eeg", "eog")), y)
    assert stager.held_out_dynamics_["emg"] == before["emg"]
    assert stager.held_out_dynamics_["eeg"] != before["eeg"]
    stager.set_params(validation_fraction=0)
    assert stager.fit(night_with(blocks, night), y).held_out_dynamics_ == {}


def test_a_model_file_keeps_the_dynamics(stager, tmp_path):
    save_model(stager, tmp_path / "stager.model")
    again = load_model(tmp_path / "stager.model")
    assert again.held_out_dynamics_ == stager.held_out_dynamics_
