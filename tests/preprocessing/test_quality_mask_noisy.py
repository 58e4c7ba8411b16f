"""noisy_recordings finds the nights that are bad as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import STFTEpocher, noisy_recordings
from sleepkit.recording import EpochArray, Recording, Signal


def noise(sd=15.0, seed=0):
    """Make 20 epochs of one channel, shape (n_epochs, n_times)."""
    return sd * np.random.default_rng(seed).standard_normal((20, 3000))


def night(valid=None, id="n", **epochs):
    signals = {
        name: Signal(e.ravel(), sfreq=100, valid=valid) for name, e in epochs.items()
    }
    return Recording(id=id, subject=id, signals=signals)


def test_by_the_difference():
    quiet = night(id="quiet", eeg=noise(), eog=noise(seed=1))
    loud = noise()
    loud[:9] *= 8  # 45 % of the windows
    broken_eeg = night(id="broken-eeg", eeg=loud, eog=noise(seed=1))
    broken_eog = night(id="broken-eog", eeg=noise(seed=1), eog=loud)
    both = night(id="both", eeg=loud, eog=loud)
    alone = night(id="alone", eeg=loud)
    X = EpochArray([quiet, broken_eeg, broken_eog, both, alone])
    assert noisy_recordings(X).tolist() == [False, True, True, False, False]
    assert not noisy_recordings(X, fraction=0.45).any()
    assert not noisy_recordings(X, threshold=1000.0).any()


def test_by_one_modality():
    loud = noise()
    loud[:9] *= 8
    X = EpochArray([night(id="a", eeg=noise()), night(id="b", eeg=loud)])
    assert noisy_recordings(X, other=None).tolist() == [False, True]


def test_epochs_that_are_missing_do_not_count():
    loud = noise()
    loud[:8] *= 8
    loud[15:] = np.nan  # 8 of 15 are noisy, with the missing ones 8 of 20
    assert noisy_recordings(EpochArray([night(eeg=loud)]), other=None)[0]
    valid = np.arange(20) >= 4
    again = night(eeg=loud, valid=valid)  # 4 of 11
    assert not noisy_recordings(EpochArray([again]), other=None)[0]
    shorter = night(eeg=loud[:12]).with_signals(again.signals)  # 4 of 8
    assert noisy_recordings(EpochArray([shorter]), other=None)[0]


def test_spectra_are_refused():
    spectra = STFTEpocher().fit_transform(EpochArray([night(eeg=noise())]))
    with pytest.raises(RecordingError, match="noisy_recordings needs continuous"):
        noisy_recordings(spectra, other=None)
