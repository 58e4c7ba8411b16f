from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.recording import EpochArray, assign_channels, split_modalities

X = np.arange(12.0).reshape(2, 3, 2)
WRONG = [
    {"eeg": [0], "eog": [0]},
    {"eeg": [1, 1]},
    {"eeg": [0, 3]},
    {"eeg": [-1]},
    {"eeg": []},
    {"eeg": [0.0]},
    {"eeg": [True]},
    {"eeg": "0"},
    {"eeg": 0},
    {3: [0]},
    {"": [0]},
    {},
    ["eeg"],
    "eeg",
]
RULE = r"must map each name to a list of indices from 0 to 2 .*none twice\. Got "


def test_channels_are_split_by_index_and_may_be_left_out():
    parts = split_modalities(X, {"eog": [2, 0]}, owner="Thing")
    assert list(parts) == ["eog"]
    np.testing.assert_array_equal(parts["eog"], X[:, [2, 0]])
    assert assign_channels({"eog": np.array([2, 0])}, 3, owner="") == {"eog": [2, 0]}


def test_without_modalities_everything_is_eeg():
    (only,) = split_modalities(X, None, owner="Thing").items()
    assert only[0] == "eeg"
    assert only[1] is X
    assert assign_channels(None, 2, owner="Thing") == {"eeg": [0, 1]}


@pytest.mark.parametrize("modalities", WRONG, ids=repr)
def test_one_rule_and_one_message_everywhere(modalities):
    with pytest.raises(ValueError, match=f"'modalities' parameter of Thing {RULE}"):
        split_modalities(X, modalities, owner="Thing")
    with pytest.raises(ValueError, match=f"of EpochArray.from_arrays {RULE}"):
        EpochArray.from_arrays(X, modalities=modalities)
    with pytest.raises(ValueError, match=f"of SleepMGClassifier {RULE}"):
        SleepMGClassifier(modalities=modalities).fit(X, [0, 1])
