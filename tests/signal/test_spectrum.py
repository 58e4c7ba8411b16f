"""Spectra against scipy, a plain loop and sines of known height."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from sleepkit.signal import BANDS, band_powers, epoch_spectra, spectrum_freqs

RNG = np.random.default_rng(0)
EPOCHS = 20 * RNG.standard_normal((5, 2, 3000)).astype(np.float32)


def test_shape_and_bins_of_the_papers():
    assert epoch_spectra(EPOCHS, 100).shape == (5, 2, 29, 128)
    with_dc = epoch_spectra(EPOCHS, 100, n_bins=129)
    assert with_dc.shape == (5, 2, 29, 129)
    np.testing.assert_array_equal(
        epoch_spectra(EPOCHS, 100, n_bins=128), with_dc[..., 1:]
    )
    np.testing.assert_allclose(spectrum_freqs(100), np.arange(1, 129) * 100 / 256)
    assert spectrum_freqs(100, n_bins=129)[0] == 0


def test_equals_scipy_up_to_a_constant():
    _, _, theirs = signal.spectrogram(
        EPOCHS.astype(float),
        100,
        np.hamming(200),
        noverlap=100,
        nfft=256,
        detrend=False,
        mode="complex",
    )
    theirs = 20 * np.log10(np.abs(theirs)).swapaxes(-1, -2)
    difference = epoch_spectra(EPOCHS, 100, n_bins=129) - theirs
    np.testing.assert_allclose(difference, difference.mean(), atol=1e-2)


def test_equals_a_plain_loop():
    window = np.hamming(30)
    ours = epoch_spectra(EPOCHS, 20, window=1.5, hop=0.5, n_fft=64, n_bins=33)
    assert ours.shape == (5, 2, 298, 33)
    for frame in (0, 7, 297):
        x = EPOCHS[3, 1, frame * 10 : frame * 10 + 30].astype(float)
        amplitude = 2 * np.abs(np.fft.rfft(x * window, 64)) / window.sum()
        np.testing.assert_allclose(
            ours[3, 1, frame], 20 * np.log10(amplitude), atol=1e-3
        )


@pytest.mark.parametrize("height", [1.0, 10.0])
def test_decibels_are_those_of_a_sine_in_microvolts(height):
    sine = height * np.sin(2 * np.pi * 12.5 * np.arange(3000) / 100)
    spectra = epoch_spectra(sine[np.newaxis], 100)
    np.testing.assert_allclose(spectra[..., 31], 20 * np.log10(height), atol=0.01)
    assert (spectra.argmax(axis=-1) == 31).all()


def test_floor_is_in_microvolts():
    silent = np.zeros((1, 3000))
    assert np.unique(epoch_spectra(silent, 100)).round(6).tolist() == [-60]
    assert np.unique(epoch_spectra(silent, 100, floor=0.1)).round(6).tolist() == [-20]


def test_dtype_follows_the_input_and_input_is_left_alone():
    frozen = EPOCHS.copy()
    frozen.flags.writeable = False
    assert epoch_spectra(frozen, 100).dtype == np.float32
    assert band_powers(frozen, 100).dtype == np.float32
    assert epoch_spectra(frozen.astype(float), 100).dtype == np.float64
    assert band_powers(frozen.astype(float), 100).dtype == np.float64
    np.testing.assert_array_equal(frozen, EPOCHS)


def test_epochs_do_not_depend_on_their_neighbours():
    for function in (epoch_spectra, band_powers):
        many = function(np.tile(EPOCHS, (9, 1, 1)), 100)
        np.testing.assert_allclose(
            many[7 * 5 + 3], function(EPOCHS[3:4], 100)[0], rtol=1e-4
        )


def test_frames_with_gaps_are_nan_and_no_others():
    holed = EPOCHS.copy()
    holed[1, 0, 1050] = np.nan  # frames at 900 and 1000
    missing = np.isnan(epoch_spectra(holed, 100))
    assert missing[1, 0, 9:11].all()
    assert missing.sum() == 2 * 128


def test_short_rows_are_filled_with_zeros():
    short = RNG.standard_normal((4, 50))
    padded = np.pad(short, [(0, 0), (0, 150)])
    ours = epoch_spectra(short, 100)
    assert ours.shape == (4, 1, 128)
    np.testing.assert_array_equal(ours, epoch_spectra(padded, 100))
    assert np.isfinite(band_powers(short, 100)).all()


def test_no_epochs():
    assert epoch_spectra(EPOCHS[:0], 100).shape == (0, 2, 29, 128)
    assert band_powers(EPOCHS[:0], 100).shape == (0, 2, len(BANDS))


def test_bad_spectra_are_named():
    with pytest.raises(
        ValueError, match=r"n_bins to be n_fft // 2 = 128.*got n_bins=64"
    ):
        epoch_spectra(EPOCHS, 100, n_bins=64)
    with pytest.raises(ValueError, match=r"n_fft of at least .* = 400; got n_fft=256"):
        epoch_spectra(EPOCHS, 200)
    for name in ("window", "hop", "floor"):
        with pytest.raises(ValueError, match=f"'{name}' parameter of epoch_spectra"):
            epoch_spectra(EPOCHS, 100, **{name: 0})
