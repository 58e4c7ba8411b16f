"""Epochs and labels, worked by hand and against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.signal import majority_labels, to_epochs
from sleepkit.signal._epoching import epoch_starts


def test_starts_do_not_drift():
    starts = epoch_starts(961, 99.97, 30)
    assert starts[-1] == round(960 * 30 * 99.97)
    assert set(np.diff(starts)) == {2999, 3000}
    np.testing.assert_array_equal(epoch_starts(3, 50, 20), [0, 1000, 2000])


def test_epochs_of_a_whole_rate_are_a_view():
    x = np.arange(20.0).reshape(2, 10)
    epochs = to_epochs(x, sfreq=2, epoch_duration=2)
    assert epochs.shape == (2, 2, 4)
    np.testing.assert_array_equal(epochs[1], [[4, 5, 6, 7], [14, 15, 16, 17]])
    assert np.shares_memory(epochs, x)


def test_epochs_of_a_crooked_rate_start_at_rounded_samples():
    x = np.arange(100.0)
    epochs = to_epochs(x, sfreq=3.5, epoch_duration=3)  # 10.5 samples
    np.testing.assert_array_equal(epochs[:, 0], [0, 10, 21, 32, 42, 52, 63, 74, 84])
    assert epochs.shape == (9, 10)  # a half rounds to even


def test_missing_end_is_nan():
    epochs = to_epochs(np.ones((1, 25)), sfreq=1, epoch_duration=10, n_epochs=3)
    assert epochs.shape == (3, 1, 10)
    np.testing.assert_array_equal(np.isnan(epochs[2, 0]), [0] * 5 + [1] * 5)
    assert to_epochs(np.ones(25), 1, 10).shape == (2, 10)
    assert to_epochs(np.ones(5), 1, 10).shape == (0, 10)


def test_a_sample_that_rounding_takes_repeats_the_last():
    epochs = to_epochs(np.arange(11.0), sfreq=1.9, epoch_duration=3, n_epochs=2)
    assert epochs.shape == (2, 6)  # 5.7 samples, and the second epoch starts at 6
    np.testing.assert_array_equal(epochs[1], [6, 7, 8, 9, 10, 10])


def test_an_epoch_needs_a_sample():
    with pytest.raises(ValueError, match=r"An epoch of 0.1 s has no sample at 1 Hz"):
        to_epochs(np.ones(9), 1, 0.1)
    with pytest.raises(ValueError, match="'sfreq' parameter of to_epochs"):
        to_epochs(np.ones(9), 0)


@pytest.mark.parametrize(
    ("codes", "step", "duration", "expected"),
    [
        ([0, 0, 0, 0, 1, 1], 5, 30, [0]),
        ([0, 0, 0, 1, 1, 1], 5, 30, [1]),  # a tie: the later one
        ([1, 1, 1, 0, 0, 0], 5, 30, [0]),
        ([2, 4, 2, 4, 2, 4], 5, 30, [4]),
        ([-1, -1, -1, 2, 2, 2], 5, 30, [2]),  # half is scored
        ([-1, -1, -1, -1, 2, 2], 5, 30, [-1]),
        ([-1, -1, 1, 0, 0, -1], 5, 30, [0]),
        ([0, 1, 1], 20, 30, [0, 1]),
        ([0, -1, 1], 20, 30, [0, 1]),
        ([0, -1, -1], 20, 30, [0, -1]),
        ([0, 2, 3], 30, 30, [0, 2, 3]),
        ([0, 2], 30, 20, [0, 2, 2]),  # 20-40 s ties
        ([0, 2], 30, 5, [0] * 6 + [2] * 6),
        ([0, 2, 3], 30, 60, [2]),  # the last half epoch is left out
        ([3] * 7, 5, 30, [3]),
        ([3] * 5, 5, 30, []),
        ([], 5, 30, []),
    ],
)
def test_majority_by_hand(codes, step, duration, expected):
    labels = majority_labels(codes, step, duration)
    assert labels.dtype == np.int8
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(("step", "duration"), [(5, 30), (20, 30), (7, 30), (30, 20)])
def test_majority_equals_counting_seconds(step, duration):
    codes = np.random.default_rng(0).integers(-1, 5, 200)
    seconds = np.repeat(codes, step)
    expected = []
    for start in range(0, seconds.size - duration + 1, duration):
        window = seconds[start : start + duration].tolist()
        counts = {code: window.count(code) for code in set(window) - {-1}}
        best = max(
            counts, key=lambda code: (counts[code], window.index(code)), default=-1
        )
        expected.append(best if sum(counts.values()) * 2 >= duration else -1)
    np.testing.assert_array_equal(majority_labels(codes, step, duration), expected)


def test_majority_on_a_crooked_grid():
    # 1.1 s is no exact float: 300 labels are 330 s, 11 epochs.
    labels = majority_labels(np.repeat([0, 1, 2], 100), 1.1, 30)
    np.testing.assert_array_equal(labels, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2])


@pytest.mark.parametrize("codes", [[0, 5], [-2, 0], [[0, 1]]])
def test_codes_must_be_stages(codes):
    with pytest.raises(ValueError, match="'codes' parameter of majority_labels"):
        majority_labels(codes, 5)


def test_majority_of_labels_of_any_length():
    labels = majority_labels([0, -1, 2, 1], [0, 40, 64, 80, 121])
    np.testing.assert_array_equal(labels, [0, -1, 2, 1])  # 30-60: 10 s of W only


@pytest.mark.parametrize("times", [[0, 30], [0, 30, 30], [1, 30, 60], [0, np.nan, 60]])
def test_times_of_labels_must_increase_from_zero(times):
    with pytest.raises(ValueError, match="needs 3 increasing times from 0 on"):
        majority_labels([0, 1], times)
