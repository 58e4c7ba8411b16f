"""Nights of Sleep-EDF, as PhysioNet archives them: three of cassette, telemetry."""

from __future__ import annotations

import shutil
from datetime import date, time, timedelta

import numpy as np
import pytest

from sleepkit.datasets import load_sleep_edf
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.io import read_hypnogram
from sleepkit.preprocessing import trim_wake
from tests.datasets.trees import write_edf, write_sleep_edf

NAMES = [*"WW1234R", "M"]
STAGES = [0, 0, 1, 2, 3, 3, 4]
EEG = {"modalities": "eeg"}


@pytest.fixture
def archive(tmp_path):
    """Two nights of one subject and one of another, and two of telemetry."""
    nights = (("SC4001E0", "C"), ("SC4002E0", "C"), ("SC4012F0", "H"))
    nights += (("ST7011J0", "P"), ("ST7012J0", "P"))
    samples = {
        name[:6]: write_sleep_edf(tmp_path, name, scorer, NAMES, tail=20)
        for name, scorer in nights
    }
    return tmp_path, samples


def test_both_studies_of_the_archive(archive):
    root, samples = archive
    X, y, groups, report = load_sleep_edf(root, modalities=("eeg", "eog"))
    assert [night.id for night in X.recordings] == [
        "sleep-edf:SC4001",
        "sleep-edf:SC4002",
        "sleep-edf:SC4012",
        "sleep-edf:ST7011",
        "sleep-edf:ST7012",
    ]
    assert y.tolist() == STAGES * 5
    assert list(dict.fromkeys(groups)) == [
        "sleep-edf:SC400",
        "sleep-edf:SC401",
        "sleep-edf:ST701",
    ]
    night = X.recordings[0]
    assert night.hypnogram.tolist() == [*STAGES, -1]  # movement time, and no tail
    eeg, eog = night.signals["eeg"], night.signals["eog"]
    np.testing.assert_allclose(eeg.data[0], samples["SC4001"]["EEG Fpz-Cz"], atol=0.02)
    assert (eeg.sfreq, eog.ch_names) == (100, ("EOG horizontal",))
    assert all(entry.used and not entry.remarks for entry in report)
    assert report[0].file == "sleep-cassette/SC4001E0-PSG.edf"
    assert report[0].hypnogram == "sleep-cassette/SC4001EC-Hypnogram.edf"


def test_a_study(archive):
    X, *_ = load_sleep_edf(archive[0], study="telemetry")
    assert {night.id[10:12] for night in X.recordings} == {"ST"}
    assert X.recordings[0].modalities == ("eeg", "eog", "emg")
    with pytest.raises(ValueError, match="'study' parameter of load_sleep_edf"):
        load_sleep_edf(archive[0], study="SC")


def test_age_sex_drug_and_lights_off_by_mne_s_tables(archive):
    X, *_ = load_sleep_edf(archive[0], **EEG)
    first, *_, last = X.recordings
    assert dict(first.info) == {"age": 33, "sex": "F"}
    assert first.lights_off == 30_300  # 16:13 to 00:38
    assert dict(last.info) == {"age": 60, "sex": "M", "drug": "Temazepam"}
    assert last.lights_off == 48 * 60


def test_lights_off_just_before_the_recording(tmp_path):
    start = date(1989, 4, 25), time(0, 40)
    write_sleep_edf(tmp_path, "SC4001E0", "C", NAMES, start=start)
    X, *_ = load_sleep_edf(tmp_path, **EEG)
    assert X.recordings[0].lights_off == -120


def test_an_envelope_is_no_emg(archive):
    with pytest.warns(SleepkitWarning, match="reads 3 with remarks"):
        X, _, _, report = load_sleep_edf(archive[0], study="cassette")
    assert X.recordings[0].modalities == ("eeg", "eog")
    assert "no emg: 'EMG submental' is slow, an envelope" in report[0].remarks
    X, *_ = load_sleep_edf(
        archive[0],
        study="cassette",
        modalities=("eeg", "emg"),
        channels={"eeg": "Pz-Oz", "emg": "submental"},
    )
    assert X.recordings[0].signals["emg"].sfreq == 1
    assert X.recordings[0].signals["eeg"].ch_names == ("EEG Pz-Oz",)


def test_start_times_are_compared(tmp_path):
    write_sleep_edf(tmp_path, "SC4001E0", "C", NAMES, later=90, n_epochs=12)
    write_sleep_edf(tmp_path, "SC4011E0", "H", NAMES, later=10, n_epochs=12)
    with pytest.warns(SleepkitWarning, match="reads 2 with remarks"):
        X, y, _, report = load_sleep_edf(tmp_path, **EEG)
    first, second = X.recordings
    assert y.tolist() == STAGES * 2
    assert first.hypnogram.tolist() == [-1] * 3 + STAGES + [-1] * 2
    assert second.start.time() == time(16, 13, 10)
    for entry in report:
        assert "starts at 1989-04-24 16:1" in entry.remarks


def test_another_day_of_the_hypnogram_is_a_remark(tmp_path):
    write_sleep_edf(tmp_path, "SC4001E0", "C", NAMES, later=86400)
    with pytest.warns(SleepkitWarning, match="starts at 1989-04-25"):
        _, y, _, _ = load_sleep_edf(tmp_path, **EEG)
    assert y.tolist() == STAGES


