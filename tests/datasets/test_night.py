from __future__ import annotations

import edfio
import numpy as np
import pytest

from sleepkit.datasets import load_night
from sleepkit.datasets._night import choose_channels
from sleepkit.exceptions import ChannelError
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


@pytest.fixture
def night(tmp_path):
    """A minute of noise in two EEG channels and one EOG channel, as EDF."""
    noise = np.random.default_rng(0).normal(size=(3, 6000))
    channels = [
        edfio.EdfSignal(data, 100, label=label, physical_dimension="uV")
        for data, label in zip(noise, ("O1-M2", "C3-M2", "E1-M2"), strict=True)
    ]
    edfio.Edf(channels).write(tmp_path / "night.edf")
    return tmp_path / "night.edf"


def names(recording):
    return {name: signal.ch_names for name, signal in recording.signals.items()}


def test_preferred_channels_are_read(night):
    assert names(load_night(night)) == {"eeg": ("C3-M2",), "eog": ("E1-M2",)}
    assert names(load_night(night, modalities="eog")) == {"eog": ("E1-M2",)}


def test_named_channels_come_first(night):
    found = load_night(night, channels={"eeg": ("O1-M2", "C3-M2"), "emg": 2})
    assert names(found) == {
        "eeg": ("O1-M2-C3-M2",),
        "eog": ("E1-M2",),
        "emg": ("E1-M2",),
    }


def test_stages_and_subject(night):
    found = load_night(night, hypnogram=[2, 4], subject="s1")
    assert found.hypnogram.tolist() == [2, 4]
    assert (found.id, found.subject) == ("night", "s1")


def test_none_of_the_modalities(night):
    with pytest.raises(ChannelError, match=r"is known as emg; .* O1-M2, C3-M2, E1-M2"):
        load_night(night, modalities=["emg"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"modalities": ()}, "'modalities' parameter of load_night must name one"),
        ({"channels": {"ecg": "ECG"}}, "must name channels of eeg, eog, emg. Got"),
    ],
)
def test_bad_parameters(night, params, words):
    with pytest.raises(ValueError, match=words):
        load_night(night, **params)
