"""Flags of bad windows, worked by hand and on simulated nights."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.signal import flag_windows, is_noisy_recording, robust_z

KINDS = ("nonfinite", "flat", "clipped", "outlying")


def noise(n_windows=40, n_times=1000, n_channels=2, sd=15.0, seed=0):
    """Make a night of white noise whose strength varies by a fifth."""
    rng = np.random.default_rng(seed)
    strength = sd * np.exp(rng.normal(0, 0.2, (n_channels, n_windows, 1)))
    windows = strength * rng.standard_normal((n_channels, n_windows, n_times))
    return windows.astype(np.float32)


def raised(flags):
    """Name the flags that are set, as (kind, channel, window)."""
    return {
        (kind, *map(int, where))
        for kind in KINDS
        for where in np.argwhere(getattr(flags, kind))
    }


def test_a_good_night_has_no_flags():
    windows = noise()
    flags = flag_windows(windows)
    assert raised(flags) == set()
    assert not flags.bad.any()
    assert flags.sd.shape == (2, 40)
    np.testing.assert_allclose(flags.sd, windows.std(axis=-1), rtol=1e-5)


def test_each_fault_is_found_where_it_is_and_nowhere_else():
    windows = noise()
    windows[0, 3] = 7.0
    windows[0, 4] = 0.4 * np.sin(np.arange(1000))  # 0.8 from top to bottom
    windows[1, 5, :600] = windows[1, 5, 0]
    windows[1, 6] = windows[1, 6].clip(-20, 20)
    windows[0, 7, 123] = np.nan
    windows[1, 8, 5] = np.inf
    windows[0, 9] *= 20
    windows[1, 10] /= 10  # too weak, but not flat
    flags = flag_windows(windows)
    assert raised(flags) == {
        ("flat", 0, 3),
        ("flat", 0, 4),
        ("flat", 1, 5),
        ("clipped", 1, 6),
        ("nonfinite", 0, 7),
        ("nonfinite", 1, 8),
        ("outlying", 0, 9),
        ("outlying", 1, 10),
    }
    assert np.isnan(flags.sd[0, 7])
    assert np.isnan(flags.sd[1, 8])
    assert flags.bad.sum() == 8


def test_range_and_repetition_by_hand():
    # Of ten samples five are 3, and five equal the one before: not more than 0.5.
    window = np.array([0, 0, 3, 3, 3, 9, 9, 5, 3, 3.0])
    assert not flag_windows(window[None], max_clipped=1, max_z=None).flat[0]
    assert flag_windows(window[None], max_repeated=0.4, max_z=None).flat[0]
    assert flag_windows(window[None], min_range=9.1, max_z=None).flat[0]
    assert not flag_windows(window[None], min_range=9.0, max_z=None).flat[0]


def test_coarse_steps_are_not_flat():
    """As the ECG of a Nox recorder, whose steps of 31 uV repeat two of three times."""
    times = np.arange(6000) / 200
    beats = 900 * np.exp(-(((times % 0.9 - 0.4) / 0.01) ** 2))
    ecg = 31.25 * np.round((beats + 120 * np.sin(0.9 * times)) / 31.25)
    repeats = np.mean(ecg[1:] == ecg[:-1])
    assert repeats > 0.6
    assert not flag_windows(ecg[None], max_z=None).flat[0]
    ecg[2000:5500] = ecg[2000]
    assert flag_windows(ecg[None], max_z=None).flat[0]


def test_clipping_by_hand():
    # Of 10 samples 3 stay at the top for three samples: two steps, 2 / 10. The single
    # lowest sample does not stay.
    window = np.array([0, 1, 5, 5, 5, 2, -3, 1, 5, 0.0])
    assert flag_windows(window[None], max_clipped=0.19, max_z=None).clipped[0]
    assert not flag_windows(window[None], max_clipped=0.2, max_z=None).clipped[0]


def test_one_end_is_enough():
    windows = noise(n_channels=1)
    windows[0, 2] = windows[0, 2].clip(-1e9, 20)
    assert raised(flag_windows(windows)) == {("clipped", 0, 2)}


def test_outlying_is_judged_for_each_channel_alone():
    windows = noise()
    windows[1] *= 30
    assert not flag_windows(windows).bad.any()


def test_outlying_can_be_turned_off_and_takes_a_threshold():
    windows = noise()
    windows[0, 9] *= 20
    assert not flag_windows(windows, max_z=None).outlying.any()
    assert not flag_windows(windows, max_z=1e4).outlying.any()


def test_flat_and_missing_windows_do_not_shift_the_usual_strength():
    windows = noise()
    windows[:, :15] = 0.0
    windows[:, 15:19] = np.nan
    windows[0, 30] *= 20
    assert raised(flag_windows(windows)) >= {("outlying", 0, 30)}
    assert flag_windows(windows).outlying.sum() == 1


def test_a_night_of_nan():
    assert flag_windows(np.full((1, 5, 100), np.nan)).nonfinite.all()
    assert flag_windows(np.zeros((1, 5, 100))).flat.all()
    assert flag_windows(np.zeros((1, 0, 100))).bad.shape == (1, 0)


def test_windows_are_left_alone_and_may_be_read_only():
    windows = noise()
    windows[0, 3, 5] = np.nan
    windows.flags.writeable = False
    before = windows.copy()
    flag_windows(windows)
    np.testing.assert_array_equal(windows, before)


def test_flags_do_not_depend_on_the_unit_beyond_the_range():
    windows = noise()
    windows[0, 9] *= 20
    windows[1, 6] = windows[1, 6].clip(-20, 20)
    in_volts = flag_windows(windows * 1e-6, min_range=1e-6)
    assert raised(in_volts) == raised(flag_windows(windows))


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


@pytest.mark.real
@pytest.mark.parametrize(
    ("excerpt", "sfreq", "clipped"),
    [(1, 100, [4]), (2, 200, []), (3, 50, []), (4, 200, [30, 59])],
)
def test_real_eeg_is_clipped_where_it_reaches_the_limits(
    real_data, excerpt, sfreq, clipped
):
    """The recorder's limits are +-328 microvolts; nothing else is flat or clipped."""
    path = real_data / "dreams" / f"excerpt{excerpt}.txt"
    windows = np.loadtxt(path, skiprows=1).reshape(60, 30 * sfreq)
    flags = flag_windows(windows)
    assert np.flatnonzero(flags.clipped).tolist() == clipped
    assert (np.abs(windows[clipped]).max(axis=1) > 327).all()
    assert not flags.flat.any()
    assert flags.outlying.sum() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sd_keeps_its_precision_beside_a_large_offset(dtype):
    windows = noise(n_times=3000).astype(dtype) + dtype(1000)
    exact = windows.astype(np.float64).std(axis=-1)
    np.testing.assert_allclose(flag_windows(windows).sd, exact, rtol=1e-4)
