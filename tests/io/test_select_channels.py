from __future__ import annotations

import math

import pytest

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io import ChannelInfo
from sleepkit.io._recognise import Heading, recognise
from sleepkit.io._select_channels import select_channels


def channels(*labels, sfreq=None):
    rates = sfreq or [100] * len(labels)
    headings = [
        Heading(label, rate, "uV") for label, rate in zip(labels, rates, strict=True)
    ]
    return [
        ChannelInfo(i, label, m.modality, rate, 60 * rate, "uV", -1, 1, *m[1:])
        for i, ((label, rate, *_), m) in enumerate(
            zip(headings, recognise(headings), strict=True)
        )
    ]


def names(selection):
    return {name: [d.name for d in found] for name, found in selection.items()}


def test_known_labels_in_the_order_of_modalities():
    found = select_channels(channels("ECG", "E1-M2", "POS", "C3-M2"), None, "night.edf")
    assert list(found) == ["eeg", "eog", "ecg"]
    assert names(found) == {"eeg": ["C3-M2"], "eog": ["E1-M2"], "ecg": ["ECG"]}


def test_breathing_and_oxygen_are_to_be_named():
    """Staging does not use them, and at 1 Hz they would be spectra of nothing."""
    night = channels("EEG Fpz-Cz", "Resp oro-nasal", "SaO2", sfreq=[100, 1, 1])
    assert list(select_channels(night, None, "night.edf")) == ["eeg"]
    found = select_channels(night, ["spo2", "eeg"], "night.edf")
    assert names(found) == {"spo2": ["SaO2"], "eeg": ["EEG Fpz-Cz"]}
    assert list(select_channels(night, "airflow", "night.edf")) == ["airflow"]
    with pytest.raises(
        ChannelError, match=r"No channel of night\.edf .* label of resp;"
    ):
        select_channels(night, ["eeg", "resp"], "night.edf")
    with pytest.raises(
        ChannelError, match=r"name modalities of eeg, .*'eeg': \['C3'\]"
    ):
        select_channels(night, ["C3"], "night.edf")


@pytest.mark.parametrize(
    ("modality", "labels"),
    [
        ("eeg", ["EEG", "EEG(sec)"]),  # C4-A1 and C3-A2 of SHHS
        ("eeg", ["EEG F3-LER", "EEG C3-LER", "EEG C4-LER", "EEG O1-LER"]),
        ("eog", ["LOC-A2", "ROC-A1"]),
        ("eog", ["E1-M2", "E2-M1"]),
        ("eog", ["EOG(L)", "EOG(R)"]),
        ("emg", ["Chin EMG", "EMG1", "EMG2"]),
    ],
)
def test_the_order_of_channels_is_not_that_of_the_file(modality, labels):
    for order in (labels, labels[::-1]):
        found = select_channels(channels(*order), None, "night.edf")
        assert names(found) == {modality: labels}


def test_nothing_known_lists_the_labels():
    with pytest.raises(ChannelError, match=r"night\.edf.*Its channels are: POS, A1 B2"):
        select_channels(channels("POS", "A1 B2"), None, "night.edf")


def test_electrodes_without_a_reference_are_read_with_a_warning():
    with pytest.warns(SleepkitWarning, match=r"C3 \(no reference: used as it is\)"):
        found = select_channels(channels("C3", "ECG"), None, "night.edf")
    assert names(found) == {"eeg": ["C3"], "ecg": ["ECG"]}
    with pytest.warns(SleepkitWarning, match=r"C3 \(no reference: A2 is subtracted\)"):
        found = select_channels(channels("C3", "A2"), None, "night.edf")
    assert names(found) == {"eeg": ["C3-A2"]}


@pytest.mark.parametrize(
    ("label", "sfreq", "modality"),
    [("C3-XYZ", 100, "eeg"), ("EMG L", 100, "emg"), ("EMG submental", 1, "emg")],
)
def test_a_modality_that_a_label_may_mean_is_pointed_out(label, sfreq, modality):
    hint = (
        rf"{label} \(.*channels={{'{modality}': \['{label}'\]}}; "
        rf".*--channels {modality}='{label}'"
    )
    night = channels(label, "ECG", sfreq=[sfreq, 100])
    with pytest.warns(SleepkitWarning, match=f"No {modality} was recognised.*{hint}"):
        found = select_channels(night, None, "night.edf")
    assert names(found) == {"ecg": ["ECG"]}
    with pytest.raises(ChannelError, match=hint):
        select_channels(night, [modality], "night.edf")
    with pytest.raises(ChannelError, match=hint):
        select_channels(night[:1], None, "night.edf")


