from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from sleepkit.io._channel_names import fold, is_electrode, modalities, recognise


def words(text):
    return text.split()


ISRUC_A = words(
    "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 "
    "X1 X2 X3 X4 X5 X6 DC3 X7 X8 SaO2 DC8"
)
ISRUC_B = words(
    "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8 DC7"
)
ISRUC_C = words(
    "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "24 25 26 27 28 29 DC01 30 31 SpO2 DC02 DC04"
)
ISRUC_D = words("ROC A1 LOC A2 C4 O2 C3 O1 F4 F3 X1 X2 X3 X4 X5 X6 X7 X8 DC8 DC3 SaO2")
SHHS = ["SaO2", "H.R.", "EEG(sec)", "ECG", "EMG", "EOG(L)", "EOG(R)", "EEG", "SOUND",
        "NEW AIR", "THOR RES", "ABDO RES", "POSITION", "LIGHT", "OX stat"]  # fmt: skip
MASS = ["EEG C3-CLE", "EEG Fp1-LER", "EEG A2-CLE", "EOG Left Horiz", "EMG Chin1",
        "ECG ECGI", "ECG I", "Resp Belt Abdo"]  # fmt: skip
SLEEP_EDF = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal",
             "EMG submental", "Temp rectal", "Event marker"]  # fmt: skip


def by_modality(labels, sfreq=100):
    found = {}
    for label in labels:
        found.setdefault(recognise(label, sfreq, labels), []).append(label)
    return found


@pytest.mark.parametrize("labels", [ISRUC_A, ISRUC_B])
def test_isruc_referenced(labels):
    found = by_modality(labels)
    assert found["eeg"] == labels[2:8]
    assert found["eog"] == labels[:2]
    assert found["emg"] == ["X1"]
    assert found["ecg"] == ["X2"]


def test_isruc_numbered():
    found = by_modality(ISRUC_C)
    assert len(found["eeg"]) == 6
    assert found["emg"] == ["24"]
    assert found["ecg"] == ["25"]


def test_isruc_unreferenced_electrodes_are_no_eeg():
    found = by_modality(ISRUC_D)
    assert "eeg" not in found
    assert "eog" not in found
    assert found["emg"] == ["X1"]


def test_a_label_of_a_family_means_nothing_alone():
    assert recognise("X1", 200, ["X1", "C3-A2"]) is None
    assert recognise("24", 200, ["24"]) is None
    assert recognise("1-2", 200, ["1-2"]) is None


def test_shhs():
    assert by_modality(SHHS) == {
        "spo2": ["SaO2"],
        "eeg": ["EEG(sec)", "EEG"],
        "ecg": ["ECG"],
        "emg": ["EMG"],
        "eog": ["EOG(L)", "EOG(R)"],
        "airflow": ["NEW AIR"],
        "resp": ["THOR RES", "ABDO RES"],
        None: ["H.R.", "SOUND", "POSITION", "LIGHT", "OX stat"],
    }


@pytest.mark.parametrize("label", ["EEG 2", "EEG sec", "eeg (SEC)", "EEG_SEC", "EEG1"])
def test_spellings_of_shhs(label):
    assert recognise(label, 125) == "eeg"


def test_mass():
    assert by_modality(MASS) == {
        "eeg": ["EEG C3-CLE", "EEG Fp1-LER"],
        None: ["EEG A2-CLE"],
        "eog": ["EOG Left Horiz"],
        "emg": ["EMG Chin1"],
        "ecg": ["ECG ECGI", "ECG I"],
        "resp": ["Resp Belt Abdo"],
    }


def test_sleep_edf_envelope_is_no_emg():
    found = by_modality(SLEEP_EDF)
    assert found["eeg"] == ["EEG Fpz-Cz", "EEG Pz-Oz"]
    assert found["eog"] == ["EOG horizontal"]
    assert recognise("EMG submental", 100) == "emg"
    assert recognise("EMG submental", 1) is None


@pytest.mark.parametrize(
    "label", ["EEG(sec) impedance", "my EEG", "C3", "C3-M2 (Imp)", "EEGs", "", "A1"]
)
def test_no_part_of_a_label_counts(label):
    assert recognise(label, 200) is None


def test_a_channel_without_samples_is_nothing():
    assert recognise("SaO2", 0) is None


def test_electrodes():
    assert is_electrode("c3")
    assert not is_electrode("C3-M2")
    assert not is_electrode("X1")


def test_the_table_has_each_label_once():
    text = files("sleepkit.io").joinpath("channels.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["modality"]
    assert tuple(table) == modalities()
    for name, entry in table.items():
        folded = [fold(label) for label in entry["labels"]]
        assert len(set(folded)) == len(folded)
        assert {recognise(label, 200) for label in entry["labels"]} == {name}
