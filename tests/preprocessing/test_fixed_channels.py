from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import FixedChannels, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal


@pytest.fixture
def night():
    """A night of two EEG channels, and one EOG."""
    noise = np.random.default_rng(0).normal(size=(3, 6000))
    signals = {
        "eeg": Signal(noise[:2], 100, ["C3", "C4"]),
        "eog": Signal(noise[2:], 100, ["E1"]),
    }
    return Recording(id="n", subject="s", signals=signals)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_first_channels_again_where_there_are_fewer(night, count):
    X = FixedChannels({"eeg": count}).fit_transform(night)
    eeg, eog = X.recordings[0].load().signals.values()
    expected = night.signals["eeg"].data[[0, 1, 0][:count]]
    np.testing.assert_array_equal(eeg.data, expected)
    assert eeg.ch_names == ("C3", "C4", "C3")[:count]
    assert eog.ch_names == ("E1",)


def test_one_of_each_by_default(night):
    X = FixedChannels().fit_transform(STFTEpocher().fit_transform(night))
    assert X.epochs("eeg").shape == X.epochs("eog").shape == (2, 1, 29, 128)


def test_features():
    X = EpochArray.from_arrays({"eeg": np.arange(8.0).reshape(2, 4)})
    take = FixedChannels({"eeg": 3}, n_features=2).fit_transform(X)
    assert take.shape == (2, 6)
    assert take.epochs("eeg")[0].tolist() == [0, 1, 2, 3, 0, 1]
    with pytest.raises(RecordingError, match=r"3 features a channel, .* has 4 in all"):
        FixedChannels(n_features=3).fit_transform(X).epochs("eeg")


def test_wrong_numbers():
    X = np.ones((2, 1, 300))
    with pytest.raises(ValueError, match=r"n_channels\['eeg'\]"):
        FixedChannels({"eeg": 0}).fit(X)
    with pytest.raises(ValueError, match="n_features"):
        FixedChannels(n_features=0).fit(X)
