"""Features less the median of their recording, appended to the features."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import RelativeFeatures
from sleepkit.recording import EpochArray, Recording, Signal


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(9, 3)).astype("f4")


def test_each_recording_has_its_own_medians(features):
    X = EpochArray.from_arrays({"eeg": features}, recording=[0] * 4 + [1] * 5)
    found = RelativeFeatures().fit_transform(X).epochs("eeg")
    np.testing.assert_array_equal(found[:, :3], features)
    for rows in (slice(4), slice(4, None)):
        expected = features[rows] - np.median(features[rows], axis=0)
        np.testing.assert_allclose(found[rows, 3:], expected, atol=1e-6)


def test_a_level_of_the_recording_does_not_matter(features):
    first, second = (
        RelativeFeatures().fit_transform(EpochArray.from_arrays({"eeg": values}))
        for values in (features, features + 5)
    )
    a, b = (X.epochs("eeg")[:, 3:] for X in (first, second))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_invalid_epochs_do_not_count(features):
    features[:4] = 100
    features[5, 1] = np.nan
    signal = Signal(features, ch_names=["a", "b", "c"], valid=np.arange(9) >= 4)
    night = Recording(id="n", subject="s", signals={"eeg": signal})
    changed = RelativeFeatures().fit_transform(night).recordings[0].signals["eeg"]
    expected = features[4:] - np.nanmedian(features[4:], axis=0)
    np.testing.assert_allclose(changed.data[4:, 3:], expected, atol=1e-6)
    assert changed.valid.tolist() == signal.valid.tolist()
    assert changed.ch_names[2:4] == ("c", "a[-median]")


def test_rows_of_an_array_are_recordings(features):
    found = RelativeFeatures().fit_transform(features)
    np.testing.assert_array_equal(found, np.concatenate([features, 0 * features], 1))


def test_signals_are_no_features(make_night):
    with pytest.raises(RecordingError, match=r"needs features .* but 'eeg' of"):
        RelativeFeatures().fit_transform(make_night()).materialize()
