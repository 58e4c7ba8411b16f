"""Random signals and events against the parameters they were made with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from sleepkit.datasets._simulator._events import add_waves, clumped, draw_onsets
from sleepkit.datasets._simulator._noise import (
    HOP,
    coloured_noise,
    fluctuation,
    frame_frequencies,
    to_samples,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_noise_has_the_given_spectrum(rng):
    freqs = frame_frequencies(100)
    wanted = 10 + 50 * np.exp(-0.5 * ((freqs - 12) / 3) ** 2)
    noise = coloured_noise(np.tile(wanted, (501, 1)), 100, rng)
    assert noise.dtype == np.float32
    assert noise.shape == (500 * HOP * 100,)
    _, found = welch(noise, 100, nperseg=400)
    np.testing.assert_allclose(found[4:-4], wanted[4:-4], rtol=0.15)


def test_variance_is_even_from_frame_to_frame(rng):
    noise = coloured_noise(np.ones((20_001, 41)), 20, rng).reshape(-1, HOP * 20)
    variance = noise.var(axis=0)
    assert variance.max() < 1.1 * variance.min()
    assert variance.mean() == pytest.approx(10, rel=0.05)  # 1 / Hz up to 10 Hz


def test_spectrum_may_change_with_time(rng):
    power = np.ones((101, 41))
    power[50:] = 100
    noise = coloured_noise(power, 20, rng)
    assert noise[2100:].std() == pytest.approx(10 * noise[:1900].std(), rel=0.1)


def test_fluctuations_are_standard_and_forget(rng):
    series = fluctuation(50_000, 2, 10.0, rng)
    np.testing.assert_allclose(series.std(axis=0), 1, atol=0.1)
    lag = [np.mean(series[k:, 0] * series[:-k, 0]) for k in (1, 10, 100)]
    np.testing.assert_allclose(lag, np.exp([-0.1, -1, -10]), atol=0.1)
    assert abs(np.corrcoef(series.T)[0, 1]) < 0.1


def test_a_series_is_interpolated_between_its_seconds():
    values = np.array([0.0, 4.0, 2.0])
    expected = [0, 1, 2, 3, 4, 3.5, 3, 2.5, 2, 2, 2, 2]
    np.testing.assert_allclose(to_samples(values, 4), expected)


def test_events_come_at_their_rate(rng):
    rate = np.repeat([0.0, 30.0], 6000)
    onsets = draw_onsets(rate, rng)
    assert onsets.min() >= 6000
    assert len(onsets) == pytest.approx(3000, rel=0.1)


def test_clumps_keep_the_mean_and_raise_the_variance(rng):
    rate = np.full(200_000, 6.0)
    bursts = clumped(rate, 1.0, 5.0, rng)
    assert bursts.mean() == pytest.approx(6, rel=0.1)
    counts = np.bincount(draw_onsets(bursts, rng).astype(int) // 10, minlength=20_000)
    assert counts.var() > 1.5 * counts.mean()


def test_waves_add_up_and_are_cut_at_the_end():
    signal = np.zeros(8, np.float32)
    waves = np.array([[1, 2, 3], [10, 20, 30], [100, 200, 300]])
    add_waves(signal, np.array([0.1, 0.2, 0.7]), waves, 10)
    assert signal.tolist() == [0, 1, 12, 23, 30, 0, 0, 100]
