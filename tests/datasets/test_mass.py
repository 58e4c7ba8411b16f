"""Nights of MASS, as its archive holds them: ``mass`` writes three of SS3."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest

from sleepkit.datasets import load_mass
from sleepkit.exceptions import RecordingError, SleepkitWarning
from tests.datasets.trees import mass_rows, write_edf, write_mass

NAMES = [*"WW1234R?"]
STAGES = [0, 0, 1, 2, 3, 3, 4]
EEG = {"modalities": "eeg"}
BEGIN = int(17.84375 * 256)  # samples before the first stage


@pytest.fixture
def mass(tmp_path):
    """Three nights, against linked ears by computation and by resistors."""
    rows = {"0042": mass_rows(), "0044": mass_rows("LER", ear=False)}
    rows["0050"] = mass_rows("LER")
    samples = {
        number: write_mass(tmp_path, f"01-03-{number}", NAMES, rows=channels)
        for number, channels in rows.items()
    }
    return tmp_path, samples


def test_a_subset_of_the_archive(mass):
    root, samples = mass
    X, y, groups, report = load_mass(root)
    assert [night.id for night in X.recordings] == [
        "mass:01-03-0042",
        "mass:01-03-0044",
        "mass:01-03-0050",
    ]
    assert y.tolist() == STAGES * 3
    assert set(groups) == {night.subject for night in X.recordings}
    assert all(entry.used and not entry.remarks for entry in report)
    assert report[1].hypnogram == "01-03-0044 Base.edf"
    assert report[1].channels == (
        "eeg EEG C4-LER (256 Hz), eog EOG Left Horiz-EOG Right Horiz (256 Hz), "
        "emg EMG Chin1-EMG Chin2 (256 Hz)"
    )
    night, raw = X.recordings[0], samples["0042"]
    expected = raw["EEG C4-CLE"][BEGIN:]
    np.testing.assert_allclose(night.signals["eeg"].data[0], expected, atol=1e-3)
    chin = (raw["EMG Chin1"] - raw["EMG Chin2"])[BEGIN:]
    np.testing.assert_allclose(night.signals["emg"].data[0], chin, atol=1e-3)
    assert night.start.time().isoformat() == "00:00:07.843750"


def test_another_reference(mass):
    channels = {"eeg": ["C3-A2", "F4"], "ecg": "I", "resp": "Abdo"}
    with pytest.warns(SleepkitWarning, match=r"sets aside 1 of 3 .*0044 PSG"):
        X, _, _, report = load_mass(
            mass[0], modalities=("eeg", "ecg", "resp"), channels=channels
        )
    night, raw = X.recordings[0], mass[1]["0042"]
    assert night.signals["eeg"].ch_names == ("EEG C3-CLE-EEG A2-CLE", "EEG F4-CLE")
    expected = (raw["EEG C3-CLE"] - raw["EEG A2-CLE"])[BEGIN:]
    np.testing.assert_allclose(night.signals["eeg"].data[0], expected, atol=1e-3)
    assert night.signals["ecg"].sfreq == 512
    assert "EEG C3-LER-EEG A2-LER" in report[2].channels
    assert "C3-A2" in report[1].reason


def test_a_difference_of_an_electrode_and_an_eye(mass):
    X, *_ = load_mass(mass[0], **EEG, channels={"eeg": ("F4", "Left")})
    assert X.recordings[1].signals["eeg"].ch_names == ("EEG F4-LER-EOG Left Horiz",)


@pytest.mark.parametrize(
    "labels",
    [
        ("Base.saf",),
        ("Base_annotations.txt",),
        ("Annotations.edf",),
        ("Annotations.edf", "Base.edf"),
    ],
)
def test_every_file_of_stages(tmp_path, labels):
    (tmp_path / "bio").mkdir()
    write_mass(tmp_path, "01-01-0001", NAMES, labels=labels)
    ana = tmp_path / "ana"
    ana.mkdir()
    for label in labels:
        shutil.move(tmp_path / f"01-01-0001 {label}", ana)
    X, y, _, report = load_mass(tmp_path, **EEG)
    assert y.tolist() == STAGES
    assert X.recordings[0].id == "mass:01-01-0001"
    assert report[0].hypnogram == f"ana/01-01-0001 {labels[-1]}"
    assert not report[0].remarks


def test_epochs_of_20_s_are_refused(mass):
    root, _ = mass
    for subset in (2, 4, 5):
        write_mass(root, f"01-0{subset}-0001", NAMES, seconds=20)
    with pytest.warns(SleepkitWarning, match="sets aside 3 of 6"):
        X, _, _, report = load_mass(root, **EEG)
    assert {night.id[5:10] for night in X.recordings} == {"01-03"}
    assert "SS2 has epochs of 20 s: pass extend_to_30s=True" in {
        entry.reason for entry in report
    }
    with pytest.raises(RecordingError, match="extend_to_30s=True"):
        load_mass(root, subset=4)
    with pytest.raises(ValueError, match="'subset' parameter of load_mass"):
        load_mass(root, subset="SS4")


def test_epochs_of_20_s_are_extended(tmp_path):
    rows = mass_rows(chins=("Chin",))
    raw = write_mass(tmp_path, "01-02-0003", NAMES, seconds=20, rows=rows)
    X, y, _, _ = load_mass(
        tmp_path, modalities=("eeg", "emg", "ecg"), subset=2, extend_to_30s=True
    )
    (night,) = X.recordings
    assert y.tolist() == STAGES
    assert night.epoch_duration == 30
    assert night.start is None
    assert night.signals["emg"].ch_names == ("EMG Chin",)
    for name, label, sfreq in (("eeg", "EEG C4-CLE", 256), ("ecg", "ECG ECGI", 512)):
        epochs = night.signals[name].data[0].reshape(len(NAMES), 30 * sfreq)
        for i, epoch in enumerate(epochs):
            begin = int((17.84375 + 20 * i - 5) * sfreq)
            expected = raw[label][begin : begin + 30 * sfreq]
            np.testing.assert_allclose(epoch, expected, atol=1e-3)
    assert "extended by 5 s" in night.signals["eeg"].provenance[0]
    assert pickle.loads(pickle.dumps(night)).fingerprint == night.fingerprint


def test_an_extended_epoch_needs_signal_on_both_sides(tmp_path):
    write_mass(tmp_path, "01-05-0001", NAMES[:7], seconds=20, onset=3.5, after=2.0)
    X, y, _, _ = load_mass(tmp_path, **EEG, extend_to_30s=True)
    assert y.tolist() == STAGES[1:-1]
    assert X.recordings[0].n_epochs == 5
    folder = tmp_path / "short"
    folder.mkdir()
    write_mass(folder, "01-05-0001", ["W"], seconds=20, onset=6.0, after=2.0)
    with pytest.raises(RecordingError, match="no epoch with 5 s of signal before"):
        load_mass(folder, **EEG, extend_to_30s=True)


def test_epochs_of_another_length_than_their_subset(tmp_path):
    write_mass(tmp_path, "01-03-0001", NAMES, seconds=20)
    with pytest.raises(RecordingError, match=r"must last 30 s, .* epochs have several"):
        load_mass(tmp_path)


def test_signals_before_and_after_the_stages_are_unscored(tmp_path):
    write_mass(tmp_path, "01-03-0001", NAMES[:7], onset=70.25, after=70.0)
    with pytest.warns(SleepkitWarning, match="4 epochs outside the hypnogram"):
        X, y, _, _ = load_mass(tmp_path, **EEG)
    assert X.recordings[0].hypnogram.tolist() == [-1, -1, *STAGES, -1, -1]
    assert y.tolist() == STAGES


def test_each_night_that_is_set_aside_has_a_reason(mass):
    root, _ = mass
    (root / "01-03-0042 Base.edf").unlink()
    for name in ("old", "new"):  # beside the signals, a file would go first
        (root / name).mkdir()
        shutil.copy(root / "01-03-0044 Base.edf", root / name)
        shutil.copy(root / "01-03-0050 Base.edf", root / name)
    (root / "01-03-0044 Base.edf").unlink()
    write_edf(root / "01-03-0051 PSG.edf", mass_rows(), 2)
    write_mass(root, "01-03-0052", NAMES, labels=("Annotations.edf",))
    events = (root / "01-03-0052 Annotations.edf").read_bytes()
    replaced = events.replace(b"Sleep stage", b"Other event")
    (root / "01-03-0052 Annotations.edf").write_bytes(replaced)
    with pytest.warns(SleepkitWarning, match="sets aside 4 of 5"):
        X, _, _, report = load_mass(root, **EEG)
    assert [night.id for night in X.recordings] == ["mass:01-03-0050"]
    reasons = {entry.file[6:10]: entry.reason for entry in report}
    assert reasons["0042"].startswith("there is neither 01-03-0042 Base.edf nor")
    assert reasons["0044"].startswith("it has 2 files of stages: ")
    assert reasons["0051"].startswith("there is neither")
    assert "must be the name of a sleep stage" in reasons["0052"]
