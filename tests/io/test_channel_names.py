"""Labels in the spellings of laboratories, cohorts and devices, word by word."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from sleepkit.io._channel_names import fold, modalities, parse_label

# Spellings by modality, one or more a line with "|" between, since labels hold blanks.
# Those without a modality look like a signal of one and are none.
SPELLINGS = {
    "eeg": """
        EEG C3|EEG Fpz-Cz|EEG Pz-Oz|EEG F4-M1|EEG C3-CLE|EEG Fp1-LER|EEG CZ-O1
        EEG|EEG(sec)|EEG (sec)|EEG 2|EEG_SEC|EEG1|EEG2|EEG3|eeg sec|EEG L|EEG-R
        EEG C3-Ref|POL EEG C3-Ref|EEG C4-LE|EEG O1-AVG|EEG T3-REF|EEG Fp1-A1A2|C3-AA
        EEG F3-G2|C4-Average|C3-M1M2|C3-(A1+A2)|C3-(M1+M2)/2|Cz-Ref|EEG C3-linked ears
        C3-A2|F3-M2|C3_M2|Fz_AVG|Cz_AVG|C3_x|Pz_Cz|F3_F4|FP1_M2|C4A1|C3M2|F4M1|C3:A2
        C3/A2|EEG.C3-A2|EEG-C3-A2|C3(M2)|EEG:C3(A2)|[C3-M2]|C3 - M2|C3.M2|EEG C3 A2
        Fp2-F4|F4-C4|C4-P4|P4-O2|F7-T3|T4-C4|C4-A1|F3-C3|Cz-Oz
        C3|c4|O1|Fz|T3|T7|EEG T5|EEG P7|Oz|Fpz
        EEG FT9|EEG AF7|TP9-Fpz|FC1-M2|PO3-A2|EEG P1|C1-C2|PSG_F3|EEG C3-0
        Ch1: C3-M2|01_C3-M2|C3-A2 EEG|EEG(C3-A2)|C3-AR|PSG EEG C4-A1|EEG Fp1-F7
    """,
    "eog": """
        EOG horizontal|horizontal|EOG Left Horiz|Left Horiz|EOG Upper Vertic|VEOG|HEOG
        EOG(L)|EOG(R)|EOG-L|EOG/R|EOG Left|EOG Right|EOGL|EOGR|LEOG|REOG|EOG dx|EOG sin
        E1-M2|E2-M1|E1_M2|E1/M2|E1(M2)|E1M2|EOG E1-M2|EEG E1-M2|E1-E2|E1-Fpz|E1 (LEOG)
        LOC|ROC|LOC-A2|ROC-A1|LOC/A2|ROC-LOC|EOG LOC-M2|EOG ROC-A2|LEOG-M2|EOG-ROC-A1
        EOG|EOG1|EOG2|EOG1-A1|EOG1:A2|EOG 1|Left eye|Lefteye|RightEye|PG1-A2|EOG V
        L EOG|R_EOG|Auge links|EOG G|PSG_EOGL|E1|E2|POL LOC
        Left Outer Canthus|EOG LT|LtEOG|L-Eye|E1:A2|EOG-1|EOG-E1-A2
    """,
    "emg": """
        EMG|EMG1|EMG chin|EMG Chin1|EMG submental|EMG.Submental|EMG-Chin|EMG.Chin|Chin
        Chin EMG|ChinEMG|Chin1-Chin2|Chin 1-Chin 2|EMG1-EMG2|EMG CHIN1-CHIN2
        ChinL-ChinR
        L Chin|R Chin|L Chin-R Chin|LCHIN|cchin|cchin_l|rchin_l|Lchin|Chin_Ctr
        Chin2_EMG
        Kinn-EMG|EMG menton|POL EMG|PSG_EMG|EMG+|EMG_1|EMG Ref|EEG Chin1-Chin2
        EMG (chin)
    """,
    "ecg": """
        ECG|EKG|ECG1|ECG2|EKG1-EKG2|ECG I|ECG II|ECG ECGI|ECG-II|ECGII|ECG(V5)|ECG 2
        ECG L|ECG R|ECG L-ECG R|ECG EKG2-EKG|EEG EKG1-EKG2|POL ECG|ECG_II|ECG1-ECG2
    """,
    "resp": """
        THOR RES|ABDO RES|Resp Belt Thor|Belt Abdo|VTH|VAB|Chest|Abdomen|Thorax|Thor
        Chest Effort|Effort THO|RIP Thora|Resp Thoracic|Resp Abdominal|ABD|ribcage
        THOR EFFORT|TORACE|Effort.Abdomen
    """,
    "airflow": """
        NEW AIR|New A/F|AIRFLOW|NAF1|NAF2P-A1|Resp oro-nasal|Nasal Pressure|Flow|Nasal
        Cannula|CannulaFlow|Cannula Flow|Therm|Thermistor|PTAF|Resp PTAF|Oral
    """,
    "spo2": """
        SaO2|SpO2|Saturation|Osat|OxStatSpO2|O2 Sat|SAO2|SPO2
    """,
    None: """
        A1|A2|M1|M2|M1M2|EEG A2-CLE|EEG A1|POL $A1|A1-A2
        EEG(sec) impedance|C3-M2 (Imp)|EEG1_Off|EKG_Off|EMG_Off|C3 Imp|OX stat|EEG rate
        OX STATUS|H.R.|HR|Resp Rate|ECG rate|Abdomen CaL|EEG position|EEG quality
        EMG Leg L|Leg/L|LLEG1|R-LEG|Leg 1|EMG Tib|EMG.Tibialis-Leg.Left|LAT|RAT|PLMr.
        PLM l|EMG LLEG-RLEG|L Leg|Left Leg|Jambe droite|Bein links|EMG RAT|EMG arm
        TIB Dx
        EMG L|EMG-R|LEMG|EMG dx
        DC3|DC01|X1|X8|24|1-2|F|K|POS|Position|PosAngle|Temp rectal|Event marker|LIGHT
        SOUND|Snore|MIC|CO2|EtCO2|Pleth|PR|PULSE|PTT|X Axis|Machine|Patient Event|SUM
        RIP Sum|RIP Flow|Flow Limitation|SpO2 B-B|POL BP1|Voltage (core)|CPAP|hypnogram
        my EEG|EEGs|C3-XYZ|C4 pressure|EMG-C3|Kinn-EMG x y|ECG C3|
    """,
}
CASES = [
    (label, modality)
    for modality, text in SPELLINGS.items()
    for line in text.strip().splitlines()
    for label in line.strip().split("|")
]


def test_there_are_many():
    assert len(CASES) > 250


@pytest.mark.parametrize(("label", "modality"), CASES)
def test_a_label_has_a_modality_or_none(label, modality):
    assert parse_label(label).modality == modality


SEPARATORS = ["-", "_", " ", "/", ":", ".", "", " - ", ", ", "|", ">", " / "]


@pytest.mark.parametrize("prefix", ["", "EEG ", "EEG_", "EEG-", "EEG.", "EEG:", "eeg "])
@pytest.mark.parametrize(
    ("reference", "expected"),
    [("M2", "m2"), ("A1", "a1"), ("Ref", "recorder"), ("LE", "linked"), ("Pz", "pz")],
)
def test_separators_and_prefixes_do_not_count(prefix, reference, expected):
    labels = [f"{prefix}C3{separator}{reference}" for separator in SEPARATORS]
    labels += [f"{prefix}C3({reference})", f"[{prefix}C3 ({reference})]"]
    for label in labels:
        name = parse_label(label)
        assert (name.modality, name.electrode) == ("eeg", "c3"), label
        assert name.reference == expected, label


@pytest.mark.parametrize(
    ("label", "is_bare"),
    [("C3", True), ("EEG C3", True), ("EEG C3-Ref", True), ("E1", True), ("LOC", True)]
    + [
        (label, False)
        for label in ("C3-M2", "C3-LE", "Fpz-Cz", "EEG", "EOG(L)", "Chin")
    ],
)
def test_electrodes_without_a_reference_of_their_own(label, is_bare):
    assert parse_label(label).is_bare is is_bare


@pytest.mark.parametrize(
    ("label", "candidates"),
    [
        ("C3-XYZ", ("eeg",)),
        ("C3XYZ", ("eeg",)),
        ("my EEG", ("eeg",)),
        ("EMG L", ("emg",)),
        ("EMGq", ("emg",)),
        ("Kinn neu", ("emg",)),
        ("EEG EOG q", ("eog",)),
        ("EMG Leg", ()),
        ("EMG_Off", ()),
        ("Machine", ()),
        ("DC3", ()),
        ("Snore", ()),
    ],
)
def test_what_an_unknown_label_may_mean(label, candidates):
    assert parse_label(label).candidates == candidates


@pytest.mark.parametrize(
    "labels",
    [
        ["Fp1-A2", "F3-A2", "F4-A1", "C3-A2", "C4-A1", "O1-A2", "O2-A1"],
        ["EEG", "EEG(sec)"],
        ["EEG", "EEG1", "EEG2", "EEG3"],
        ["EOG(L)", "EOG(R)", "EOG V"],
        ["LOC-A2", "ROC-A1"],
        ["EOG1", "EOG2"],
        ["EMG chin", "EMG"],
        ["EMG Chin1", "EMG Chin2", "EMG Chin3"],
        ["THOR RES", "ABDO RES"],
    ],
)
def test_the_order_of_labels(labels):
    ranks = [parse_label(label).rank for label in labels]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_letters_and_accents():
    assert fold(" É1-m2 ") == "e1-m2"
    assert parse_label("ÉEG C3").modality == "eeg"


def test_a_word_of_the_table_has_one_meaning():
    """But for qualifiers, which may stand beside several types."""
    text = files("sleepkit.io").joinpath("channels.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert tuple(table["modality"]) == modalities()
    groups = [
        words
        for entry in table["modality"].values()
        for key, words in entry.items()
        if key not in ("min_sfreq", "beside", "labels")
    ]
    groups += [*table["words"].values(), *table["references"].values()]
    groups += table["elsewhere"].values()
    folded = [fold(word) for words in groups for word in words]
    assert sorted({word for word in folded if folded.count(word) > 1}) == []
