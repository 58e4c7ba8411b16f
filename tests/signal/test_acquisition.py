"""Acquisition: spectra of what comes out, against what was to be added."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from sleepkit.signal import (
    Acquisition,
    acquire_signal,
    acquire_spectra,
    epoch_spectra,
    spectrum_freqs,
    to_epochs,
)

SFREQ = 100.0
BIN = 0.25  # hertz, of `density`


@pytest.fixture(scope="module")
def brown():
    """Ten minutes of noise whose power falls with frequency, about 20 uV strong."""
    noise = np.random.default_rng(0).standard_normal(60_000)
    spectrum = np.fft.rfft(noise)
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    x = np.fft.irfft(spectrum)
    return 20 * x / x.std()


def density(x):
    """Frequencies and power spectral density, from 1 to 50 Hz."""
    freqs, power = welch(x, SFREQ, nperseg=int(SFREQ / BIN))
    known = (freqs >= 1) & (freqs < 50)
    return freqs[known], power[known]


def decibels(ratio):
    return 10 * np.log10(ratio)


@pytest.mark.parametrize(
    "acquisition",
    [
        Acquisition(gain=-7.0),
        Acquisition(tilt=2.0),
        Acquisition(tilt=-1.5, gain=3.0),
        Acquisition(highpass=0.6),
        Acquisition(lowpass=25.0),
        Acquisition(gain=2.0, tilt=1.0, highpass=0.3, lowpass=30.0, flipped=True),
    ],
    ids=repr,
)
def test_power_changes_by_the_response(acquisition, brown):
    freqs, before = density(brown)
    _, after = density(acquire_signal(brown, SFREQ, acquisition))
    expected = acquisition.response(freqs)
    np.testing.assert_allclose(decibels(after / before), expected, atol=0.15)


def test_responses_by_hand():
    """A tilt turns about 4 Hz and ends at 0.5 Hz; filters lose 3 dB at their edges."""
    tilt = Acquisition(tilt=2.0).response([0, 0.25, 0.5, 4, 8, 32])
    assert tilt.tolist() == [-6, -6, -6, 0, 2, 6]
    half = -decibels(2)
    slow = Acquisition(highpass=0.5).response([0.05, 0.5, 50])
    np.testing.assert_allclose(slow, [-20.04, half, 0], atol=0.01)
    fast = Acquisition(lowpass=20).response([1, 20, 40])
    np.testing.assert_allclose(fast, [0, half, -24.1], atol=0.01)


def test_polarity(brown):
    flipped = acquire_signal(brown, SFREQ, Acquisition(flipped=True))
    np.testing.assert_allclose(flipped, -brown, atol=1e-9)


@pytest.mark.parametrize("tilt", [0.0, -3.01])
@pytest.mark.parametrize("snr", [5.0, 30.0])
def test_noise_has_its_level_and_its_colour(snr, tilt, brown):
    quiet = acquire_signal(brown, SFREQ, Acquisition(gain=6.0))
    noisy = Acquisition(gain=6.0, snr=snr, noise_tilt=tilt)
    noise = acquire_signal(brown, SFREQ, noisy) - quiet
    freqs, power = density(noise)
    level = density(quiet)[1].sum() / power.sum()
    assert abs(decibels(level) - snr) < 0.6  # a median beside a mean
    slope = np.polyfit(np.log2(freqs), decibels(power), 1)[0]
    assert abs(slope - tilt) < 0.15


def test_noise_follows_from_the_seed(brown):
    first, again, other = (
        acquire_signal(brown, SFREQ, Acquisition(snr=10.0, seed=seed))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    a, b = first - brown, other - brown
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.05


def test_a_mains_line_has_its_level_and_frequency(brown):
    hum = acquire_signal(brown, SFREQ, Acquisition(mains=12.0, mains_freq=40.0)) - brown
    power = density(brown)[1].sum() * BIN
    assert abs(decibels(power / hum.var()) - 12) < 0.3
    peak = np.abs(np.fft.rfft(hum)).argmax() * SFREQ / hum.size
    assert peak == pytest.approx(40.0)


def test_no_mains_line_where_the_rate_is_too_low(brown):
    same = acquire_signal(brown, SFREQ, Acquisition(mains=0.0, mains_freq=60.0))
    np.testing.assert_allclose(same, brown, atol=1e-9)


@pytest.mark.parametrize("tilt", [0.0, -3.01])
def test_spectra_change_as_those_of_the_signal(tilt, brown):
    acquisition = Acquisition(
        gain=4.0, tilt=1.0, lowpass=35.0, snr=10.0, noise_tilt=tilt
    )

    def spectra(x):
        return epoch_spectra(to_epochs(x, SFREQ), SFREQ).reshape(-1, 128)

    def power(x):
        return decibels(np.mean(10 ** (x / 10), axis=0))

    freqs = spectrum_freqs(SFREQ)
    expected = spectra(acquire_signal(brown, SFREQ, acquisition))
    found = acquire_spectra(spectra(brown), freqs, acquisition)
    middle = slice(3, 120)  # the window leaks from drifts, which are not filtered yet
    np.testing.assert_allclose(power(found)[middle], power(expected)[middle], atol=0.8)
    spread, usual = (x[:, middle].std(axis=0).mean() for x in (found, expected))
    assert abs(spread - usual) < 0.3


def test_spectra_without_noise_are_sums():
    spectra = np.random.default_rng(0).normal(-5, 5, (4, 29, 128))
    acquisition = Acquisition(gain=1.0, tilt=0.5, highpass=0.3, lowpass=40.0)
    freqs = spectrum_freqs(SFREQ)
    found = acquire_spectra(spectra, freqs, acquisition)
    np.testing.assert_allclose(found, spectra + acquisition.response(freqs))


def test_the_noise_of_spectra_does_not_depend_on_a_band_limit():
    """Missing bins hold no power of the signal, but their share of the noise."""
    spectra = np.zeros((1, 50, 128))
    spectra[..., 64:] = np.nan
    found = acquire_spectra(spectra, spectrum_freqs(SFREQ), Acquisition(snr=0.0))
    assert np.isnan(found[..., 64:]).all()
    power = np.mean(10 ** (found[..., :64] / 10))  # 62 in 126 bins from 1 Hz
    assert power == pytest.approx(1 + 62 / 126, abs=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_and_gaps_are_kept(dtype, brown):
    everything = Acquisition(1.0, 1.0, 0.3, 30.0, 20.0, -3.0, 20.0, 40.0, True)
    x = brown.astype(dtype)
    x[1000:1100] = np.nan
    found = acquire_signal(x, SFREQ, everything)
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    spectra = epoch_spectra(to_epochs(x, SFREQ), SFREQ)
    found = acquire_spectra(spectra, spectrum_freqs(SFREQ), everything)
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.isnan(found), np.isnan(spectra))


def test_flat_and_missing_channels_stay_so():
    noisy = Acquisition(snr=0.0, mains=0.0)
    assert not acquire_signal(np.zeros(500), SFREQ, noisy).any()
    assert np.isnan(acquire_signal(np.full(500, np.nan), SFREQ, noisy)).all()
    missing = acquire_spectra(np.full((3, 128), np.nan), spectrum_freqs(SFREQ), noisy)
    assert np.isnan(missing).all()


def test_input_is_unchanged(brown):
    x, spectra = brown[:3000].copy(), np.zeros((3, 128))
    acquire_signal(x, SFREQ, Acquisition(snr=0.0, flipped=True))
    acquire_spectra(spectra, spectrum_freqs(SFREQ), Acquisition(gain=1.0, snr=0.0))
    np.testing.assert_array_equal(x, brown[:3000])
    assert not spectra.any()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"lowpass": 0}, "'lowpass' parameter of Acquisition must be a finite"),
        ({"highpass": -1.0}, "'highpass' parameter of Acquisition"),
        ({"snr": np.inf}, "'snr' parameter of Acquisition must be a finite"),
        ({"gain": np.nan}, "'gain' parameter"),
    ],
)
def test_bad_values_are_named(params, words):
    with pytest.raises(ValueError, match=words):
        Acquisition(**params)


def test_one_channel_at_a_time():
    with pytest.raises(ValueError, match=r"needs one channel.*got \(2, 100\)"):
        acquire_signal(np.zeros((2, 100)), SFREQ, Acquisition())


def test_slow_signals_get_no_noise():
    """Below a rate of 2 Hz there is no power from 1 Hz up to measure a level by."""
    x = np.random.default_rng(0).normal(95, 1, 300)
    found = acquire_signal(x, 1.0, Acquisition(snr=0.0))
    np.testing.assert_allclose(found, x, atol=1e-9)
