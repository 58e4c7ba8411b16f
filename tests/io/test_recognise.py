"""What the labels of a whole file say together."""

from __future__ import annotations

import pytest

from sleepkit.io._recognise import Heading, recognise

ISRUC_A = [
    "LOC-A2", "ROC-A1", "F3-A2", "C3-A2", "O1-A2", "F4-A1", "C4-A1", "O2-A1",
    "X1", "X2", "X3", "X4", "X5", "X6", "DC3", "X7", "X8", "SaO2", "DC8",
]  # fmt: skip
ISRUC_B = [
    "E1-M2", "E2-M1", "F3-M2", "C3-M2", "O1-M2", "F4-M1", "C4-M1", "O2-M1",
    "X1", "X2", "X3", "X4", "X5", "X6", "DC4", "X7", "X8", "SpO2", "DC8",
    "DC7",
]  # fmt: skip
ISRUC_C = [
    "E1-M2", "E2-M1", "F3-M2", "C3-M2", "O1-M2", "F4-M1", "C4-M1", "O2-M1",
    "24", "25", "26", "27", "28", "29", "DC01", "30", "31", "SpO2", "DC02",
    "DC04",
]  # fmt: skip
ISRUC_D = [
    "ROC", "A1", "LOC", "A2", "C4", "O2", "C3", "O1", "F4", "F3", "X1", "X2",
    "X3", "X4", "X5", "X6", "X7", "X8", "DC8", "DC3", "SaO2",
]  # fmt: skip
SHHS = ["SaO2", "H.R.", "EEG(sec)", "ECG", "EMG", "EOG(L)", "EOG(R)", "EEG", "SOUND",
        "NEW AIR", "THOR RES", "ABDO RES", "POSITION", "LIGHT", "OX stat"]  # fmt: skip
MASS = ["EEG C3-CLE", "EEG Fp1-LER", "EEG A2-CLE", "EOG Left Horiz", "EMG Chin1",
        "ECG ECGI", "ECG I", "Resp Belt Abdo"]  # fmt: skip
SLEEP_EDF = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal",
             "EMG submental", "Temp rectal", "Event marker"]  # fmt: skip
NOX = ["1", "1-2", "1-F", "2", "2-F", "C3", "C3 Impédance", "C3-M2", "E1", "E1-M2", "F",
       "ECG", "M1", "M1M2", "M2", "O1", "Right Leg", "Left Leg", "Abdomen"]  # fmt: skip


def meanings(labels, sfreq=100, unit="uV", **options):
    headings = [Heading(label, sfreq, unit) for label in labels]
    return dict(zip(labels, recognise(headings, **options), strict=True))


def by_modality(labels, sfreq=100):
    found = {}
    for label, meaning in meanings(labels, sfreq).items():
        found.setdefault(meaning.modality, []).append(label)
    return found


def differences(labels, **options):
    """The channels that are read, with what is subtracted from each."""
    return {
        label: labels[meaning.minus] if meaning.minus is not None else None
        for label, meaning in meanings(labels, **options).items()
        if meaning.modality
    }


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


def test_isruc_unreferenced_is_read_against_the_opposite_ear():
    assert differences(ISRUC_D) == {
        "ROC": "A1", "LOC": "A2", "C4": "A1", "O2": "A1", "C3": "A2", "O1": "A2",
        "F4": "A1", "F3": "A2", "X1": None, "X2": None, "SaO2": None,
    }  # fmt: skip


def test_a_label_of_a_family_means_nothing_alone():
    assert meanings(["X1", "C3-A2"])["X1"].modality is None
    assert meanings(["24"])["24"].modality is None
    assert meanings(["1-2"])["1-2"].modality is None


def test_electrodes_of_an_egi_net_are_no_eyes():
    found = by_modality([f"E{i}" for i in range(1, 6)])
    assert list(found) == [None]


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


def test_mass():
    """Its ears are measured as its electrodes, against both of them together."""
    assert by_modality(MASS) == {
        "eeg": ["EEG C3-CLE", "EEG Fp1-LER"],
        None: ["EEG A2-CLE"],
        "eog": ["EOG Left Horiz"],
        "emg": ["EMG Chin1"],
        "ecg": ["ECG ECGI", "ECG I"],
        "resp": ["Resp Belt Abdo"],
    }
    assert set(differences(MASS).values()) == {None}


def test_sleep_edf_envelope_is_no_emg():
    found = by_modality(SLEEP_EDF)
    assert found["eeg"] == ["EEG Fpz-Cz", "EEG Pz-Oz"]
    assert found["eog"] == ["EOG horizontal"]
    assert found["emg"] == ["EMG submental"]
    slow = meanings(SLEEP_EDF, sfreq=1)["EMG submental"]
    assert (slow.modality, slow.candidate) == (None, "emg")
    assert slow.note == "at 1 Hz a trend or an envelope, not a signal"


