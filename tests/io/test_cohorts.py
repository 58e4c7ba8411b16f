"""Nights laid out as SHHS, ISRUC, MASS and Sleep-EDF publish them."""

from __future__ import annotations

from datetime import date, datetime, time

import edfio
import numpy as np
import pytest

from sleepkit.exceptions import SleepkitWarning
from sleepkit.io import read_recording
from sleepkit.preprocessing import BandpassFilter, Resampler, STFTEpocher
from sleepkit.recording import EpochArray

CODES = [0, 0, 1, 2, 3, 4, 5, 5, 6, 9]  # as Rechtschaffen and Kales score
STAGES = [0, 0, 1, 2, 3, 3, 4, 4, -1, -1]
SECONDS = 30 * len(CODES)


@pytest.fixture
def write(tmp_path):
    """A factory of EDF files, of (label, rate, unit) and annotations."""

    def write_edf(name, rows, day, clock, annotations=None):
        rng = np.random.default_rng(0)
        signals = []
        for label, sfreq, unit in rows:
            size = 0.5 if unit == "mV" else 30.0
            values = rng.normal(0, size, int(sfreq * SECONDS)).clip(-5 * size, 5 * size)
            signals.append(
                edfio.EdfSignal(values, sfreq, label=label, physical_dimension=unit)
            )
        edfio.Edf(
            signals,
            recording=edfio.Recording(startdate=day),
            starttime=clock,
            annotations=annotations,
        ).write(tmp_path / name)
        return tmp_path / name, {signal.label: signal.data for signal in signals}

    return write_edf


def close_to(signal, *expected):
    np.testing.assert_allclose(signal.data, np.stack(expected), atol=1e-3)


def shhs_xml(root, stages):
    return f"<{root}><EpochLength>30</EpochLength>{stages}</{root}>"


def test_shhs(write, tmp_path):
    rows = [("SaO2", 1, "%"), ("EEG(sec)", 125, "uV"), ("ECG", 250, "mV")]
    rows += [("EMG", 125, "uV"), ("EOG(L)", 50, "uV"), ("EOG(R)", 50, "uV")]
    rows += [("EEG", 125, "uV"), ("THOR RES", 10, ""), ("LIGHT", 1, "")]
    path, raw = write("shhs1-200001.edf", rows, date(1985, 1, 1), time(20, 29, 59))
    epochs = "".join(f"<SleepStage>{code}</SleepStage>" for code in CODES)
    runs = "".join(
        f"<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>X|{code}"
        f"</EventConcept><Start>{30.0 * CODES.index(code)}</Start>"
        f"<Duration>{30.0 * CODES.count(code)}</Duration></ScoredEvent>"
        for code in sorted(set(CODES))
    )
    for name, xml in [
        ("profusion.xml", shhs_xml("CMPStudyConfig", epochs)),
        ("nsrr.xml", shhs_xml("PSGAnnotation", runs)),
    ]:
        (tmp_path / name).write_text(xml)
        night = read_recording(path, hypnogram=tmp_path / name)
        assert night.hypnogram.tolist() == STAGES
    assert night.modalities == ("eeg", "eog", "emg", "ecg")
    assert night.signals["eeg"].ch_names == ("EEG", "EEG(sec)")  # C4-A1 first
    close_to(night.signals["eeg"], raw["EEG"], raw["EEG(sec)"])
    close_to(night.signals["ecg"], raw["ECG"] * 1000)
    eyes = read_recording(path, channels={"eog": [("EOG(L)", "EOG(R)")]})
    close_to(eyes.signals["eog"], raw["EOG(L)"] - raw["EOG(R)"])


