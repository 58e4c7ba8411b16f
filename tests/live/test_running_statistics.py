from __future__ import annotations

import numpy as np
import pytest

from sleepkit.live import _running_statistics as module
from sleepkit.live._running_statistics import RunningStatistics, Window
from sleepkit.preprocessing._scaling import measure

N_EPOCHS, CONTEXT = 60, 5


def slide(values, axes, *, robust, known=None, twice=False):
    """Statistics of each window of a night, as a live stager measures them."""
    window = Window()
    statistics = RunningStatistics(window)
    measured = []
    for end in range(1, len(values) + 1):
        window.first = max(end - CONTEXT, 0)
        window.kept = max(end + 1 - CONTEXT, 0)
        part = values[window.first : end]
        epochs = np.arange(len(part))
        if known is not None:
            epochs = epochs[known[window.first : end]]
        for _ in range(1 + twice):
            found = statistics.measure("eeg", part, epochs, axes, robust=robust)
        measured.append(found)
    return measured, statistics


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(size=(N_EPOCHS, 3)), axis=0)


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("robust", [False, True])
def test_statistics_of_all_epochs_so_far(features, robust, twice):
    measured, _ = slide(features, (0,), robust=robust, twice=twice)
    for end, found in enumerate(measured, start=1):
        expected = measure(features[:end], (0,), robust=robust)
        for mine, true in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, true, rtol=1e-9, atol=1e-9)


def test_before_an_epoch_leaves_they_are_exact(features):
    measured, _ = slide(features[: CONTEXT - 1], (0,), robust=False)
    expected = measure(features[: CONTEXT - 1], (0,), robust=False)
    assert all(
        np.array_equal(a, b) for a, b in zip(measured[-1], expected, strict=True)
    )


def test_epochs_that_do_not_count(features):
    known = np.arange(N_EPOCHS) % 3 > 0
    measured, _ = slide(features, (0,), robust=False, known=known)
    expected = measure(features[known], (0,), robust=False)
    np.testing.assert_allclose(measured[-1].center, expected.center)
    assert measured[-1].n_values.tolist() == [known.sum()] * 3


def test_few_rows_are_kept_from_all_over_the_night(features, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ROWS", 10)
    _, statistics = slide(features, (0,), robust=True)
    numbers = statistics._memories["eeg"]._numbers
    assert len(numbers) <= 10
    assert numbers == list(range(0, N_EPOCHS - CONTEXT + 1, 8))


def test_medians_of_signals_are_those_of_a_part_of_the_samples():
    rng = np.random.default_rng(0)
    signal = rng.normal(3, 2, size=(N_EPOCHS, 2, 1000))
    measured, statistics = slide(signal, (0, 2), robust=True)
    assert statistics._memories["eeg"]._rows[0].shape == (2, 100)
    np.testing.assert_allclose(measured[-1].center, 3, atol=0.1)
    np.testing.assert_allclose(measured[-1].scale, 2, atol=0.1)
