"""Unusual loads give the results of usual ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray, Recording, Signal


def net(seed=0):
    """A net that is fitted in a moment."""
    return MedFuseSleepClassifier(
        sequence_length=5,
        d_model=8,
        n_heads=2,
        n_layers=1,
        dim_feedforward=8,
        d_head=4,
        max_epochs=2,
        random_state=seed,
    )


def nights(lengths):
    """Band powers of nights of so many epochs."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((sum(lengths), 6), np.float32)
    names = np.repeat([f"night-{i}" for i in range(len(lengths))], lengths)
    return EpochArray.from_arrays(values, recording=names)


@pytest.fixture(scope="module")
def fitted():
    """A net fitted on two nights."""
    X = nights([40, 40])
    return net().fit(X, np.arange(80) % 5)


def test_nets_fitted_in_threads_are_those_fitted_in_turn():
    X, y = nights([30, 30]), np.arange(60) % 5

    def fit(seed):
        return net(seed).fit(X, y).predict_proba(X)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit, range(4)))
    np.testing.assert_array_equal(together, [fit(seed) for seed in range(4)])


def test_many_tiny_nights_are_staged_as_each_alone(fitted, tmp_path):
    X = nights([4] * 300)
    together = fitted.predict_proba(X)
    np.testing.assert_array_equal(
        fitted.predict_proba(X.materialize(tmp_path)), together
    )
    alone = [fitted.predict_proba(night) for night in X.recordings[:20]]
    np.testing.assert_allclose(together[:80], np.concatenate(alone), atol=1e-5)


def test_a_night_of_72_hours_is_staged_from_files_as_from_memory(fitted, tmp_path):
    X = nights([72 * 120])
    found = fitted.predict_proba(X)
    assert found.shape == (8640, 5)
    np.testing.assert_array_equal(fitted.predict_proba(X.materialize(tmp_path)), found)


def test_200_channels_have_the_band_powers_of_each_alone():
    samples = np.random.default_rng(0).standard_normal((200, 6000), np.float32)

    def powers(rows):
        night = Recording(id="n", subject="s", signals={"eeg": Signal(rows, 100)})
        X = BandPower().fit_transform(EpochArray([night], include_unscored=True))
        return X.recordings[0].signals["eeg"].data

    groups = [powers(samples[i : i + 8]) for i in range(0, 200, 8)]
    np.testing.assert_array_equal(powers(samples), np.concatenate(groups, axis=1))