def test_isruc(write, tmp_path):
    labels = "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 X1 X2 X3 X4 X5 X6"
    rows = [(label, 200, "uV") for label in f"{labels} DC3 X7 X8".split()]
    path, raw = write("1.rec", rows, date(2009, 5, 5), time(23))
    codes = [0, 0, 1, 2, 3, 3, 5, 5, 0, 0]
    (tmp_path / "1_1.txt").write_text("\r\n".join(map(str, codes)) + "\r\n\r\n")
    night = read_recording(path, hypnogram=tmp_path / "1_1.txt", scheme="isruc")
    assert night.hypnogram.tolist() == [0, 0, 1, 2, 3, 3, 4, 4, 0, 0]
    counts = {name: signal.n_channels for name, signal in night.signals.items()}
    assert counts == {"eeg": 6, "eog": 2, "emg": 1, "ecg": 1}
    close_to(night.signals["eog"], raw["LOC-A2"], raw["ROC-A1"])
    close_to(night.signals["emg"], raw["X1"])


def test_mass(write):
    """Scoring starts at a fraction of a second; the ECG is faster than the rest."""
    rows = [("EEG C3-CLE", 256, "uV"), ("EEG A2-CLE", 256, "uV")]
    rows += [("EOG Left Horiz", 256, "uV"), ("ECG ECGI", 512, "uV")]
    start = date(2000, 1, 1), time(23, 59, 50)
    path, raw = write("01-03-0001 PSG.edf", rows, *start)
    onset, names = 17.84375, ["W", "1", "2", "3", "4", "R", "?"]
    base, _ = write(
        "01-03-0001 Base.edf",
        [],
        *start,
        [
            edfio.EdfAnnotation(onset + 30 * i, 30, f"Sleep stage {name}")
            for i, name in enumerate(names)
        ],
    )
    with pytest.warns(SleepkitWarning, match="2 epochs outside"):
        night = read_recording(
            path,
            channels={"eeg": [("EEG C3-CLE", "EEG A2-CLE")], "ecg": "ECG ECGI"},
            hypnogram=base,
        )
    assert night.hypnogram.tolist() == [0, 1, 2, 3, 3, 4, -1, -1, -1]
    assert night.start == datetime(2000, 1, 2, 0, 0, 7, 843_750)
    begin = int(onset * 256)
    close_to(night.signals["eeg"], (raw["EEG C3-CLE"] - raw["EEG A2-CLE"])[begin:])
    close_to(night.signals["ecg"], raw["ECG ECGI"][2 * begin :])


def test_sleep_edf(write):
    """The hypnogram starts before midnight, 90 s ahead of the signals, and goes on."""
    rows = [("EEG Fpz-Cz", 100, "uV"), ("EEG Pz-Oz", 100, "uV")]
    rows += [("EOG horizontal", 100, "uV"), ("Resp oro-nasal", 1, "")]
    rows += [("EMG submental", 1, "uV-mrs"), ("Temp rectal", 1, "DegC")]
    path, raw = write("SC4001E0-PSG.edf", rows, date(1989, 4, 25), time(0, 1))
    runs = [(0, 120, "W"), (120, 120, "4"), (240, 60, "R"), (360, 90_000, "?")]
    annotations = [edfio.EdfAnnotation(a, b, f"Sleep stage {c}") for a, b, c in runs]
    annotations.append(edfio.EdfAnnotation(300, 60, "Movement time"))
    annotations.append(edfio.EdfAnnotation(60, None, "Lights off"))
    labels, _ = write(
        "SC4001EC-Hypnogram.edf",
        [],
        date(1989, 4, 24),
        time(23, 59, 30),
        annotations,
    )
    with (
        pytest.warns(SleepkitWarning, match="3 stages outside the signals"),
        pytest.warns(SleepkitWarning, match=r"No emg .* submental \(at 1 Hz"),
    ):
        night = read_recording(path, hypnogram=labels)
    assert night.hypnogram.tolist() == [0, 3, 3, 3, 3, 4, 4, -1, -1, -1]
    assert night.start == datetime(1989, 4, 25, 0, 1)
    close_to(night.signals["eeg"], raw["EEG Fpz-Cz"], raw["EEG Pz-Oz"])
    X = EpochArray([night])
    bands = {"eeg": (0.3, 35), "eog": (0.3, 35)}
    for step in (BandpassFilter(bands), Resampler(100), STFTEpocher()):
        X = step.fit_transform(X)
    spectra = np.asarray(X)
    assert spectra.shape == (7, 3, 29, 128)
    assert np.isfinite(spectra).all()
