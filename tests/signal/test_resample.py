"""Resampling against MNE, known sines and lengths."""

from __future__ import annotations

from fractions import Fraction

import mne
import numpy as np
import pytest

from sleepkit.signal import resample
from sleepkit.signal._resample import resampling_ratio


def noise(n_times, seed=0):
    """Make smooth noise around an offset."""
    white = np.random.default_rng(seed).standard_normal((2, n_times + 20))
    smooth = [np.convolve(row, np.hanning(21), "valid") for row in white]
    return (30 + np.asarray(smooth)).astype(np.float32)


@pytest.mark.parametrize(
    ("sfreq", "new"), [(125, 100), (50, 100), (256, 100), (200, 128), (100, 125)]
)
def test_equals_mne_polyphase(sfreq, new):
    x = noise(32 * sfreq)
    theirs = mne.filter.resample(
        x.astype(float), new, sfreq, method="polyphase", verbose="error"
    )
    ours = resample(x, sfreq, new)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


@pytest.mark.parametrize("sfreq", [125, 256, 99.97, 199.8049, 512, 50])
def test_a_sine_stays_the_same_sine(sfreq):
    x = np.sin(2 * np.pi * 3 * np.arange(round(60 * sfreq)) / sfreq)
    ours = resample(x, sfreq, 100)
    expected = np.sin(2 * np.pi * 3 * np.arange(ours.size) / 100)
    np.testing.assert_allclose(ours[100:-100], expected[100:-100], atol=5e-3)


@pytest.mark.parametrize(
    ("n_times", "sfreq", "new", "expected"),
    [
        (3_600_000, 125, 100, 2_880_000),
        (1001, 200, 100, 500),  # 500.5 to the even one
        (1003, 200, 100, 502),
        (1, 256, 100, 1),
        (2, 50, 100, 4),
        (9997, 99.97, 100, 10_000),
    ],
)
def test_length_is_rounded_but_never_zero(n_times, sfreq, new, expected):
    assert resample(np.ones(n_times, np.float32), sfreq, new).shape == (expected,)


def test_ratio_by_hand():
    assert resampling_ratio(256, 100) == Fraction(25, 64)
    assert resampling_ratio(100, 256) == Fraction(64, 25)
    assert resampling_ratio(99.97, 100) == Fraction(10_000, 9997)
    assert resampling_ratio(128, 128.0) == 1
    ratio = resampling_ratio(173.61, 100)
    assert max(ratio.numerator, ratio.denominator) <= 10_000
    assert abs(float(ratio) * 173.61 / 100 - 1) < 1e-7


@pytest.mark.parametrize(("sfreq", "new"), [(1, 20_000), (20_001, 1)])
def test_ratios_without_a_fraction_are_an_error(sfreq, new):
    with pytest.raises(ValueError, match=f"up to 10000; got new_sfreq={new}"):
        resampling_ratio(sfreq, new)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="'new_sfreq' parameter of resample"):
        resample(np.ones(9), 100, 0)
    with pytest.raises(ValueError, match=r"at least one sample; got shape \(0,\)"):
        resample(np.ones(0), 100, 50)


def test_gaps_stay_and_do_not_spread():
    x = noise(6250)
    holed = x.copy()
    holed[0, 2500:3125] = np.nan  # 20 to 25 s at 125 Hz
    whole, ours = resample(x, 125, 100), resample(holed, 125, 100)
    assert np.isnan(ours[0, 2000:2500]).all()
    assert np.isnan(ours).sum() == 500
    np.testing.assert_array_equal(ours[1], whole[1])
    np.testing.assert_allclose(ours[0, :1980], whole[0, :1980], rtol=1e-3)


def test_gap_at_the_end_and_upwards():
    x = np.ones((1, 100))
    x[0, 50:] = np.nan
    ours = resample(x, 50, 100)
    assert ours.shape == (1, 200)
    assert np.isnan(ours[0, 102:]).all()
    assert not np.isnan(ours[0, :99]).any()


def test_same_rate_is_a_copy_and_input_is_left_alone():
    x = noise(500)
    x.flags.writeable = False
    same = resample(x, 100, 100.0)
    np.testing.assert_array_equal(same, x)
    assert same.flags.writeable
    assert not np.shares_memory(same, x)
    resample(x, 125, 100)


def test_any_leading_shape():
    x = noise(500).reshape(2, 1, 500)
    ours = resample(x, 125, 100)
    assert ours.shape == (2, 1, 400)
    np.testing.assert_allclose(ours[1, 0], resample(x[1, 0], 125, 100), rtol=1e-6)