def test_a_modality_that_no_label_can_mean_is_not_mentioned():
    night = channels("C3-M2", "EMG Leg L", "EMG_Off", "C3 Imp")
    assert names(select_channels(night, None, "night.edf")) == {"eeg": ["C3-M2"]}


def test_a_damaged_channel_is_left_out_beside_others():
    whole, damaged = channels("C4-M1", "C3-M2")
    damaged = damaged._replace(physical_min=math.nan)
    with pytest.warns(SleepkitWarning, match=r"damaged for C3-M2: left out of eeg"):
        found = select_channels([whole, damaged], None, "night.edf")
    assert names(found) == {"eeg": ["C4-M1"]}
    assert names(select_channels([damaged], None, "f")) == {"eeg": ["C3-M2"]}


def test_known_labels_at_two_rates_keep_the_larger_group():
    mixed = channels("C3-M2", "C4-M1", "O1-M2", sfreq=[100, 100, 500])
    with pytest.warns(SleepkitWarning, match=r"100 Hz are read, without 'O1-M2' \(500"):
        found = select_channels(mixed, None, "night.edf")
    assert names(found) == {"eeg": ["C3-M2", "C4-M1"]}


def test_of_two_equal_groups_the_faster_is_kept():
    mixed = channels("C3-M2", "C4-M1", sfreq=[100, 500])
    with pytest.warns(SleepkitWarning, match="500 Hz are read"):
        found = select_channels(mixed, None, "night.edf")
    assert names(found) == {"eeg": ["C4-M1"]}


def test_labels_positions_and_differences():
    spec = {
        "eeg": ["fz", 3],
        "eog": [("EOG(L)", "EOG(R)")],
        "emg": ("Chin", 0),
        "x": "Cz",
    }
    found = select_channels(channels("Fz", "EOG(L)", "EOG(R)", "Cz", "Chin"), spec, "f")
    assert names(found) == {
        "eeg": ["Fz", "Cz"],
        "eog": ["EOG(L)-EOG(R)"],
        "emg": ["Chin-Fz"],
        "x": ["Cz"],
    }
    (eog,) = found["eog"]
    assert [channel.position for channel in eog.channels] == [1, 2]


def test_an_exact_label_wins_over_a_folded_one():
    found = select_channels(channels("eeg", "EEG"), {"eeg": ["EEG"]}, "night.edf")
    assert found["eeg"][0].plus.position == 1


@pytest.mark.parametrize("spec", [None, {"eeg": ["C3-M2"]}, {"eeg": ["c3-m2"]}])
def test_a_duplicated_label_needs_a_position(spec):
    twice = channels("C3-M2", "POS", "C3-M2")
    with pytest.raises(ChannelError, match=r"2 channels called.*positions 0, 2.*\[0\]"):
        select_channels(twice, spec, "night.edf")
    assert select_channels(twice, {"eeg": [2]}, "f")["eeg"][0].plus.position == 2


def test_a_duplicate_that_is_not_selected_is_no_error():
    found = select_channels(channels("C3-M2", "POS", "POS"), None, "night.edf")
    assert names(found) == {"eeg": ["C3-M2"]}


@pytest.mark.parametrize("key", ["Cz", 7, -1])
def test_a_missing_channel(key):
    with pytest.raises(
        ChannelError, match=rf"no channel {key!r}. Its channels are: C3"
    ):
        select_channels(channels("C3-M2"), {"eeg": [key]}, "night.edf")


def test_rates_within_a_modality_and_a_difference_must_agree():
    mixed = channels("C3", "M2", sfreq=[200, 100])
    rule = r"must share a rate; 'eeg' has 'C3' \(200 Hz\), 'M2' \(100 Hz\)"
    for items in (["C3", "M2"], [("C3", "M2")]):
        with pytest.raises(ChannelError, match=rule):
            select_channels(mixed, {"eeg": items}, "night.edf")


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({}, "names no modality"),
        ({"eeg": []}, "no channel for 'eeg'"),
        ({"eeg": [("C3", "M2", "M1")]}, "first minus second and needs two"),
    ],
)
def test_senseless_requests(spec, rule):
    with pytest.raises(ChannelError, match=rule):
        select_channels(channels("C3", "M2", "M1"), spec, "night.edf")
