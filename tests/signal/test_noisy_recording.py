"""Robust z-scores, and recordings that are noisy as a whole."""

from __future__ import annotations

import numpy as np

from sleepkit.signal import is_noisy_recording, robust_z


def test_robust_z_by_hand():
    # Median 3, absolute deviations 2 1 0 1 97, MAD 1.
    scores = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    np.testing.assert_allclose(scores * 1.4826022, [-2, -1, 0, 1, 97], rtol=1e-6)


def test_robust_z_estimates_the_standard_deviation():
    values = np.random.default_rng(0).normal(5, 3, 100_000)
    np.testing.assert_allclose(robust_z(values), (values - 5) / 3, atol=0.05)


def test_robust_z_against_other_recordings():
    scores = robust_z(np.array([4.0]), reference=np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(scores, 2 / 1.4826022, rtol=1e-6)


def test_robust_z_of_nan_and_constants():
    scores = robust_z(np.array([[1.0, np.nan, 2.0, 3.0], [2.0, 2.0, 2.0, 5.0]]))
    np.testing.assert_allclose(
        scores, [[-1 / 1.4826022, np.nan, 0, 1 / 1.4826022], [0, 0, 0, np.inf]]
    )
    assert np.isnan(robust_z(np.full(3, np.nan))).all()


def test_noisy_recording_by_hand():
    # The difference is beyond 41 in 4 windows of 10: not more than 40 %.
    difference = np.array([50, -50, 42, -41.5, 41, 0, 0, 0, 0, 0])
    assert not is_noisy_recording(difference)
    assert is_noisy_recording(np.append(difference, -60))
    assert is_noisy_recording(difference, fraction=0.39)
    assert is_noisy_recording(difference, threshold=40.0)


def test_noisy_recording_counts_known_windows_only():
    assert is_noisy_recording(np.array([50, 50, np.nan, np.nan, np.nan, 0]))
    assert not is_noisy_recording(np.full(4, np.nan))
    assert not is_noisy_recording(np.array([]))