def test_each_night_that_is_set_aside_has_a_reason(archive):
    root, _ = archive
    folder = root / "sleep-cassette"
    (folder / "SC4001EC-Hypnogram.edf").unlink()
    shutil.copy(folder / "SC4002EC-Hypnogram.edf", folder / "SC4002EJ-Hypnogram.edf")
    damaged = folder / "SC4012FH-Hypnogram.edf"
    damaged.write_bytes(damaged.read_bytes()[:200])
    telemetry = root / "sleep-telemetry"
    shutil.copy(telemetry / "ST7011J0-PSG.edf", folder / "ST7011J0-PSG.edf")
    write_sleep_edf(root, "ST7022J0", "P", ["?"] * 3)
    shutil.copy(telemetry / "ST7012JP-Hypnogram.edf", folder)  # but one is beside
    with pytest.warns(SleepkitWarning, match="sets aside 5 of 7"):
        X, _, _, report = load_sleep_edf(root, modalities=("eeg", "eog"))
    assert [night.id[10:] for night in X.recordings] == ["ST7011", "ST7012"]
    reasons = [entry.reason for entry in report if not entry.used]
    for reason, part in zip(
        reasons,
        (
            "there is no SC4001..-Hypnogram.edf",
            "it has 2 hypnograms",
            "SC4012FH-Hypnogram.edf",
            "it is the same night as",
            "scores no epoch",
        ),
        strict=True,
    ):
        assert part in reason
    with pytest.raises(RecordingError, match="cannot use 5 of the 7"):
        load_sleep_edf(root, strict=True)


def test_names_in_another_case_and_records_of_60_s(tmp_path):
    write_sleep_edf(tmp_path, "SC4362F0", "C", NAMES, tail=500)
    for path in sorted(tmp_path.rglob("*.edf")):
        path.rename(path.with_name(path.name.lower()))
    X, y, groups, _ = load_sleep_edf(tmp_path, **EEG)
    assert y.tolist() == STAGES
    assert set(groups) == {"sleep-edf:SC436"}
    assert X.recordings[0].info["sex"] in "FM"


def test_usual_trimming_is_a_step(tmp_path):
    names = [*("W" * 70), "1", "2", *("W" * 65), "M", "M"]
    rows = [("EEG Fpz-Cz", 10, "uV")]
    channels = {"eeg": ["Fpz-Cz"]}
    write_sleep_edf(tmp_path, "SC4001E0", "C", names, rows=rows)
    X, y, _, _ = load_sleep_edf(tmp_path, **EEG, channels=channels)
    assert len(y) == 137
    X, y, _ = trim_wake(X, y, rule="margin")
    assert len(y) == 60 + 2 + 60


@pytest.mark.real
def test_real_files(real_data, tmp_path):
    """The first minutes of a night, with its whole hypnogram."""
    source = real_data / "sleep_edf"
    shutil.copy(source / "SC4001E0-PSG-first5min.edf", tmp_path / "SC4001E0-PSG.edf")
    shutil.copy(source / "SC4001EC-Hypnogram.edf", tmp_path)
    with pytest.warns(SleepkitWarning, match="an envelope or a trend"):
        X, y, _, report = load_sleep_edf(tmp_path)
    (night,) = X.recordings
    assert y.tolist() == [0] * 10
    assert (night.modalities, night.info["age"]) == (("eeg", "eog"), 33)
    assert 0.02 < np.std(night.signals["eeg"].data) < 200
    assert night.lights_off == 30300
    assert "starts at" not in report[0].remarks


@pytest.mark.real
def test_stages_are_those_of_others(real_data, tmp_path):
    """Hypnograms of 20 nights beside noise; others have cut them, and rejected some."""
    source = real_data / "sleep_edf"
    for path in source.glob("SC40*-Hypnogram.edf"):
        shutil.copy(path, tmp_path)
        scored = read_hypnogram(path)
        n_epochs = int(np.flatnonzero(scored.stages != -1)[-1]) + 1
        write_edf(
            tmp_path / f"{path.name[:7]}0-PSG.edf",
            [("EEG Fpz-Cz", 1, "uV")],
            n_epochs,
            start=(scored.start.date(), scored.start.time()),
        )
    X, y, groups, report = load_sleep_edf(tmp_path, **EEG, channels={"eeg": ["Fpz-Cz"]})
    assert len(X.recordings) == 2 * len(set(groups)) == 20
    assert not any(entry.remarks for entry in report)
    X, y, _ = trim_wake(X, y, rule="margin")
    for night, rows, epochs in X.by_recording():
        number = night.id.removeprefix("sleep-edf:SC4")
        published = source / "nights" / f"SC4{number[:2]}_night{number[2]}.npz"
        theirs = np.load(published)["labels"]
        kept = epochs - epochs[0]
        assert kept[-1] == len(theirs) - 1
        scored = theirs[kept] >= 0
        np.testing.assert_array_equal(y[rows][scored], theirs[kept][scored], number)
        lights_off = night.start + timedelta(seconds=night.lights_off)
        assert lights_off.hour in (21, 22, 23, 0, 1)
