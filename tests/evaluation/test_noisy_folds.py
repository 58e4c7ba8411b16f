"""Only noisy nights are tested; training stays."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.evaluation import noisy_folds
from sleepkit.recording import EpochArray


@pytest.fixture
def cohort():
    """Six nights; the EEG of n1 and the EOG of n4 is noisy in half of the epochs."""
    signals = np.random.default_rng(0).normal(0, 20, (24, 2, 300))
    night = np.repeat([f"n{i}" for i in range(6)], 4)
    signals[[4, 5], 0] *= 5
    signals[[16, 17], 1] *= 5
    columns = {"eeg": [0], "eog": [1]}
    return EpochArray.from_arrays(
        signals, recording=night, modalities=columns, sfreq=10
    )


def test_by_hand(cohort):
    rows = np.arange(24)
    cv = [(rows >= 8, rows < 8), (rows < 8, rows >= 8), (rows[4:], rows[:4])]
    found = noisy_folds(cohort, cv)
    assert [test.tolist() for _, test in found] == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert [train.tolist() for train, _ in found] == [
        *(list(range(8, 24)), list(range(8))),
    ]


def test_the_rule_can_be_changed(cohort):
    cv = [(np.arange(12, 24), np.arange(12))]
    with pytest.raises(ValueError, match="none of 3 test nights to be noisy"):
        noisy_folds(cohort, cv, fraction=0.5)
    [(_, test)] = noisy_folds(cohort, cv, other=None, threshold=5)
    assert test.tolist() == list(range(12))
