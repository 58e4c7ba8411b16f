"""Filters against MNE, scipy and the properties a filter must have."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from scipy import signal

from sleepkit.signal import (
    design_bandpass,
    design_notch,
    filter_signal,
    line_harmonics,
)


def noise(sfreq, seconds=60, seed=0):
    """Make brown-ish noise on an electrode's offset and drift."""
    rng = np.random.default_rng(seed)
    n_times = round(sfreq * seconds)
    walk = signal.lfilter([1], [1, -0.98], rng.standard_normal((2, n_times)))
    return (5 * walk + 50 + np.linspace(0, 40, n_times)).astype(np.float32)


def in_sd(ours, theirs):
    """Return the largest difference in standard deviations."""
    return np.abs(ours - theirs).max() / theirs.std()


@pytest.mark.parametrize("sfreq", [50, 99.97, 125, 256])
@pytest.mark.parametrize("band", [(0.3, 20), (None, 12.5), (0.5, None), (4, 8)])
def test_equals_mne_everywhere(sfreq, band):
    x = noise(sfreq)
    theirs = mne.filter.filter_data(x.astype(float), sfreq, *band, verbose="error")
    ours = filter_signal(x, design_bandpass(sfreq, *band))
    assert ours.dtype == np.float32
    assert in_sd(ours, theirs) < 1e-4


@pytest.mark.parametrize("n_times", [1, 2, 5, 300, 551, 600, 1101])
def test_equals_mne_on_signals_shorter_than_the_filter(n_times):
    x = noise(100)[:, :n_times].astype(float)
    theirs = mne.filter.filter_data(x, 100, 0.3, 35, verbose="error")
    ours = filter_signal(x, design_bandpass(100, 0.3, 35))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize(("sfreq", "line"), [(125, 50), (256, 60), (512, 50)])
def test_notch_equals_mne(sfreq, line):
    x = noise(sfreq)
    freqs = line_harmonics(sfreq, line)
    theirs = mne.filter.notch_filter(x.astype(float), sfreq, freqs, verbose="error")
    assert in_sd(filter_signal(x, design_notch(sfreq, freqs)), theirs) < 1e-4


@pytest.mark.parametrize("band", [(0.3, 40), (None, 23), (10, None)])
def test_short_filter_is_fir1_run_both_ways(band):
    x = noise(100).astype(float)
    edges = [edge for edge in band if edge is not None]
    taps = signal.firwin(101, edges, fs=100, pass_zero=band[0] is None)
    theirs = signal.filtfilt(taps, 1, x)
    ours = filter_signal(x, design_bandpass(100, *band, fir_order=100))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_an_electrode_offset_does_not_cost_precision():
    quiet = noise(100).astype(float)
    taps = design_bandpass(100, 0.3, 35)
    shifted = filter_signal((quiet + 100_000).astype(np.float32), taps)
    # the offset's own rounding in float32 is 0.004 uV
    np.testing.assert_allclose(shifted, filter_signal(quiet, taps), atol=0.05)


def test_long_and_short_blocks_agree():
    x = noise(100, seconds=1200)[0].astype(float)
    taps = design_bandpass(100, 0.3, 35)
    direct = np.convolve(x, taps, "same")
    inside = slice(taps.size, -taps.size)
    np.testing.assert_allclose(
        filter_signal(x, taps)[inside], direct[inside], atol=1e-9
    )


def test_rows_do_not_mix():
    x = np.stack([noise(100), noise(100, seed=1)]).astype(float)
    taps = design_bandpass(100, 0.3, 35)
    together = filter_signal(x, taps)
    assert together.shape == x.shape
    np.testing.assert_array_equal(together[1, 0], filter_signal(x[1, 0], taps))
    assert filter_signal(np.empty((0, 2, 100)), taps).shape == (0, 2, 100)


def test_gaps_stay_and_do_not_spread():
    x = noise(100)
    holed = x.copy()
    holed[0, 2000:2500] = np.nan
    holed[0, 4000] = np.inf
    taps = design_bandpass(100, 0.3, 35)
    whole, ours = filter_signal(x, taps), filter_signal(holed, taps)
    np.testing.assert_array_equal(np.isnan(ours), ~np.isfinite(holed))
    np.testing.assert_array_equal(ours[1], whole[1])
    np.testing.assert_allclose(ours[0, :1400], whole[0, :1400], atol=1e-4)
    assert np.nanmax(np.abs(ours[0] - whole[0])) < 3 * x.std()


def test_a_row_of_nan_stays_nan():
    x = np.stack([np.full(500, np.nan), np.ones(500)])
    ours = filter_signal(x, design_bandpass(100, None, 20))
    assert np.isnan(ours[0]).all()
    np.testing.assert_allclose(ours[1], 1)


def test_input_is_left_alone_and_may_be_read_only():
    x = noise(100)
    x[0, 7] = np.nan
    x.flags.writeable = False
    before = x.copy()
    filter_signal(x, design_bandpass(100, 0.3, 35))
    np.testing.assert_array_equal(x, before)


def test_no_samples_is_an_error():
    with pytest.raises(ValueError, match=r"at least one sample; got shape \(2, 0\)"):
        filter_signal(np.empty((2, 0)), np.ones(1))
