from __future__ import annotations

import pytest

from sleepkit.datasets._night import choose_channels
from sleepkit.io import ChannelInfo

MODALITIES = ("eeg", "eog", "emg")


def channels(**labels):
    """Channels of a file: a modality for each label, in order."""
    return [
        ChannelInfo(i, label, modality, 100.0, 3000, "uV", -1.0, 1.0)
        for i, (label, modality) in enumerate(labels.items())
    ]


@pytest.mark.parametrize(
    ("labels", "position"),
    [
        (["O1-M2", "F3-M2", "C3-M2", "C4-M1"], 3),
        (["O1-A1", "C3-A1"], 1),
        (["EEG Pz-Oz", "EEG Fpz-Cz"], 1),
        (["EEG(sec)", "EEG"], 1),
        (["F3-M2", "F4-M1"], 0),
    ],
)
def test_a_central_channel_stands_for_the_eeg(labels, position):
    found = channels(**dict.fromkeys(labels, "eeg"))
    assert choose_channels(found, MODALITIES) == {"eeg": position}


def test_one_channel_a_modality():
    labels = {"ECG": "ecg", "ROC": "eog", "LOC": "eog", "Chin": "emg", "POS": None}
    assert choose_channels(channels(**labels), MODALITIES) == {"eog": 2, "emg": 3}
