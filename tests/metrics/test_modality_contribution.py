"""What each modality adds to the probability of the predicted stage."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.metrics import modality_contribution
from sleepkit.recording import EpochArray

# probabilities of three epochs by what is left
PROBA = {
    ("eeg", "eog"): [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]],
    ("eeg",): [[0.7, 0.3], [0.9, 0.1], [0.5, 0.5]],
    ("eog",): [[0.2, 0.8], [0.1, 0.9], [0.5, 0.5]],
}


class Stager:
    """A stager that knows the answers."""

    def predict_proba(self, X):
        return np.array(PROBA[X.modalities])[X.epoch]


@pytest.fixture
def X(make_night):
    return EpochArray([make_night(3)])


def test_probability_that_is_lost_without_a_modality(X):
    found = modality_contribution(Stager(), X)
    assert list(found) == ["eeg", "eog"]
    np.testing.assert_allclose(found["eeg"], [0.7, -0.1, 0])  # less that by the EOG
    np.testing.assert_allclose(found["eog"], [0.2, 0.7, 0])


def test_rows_in_any_order(X):
    found = modality_contribution(Stager(), X[[2, 0]])
    np.testing.assert_allclose(found["eeg"], [0, 0.7])


def test_known_probabilities_are_not_computed_again(X):
    asked = []

    class Counting(Stager):
        def predict_proba(self, X):
            asked.append(X.modalities)
            return super().predict_proba(X)

    together = Stager().predict_proba(X)
    found = modality_contribution(Counting(), X, proba=together)
    assert asked == [("eog",), ("eeg",)]
    for name, values in modality_contribution(Stager(), X).items():
        np.testing.assert_array_equal(found[name], values)


def test_one_modality_cannot_be_left_out(X):
    with pytest.raises(ValueError, match=r"two modalities or more.*; got eeg"):
        modality_contribution(Stager(), X.select(["eeg"]))
