from __future__ import annotations

import json

import numpy as np
import pytest

from sleepkit.exceptions import ModelFileError
from sleepkit.pipelines import TrainingReference
from sleepkit.recording import EpochArray


@pytest.fixture(scope="module")
def reference(make_night):
    nights = EpochArray([make_night(10, seed=seed) for seed in range(2)])
    return TrainingReference.measure(nights, [0.7, 0.9])


def test_values(reference):
    assert reference.confidence == 0.8
    assert reference.least_confidence == pytest.approx(0.5)
    assert set(reference.low) == {"eeg", "eog"}
    # as many as six bands, and these less their mean; EOG at 50 Hz has no beta
    low, high = np.array(reference.low["eeg"]), np.array(reference.high["eeg"])
    assert low.shape == (12,)
    assert (low <= high).all()
    assert max(reference.outside.values()) < 0.2


def test_json(reference):
    again = TrainingReference.from_json(json.loads(json.dumps(reference.to_json())))
    assert again == reference


@pytest.mark.parametrize(
    "change",
    [{"confidence": "x"}, {"low": []}, {"low": {"eeg": [1]}}, {"outside": {}}],
    ids=str,
)
def test_damaged(reference, change):
    with pytest.raises(ModelFileError, match="reference of training nights is damaged"):
        TrainingReference.from_json(reference.to_json() | change)
    with pytest.raises(ModelFileError):
        TrainingReference.from_json(3)
