"""Band powers against scipy's Welch and sines of known height."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from sleepkit.signal import BANDS, band_powers

EPOCHS = 20 * np.random.default_rng(0).standard_normal((5, 2, 3000)).astype(np.float32)


def test_band_powers_equal_welch():
    freqs, density = signal.welch(EPOCHS.astype(float), 100, nperseg=400)
    ours = band_powers(EPOCHS, 100)
    for i, (low, high) in enumerate(BANDS.values()):
        power = density[..., (freqs >= low) & (freqs < high)].sum(-1) * freqs[1]
        np.testing.assert_allclose(ours[..., i], np.log10(power), atol=1e-3)


def test_power_of_a_sine_lands_in_its_band():
    sine = 6 * np.sin(2 * np.pi * 10 * np.arange(3000) / 100)
    powers = dict(zip(BANDS, band_powers(sine[np.newaxis], 100)[0], strict=True))
    assert powers["alpha"] == pytest.approx(np.log10(18), abs=1e-3)
    assert max(powers[name] for name in set(BANDS) - {"alpha"}) < -2.9


def test_an_offset_has_no_power():
    powers = band_powers(EPOCHS, 100)
    np.testing.assert_allclose(band_powers(EPOCHS + 100, 100), powers, atol=1e-3)


def test_bands_above_the_bandwidth_are_nan():
    missing = np.isnan(band_powers(EPOCHS, 100, bandwidth=25.0)).all(axis=(0, 1))
    assert missing.tolist() == [False] * 5 + [True] * 2
    missing = np.isnan(band_powers(EPOCHS, 50)).all(axis=(0, 1))
    assert missing.tolist() == [False] * 5 + [True] * 2


def test_segments_with_gaps_are_left_out():
    holed = EPOCHS.copy()
    holed[0, 0, :1000] = np.nan
    holed[1] = np.nan
    ours = band_powers(holed, 100)
    np.testing.assert_allclose(
        ours[0, 0], band_powers(EPOCHS[:1, 0, 1000:], 100)[0], atol=1e-5
    )
    assert np.isnan(ours[1]).all()
    assert np.isfinite(ours[2:]).all()


def test_bad_bands_are_named():
    with pytest.raises(ValueError, match=r"0 <= low < high; got x=\(8, 4\)"):
        band_powers(EPOCHS, 100, {"x": (8, 4)})
    with pytest.raises(ValueError, match=r"wider than 1 / window = 0.25 Hz; got x"):
        band_powers(EPOCHS, 100, {"x": (8.05, 8.1)})
    with pytest.raises(ValueError, match="'window' parameter of band_powers"):
        band_powers(EPOCHS, 100, window=-1)
