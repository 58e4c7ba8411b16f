"""Multitaper density against scipy's periodograms, taper by taper."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from sleepkit.signal import multitaper_density

RNG = np.random.default_rng(0)


def plain(epoch, sfreq, product):
    """Mean of the periodograms by each taper, at the full rate."""
    tapers = signal.windows.dpss(len(epoch), product / 2, product - 1)
    each = [signal.periodogram(epoch, sfreq, taper, len(epoch)) for taper in tapers]
    return each[0][0], np.mean([density for _, density in each], axis=0)


def test_equals_a_mean_of_periodograms():
    sfreq = 60
    epochs = np.cumsum(RNG.standard_normal((2, 3, 8 * sfreq)), axis=-1)
    freqs, density = multitaper_density(epochs, sfreq)
    assert density.shape == (2, 3, len(freqs))
    theirs_at, theirs = plain(epochs[1, 2] - epochs[1, 2].mean(), sfreq, product=8)
    kept = (theirs_at >= 0.5) & (theirs_at <= 25)
    np.testing.assert_allclose(freqs, theirs_at[kept])
    np.testing.assert_allclose(density[1, 2], theirs[kept])


def test_a_sine_is_where_it_belongs():
    times = np.arange(3840) / 128
    epochs = np.sin(2 * np.pi * np.array([[3.0], [12.5]]) * times)
    freqs, density = multitaper_density(epochs.astype(np.float32), 128, high=30)
    assert density.dtype == np.float32
    for peak, row in zip((3.0, 12.5), density, strict=True):
        inside = np.abs(freqs - peak) < 0.45
        outside = np.abs(freqs - peak) > 0.75
        assert row[inside].min() > 100 * row[outside].max()
        assert row.sum() * (freqs[1] - freqs[0]) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("bandwidth", "n_tapers"), [(0.7, 20), (0.76, 21)])
def test_tapers_that_hold_their_power_within_the_bandwidth(bandwidth, n_tapers):
    epoch = RNG.standard_normal(30 * 20)
    _, density = multitaper_density(epoch[np.newaxis], 20, high=9, bandwidth=bandwidth)
    tapers = signal.windows.dpss(len(epoch), bandwidth * 30 / 2, n_tapers)
    each = [
        signal.periodogram(epoch - epoch.mean(), 20, taper, len(epoch))[1]
        for taper in tapers
    ]
    np.testing.assert_allclose(density[0], np.mean(each, axis=0)[15:271])


def test_missing_samples_and_no_epochs():
    epochs = RNG.standard_normal((3, 1000))
    epochs[1, 7] = np.nan
    _, density = multitaper_density(epochs, 100)
    np.testing.assert_array_equal(np.isnan(density).any(axis=1), [False, True, False])
    freqs, _ = multitaper_density(epochs, 50)
    assert freqs[-1] == pytest.approx(24.95)  # half the rate is left out
    assert multitaper_density(epochs[:0], 100)[1].shape == (0, density.shape[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"high": 60}, r"needs 0 < low < high <= sfreq / 2 = 50 Hz; got .* high=60"),
        ({"low": 0}, r"got low=0, high=25\.0"),
        ({"low": 30}, r"got low=30, high=25\.0"),
        ({"bandwidth": 0.1}, r"bandwidth of at least 2 / 10 s.*; got 0\.1"),
        ({"bandwidth": 2, "sfreq": 2}, "below the rate of 2 Hz; got 2"),
        ({"bandwidth": 0}, "'bandwidth' parameter of multitaper_density"),
        ({"sfreq": None}, "'sfreq' parameter of multitaper_density"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        multitaper_density(np.zeros((1, 1000)), **{"sfreq": 100} | arguments)
