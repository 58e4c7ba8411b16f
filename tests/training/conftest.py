"""Nights of features for the tests of training."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording import EpochArray, Recording, Signal


@pytest.fixture(scope="session")
def make_features():
    """A factory of nights whose only feature is the number of the epoch.

    ``make_features({"a": 5, "b": 3}, gaps={"a": [2]}, eog=["a"])``: lengths of nights,
    epochs without any signal, and nights that have an ``"eog"`` too (of two features).
    """

    def make(lengths, *, gaps=None, eog=()):
        nights, first = [], 0
        for name, n_epochs in lengths.items():
            values = np.arange(first, first + n_epochs, dtype=np.float32)
            valid = ~np.isin(np.arange(n_epochs), (gaps or {}).get(name, []))
            signals = {"eeg": Signal(values[:, np.newaxis], valid=valid)}
            if name in eog:
                signals["eog"] = Signal(np.stack([-values, values], 1), valid=valid)
            nights.append(Recording(id=name, subject=name, signals=signals))
            first += n_epochs
        return EpochArray(nights)

    return make
