from __future__ import annotations

import edfio
import numpy as np
import pytest

from sleepkit.datasets import load_night
from sleepkit.exceptions import ChannelError, SleepkitWarning


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


def test_units(night):
    as_written = load_night(night, modalities="eog").signals["eog"].data
    with pytest.warns(SleepkitWarning, match=r"names Cz, which .*night\.edf does not"):
        found = load_night(night, modalities="eog", units={"E1-M2": "nV", "Cz": "mV"})
    np.testing.assert_allclose(found.signals["eog"].data, as_written / 1e3, atol=1e-8)


def test_none_of_the_modalities(night):
    with pytest.raises(ChannelError, match=r"label of emg; .* O1-M2, C3-M2, E1-M2"):
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