def test_nox_has_each_electrode_twice():
    assert by_modality(NOX) == {
        "emg": ["1-2", "1-F", "2-F"],
        "eeg": ["C3-M2"],
        "eog": ["E1-M2"],
        "ecg": ["ECG"],
        "resp": ["Abdomen"],
        None: ["1", "2", "C3", "C3 Impédance", "E1", "F", "M1", "M1M2", "M2", "O1",
               "Right Leg", "Left Leg"],
    }  # fmt: skip
    notes = {label: meaning.note for label, meaning in meanings(NOX).items()}
    assert notes["C3"] == "no reference: C3-M2 is used instead"
    assert notes["O1"] == "no reference: C3-M2 is used instead"
    assert notes["M1"] == "a reference electrode"
    assert notes["Left Leg"] == "another muscle than the chin"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["C3", "M2", "M1"], {"C3": "M2"}),
        (["C4", "M2", "M1"], {"C4": "M1"}),
        (["Cz", "M1", "M2"], {"Cz": "M2"}),
        (["C3", "M1"], {"C3": "M1"}),  # as where M2 fell off
        (["C3", "C4"], {"C3": None, "C4": None}),
        (["EEG C3-Ref", "EEG A2-Ref"], {"EEG C3-Ref": "EEG A2-Ref"}),
        (["EEG C3-Ref", "A2"], {"EEG C3-Ref": None}),
        (["EEG C3-LE", "EEG A2-LE"], {"EEG C3-LE": None}),
        (["E1", "E2", "M1", "M2"], {"E1": "M2", "E2": "M1"}),
        (["EOG(L)", "M2"], {"EOG(L)": None}),
    ],
)
def test_an_ear_is_subtracted_where_both_are_measured_alike(labels, expected):
    assert differences(labels) == expected


@pytest.mark.parametrize("ear", [("A2", 200, "uV"), ("A2", 100, "mV")])
def test_an_ear_of_another_rate_or_unit_is_not_subtracted(ear):
    c3, _ = recognise([Heading("C3", 100, "uV"), Heading(*ear)])
    assert (c3.minus, c3.note) == (None, "no reference: used as it is")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["R Chin", "L Chin"], {"L Chin": "R Chin"}),
        (["Lchin", "Rchin", "Cchin"], {"Lchin": "Cchin"}),
        (["EMG1-Ref", "EMG2-Ref"], {"EMG1-Ref": "EMG2-Ref"}),
        (["POL CHIN1", "POL CHIN2"], {"POL CHIN1": "POL CHIN2"}),
        (["EMG Chin1", "EMG Chin2", "EMG Chin3"], {"EMG Chin1": "EMG Chin2"}),
        (["L Chin", "EMG", "R Chin"], {"L Chin": "R Chin", "EMG": None}),
        (["L Chin", "R Chin", "L Chin-R Chin"], {"L Chin-R Chin": None}),
        (["L Chin", "Chin EMG"], {"Chin EMG": None}),
        (["EMG1-Ref", "EMG"], {"EMG": None}),
        (["EMG1", "EMG2"], {"EMG1": None, "EMG2": None}),  # each may be a pair
        (["Chin1", "Chin2-Ref"], {"Chin1": None, "Chin2-Ref": None}),
    ],
)
def test_the_chin_is_one_electrode_minus_another(labels, expected):
    assert differences(labels) == expected


def test_an_electrode_on_the_chin_alone_is_pointed_out():
    notes = {label: meaning.note for label, meaning in meanings(["L Chin"]).items()}
    assert notes == {"L Chin": "no reference: used as it is"}
    notes = {k: meaning.note for k, meaning in meanings(["L Chin", "R Chin"]).items()}
    assert notes == {
        "L Chin": "no reference: R Chin is subtracted",
        "R Chin": "no reference: L Chin-R Chin is used instead",
    }


@pytest.mark.parametrize(
    "other", [("R Chin", 200, "uV"), ("R Chin", 100, "mV"), ("R Chin", 100, "uV", True)]
)
def test_electrodes_on_the_chin_that_differ_are_not_subtracted(other):
    chin, _ = recognise([Heading("L Chin", 100, "uV"), Heading(*other)])
    assert (chin.minus, chin.note) == (None, "no reference: used as it is")


def test_damaged_channels_do_not_stand_in_for_whole_ones():
    rows = [Heading("C3", 100, "uV"), Heading("M2", 100, "uV", is_damaged=True)]
    assert recognise(rows)[0].note == "no reference: used as it is"
    rows[1] = rows[1]._replace(label="C4-M1")
    assert recognise(rows)[0].modality == "eeg"


def test_what_is_known_to_be_referenced_is_read_as_it_is():
    assert differences(["C3", "M2"], is_referenced=True) == {"C3": None}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["T1", "P2"], [None, None]),  # thermistor, pressure
        (["T1", "C3"], ["eeg", "eeg"]),
        (["EEG T1", "Flow"], ["eeg", "airflow"]),
    ],
)
def test_a_10_10_electrode_alone_is_eeg_only_beside_others(labels, expected):
    found = meanings(labels).values()
    assert [meaning.modality for meaning in found] == expected


def test_oxygen_is_no_electrode():
    for unit, modality in (("%", None), ("uV", "eeg")):
        assert meanings(["O2"], unit=unit)["O2"].modality == modality


def test_a_channel_without_samples_is_nothing():
    assert meanings(["SaO2"], sfreq=0)["SaO2"].modality is None
