from __future__ import annotations

import pytest

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io import choose_channels


@pytest.fixture
def write(write_edf):
    """Write half a minute of noise; the arguments are labels of channels."""

    def write_labels(*labels, **fields):
        channels = [write_edf.Channel(label, **fields) for label in labels]
        return write_edf(channels, seconds=30)

    return write_labels


@pytest.mark.parametrize(
    ("labels", "position"),
    [
        (["O1-M2", "F3-M2", "C3-M2", "C4-M1"], 3),
        (["O1-A1", "C3-A1"], 1),
        (["EEG Pz-Oz", "EEG Fpz-Cz"], 1),
        (["EEG(sec)", "EEG"], 1),
        (["F3-M2", "F4-M1"], 0),
        (["F4-C4", "C4-P4", "C4-A1", "P4-O2"], 2),  # CAP
        (["F4-C4", "C4-P4", "C3-A2"], 2),
        (["F4-C4", "C4-P4"], 1),
        (["O1-M2", "EEG"], 1),
    ],
)
def test_a_central_channel_stands_for_the_eeg(write, labels, position):
    assert choose_channels(write(*labels)) == {"eeg": position}


def test_one_channel_a_modality(write):
    labels = ["ECG", "ROC-A1", "LOC-A2", "EMG", "EMG Chin", "EMG Leg L", "POS"]
    assert choose_channels(write(*labels)) == {"eog": 2, "emg": 4}


def test_an_electrode_and_its_ear(write):
    labels = ["M1", "C3", "M2", "C4"]
    with pytest.warns(SleepkitWarning, match=r"C4 \(no reference: M1 is subtracted\)"):
        assert choose_channels(write(*labels)) == {"eeg": (3, 0)}


def test_two_electrodes_on_the_chin(write):
    with pytest.warns(SleepkitWarning, match=r"L Chin \(.*: R Chin is subtracted\)"):
        assert choose_channels(write("R Chin", "L Chin")) == {"emg": (1, 0)}


def test_what_is_chosen_already(write):
    path = write("C3-M2", "EMG L")
    assert choose_channels(path, channels={"emg": "EMG L"}) == {
        "emg": "EMG L",
        "eeg": 0,
    }
    with pytest.warns(SleepkitWarning, match="--channels emg='EMG L'"):
        assert choose_channels(path) == {"eeg": 0}


def test_none_of_the_modalities(write):
    with pytest.raises(ChannelError, match=r"label of emg;.*O1-M2, C3-M2, E1-M2"):
        choose_channels(write("O1-M2", "C3-M2", "E1-M2"), ["emg"])


@pytest.mark.parametrize(
    "ranges",
    [{"physical": ("", 500)}, {"physical": (0, 0)}, {"digital": (7, 7)}],
)
def test_a_damaged_channel_gives_way_to_a_whole_one(write_edf, ranges):
    damaged = write_edf.Channel("C4-M1", **ranges)
    path = write_edf([damaged, write_edf.Channel("C3-M2")], seconds=30)
    with pytest.warns(SleepkitWarning, match="damaged for C4-M1"):
        assert choose_channels(path) == {"eeg": 1}
