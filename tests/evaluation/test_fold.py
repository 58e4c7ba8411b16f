"""Data for workers reports its size in memory."""

from __future__ import annotations

import sys

import numpy as np

from sleepkit.evaluation._fold import Data
from sleepkit.recording import EpochArray, MappedArray, Recording, Signal


def test_size_counts_what_is_in_memory(tmp_path):
    values = np.zeros((2, 6000), np.float32)
    np.save(tmp_path / "eog.npy", values)
    stored = MappedArray.from_npy(tmp_path / "eog.npy", "x")
    signals = {"eeg": Signal(values, 100), "eog": Signal(stored, 100)}
    X = EpochArray([Recording(id="n", subject="p", signals=signals)])
    size = sys.getsizeof(Data(X, np.zeros(2, np.int8), {}))
    assert values.nbytes < size < 2 * values.nbytes
