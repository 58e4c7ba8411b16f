"""Nights of the Dreem Open Datasets, and the stages of their five scorers."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from sleepkit.datasets import load_dod
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.metrics import consensus
from tests.datasets.trees import write_dod, write_dod_scorers

h5py = pytest.importorskip("h5py")

NAMES = [f"{i:08}-5f19-55b6-a0ec-6e0ad3793da0" for i in range(6)]
STAGES = [0, 1, 2, 3, 4, 2, -1, 0]


def test_a_night(tmp_path):
    raw = write_dod(tmp_path / "dod-h", NAMES[0], STAGES)
    X, y, groups, report = load_dod(tmp_path, modalities=("eeg", "eog", "emg", "ecg"))
    (night,) = X.recordings
    assert y.tolist() == [stage for stage in STAGES if stage >= 0]
    assert night.hypnogram.tolist() == STAGES
    assert set(groups) == {f"dod:{NAMES[0]}"}
    assert {name: s.ch_names for name, s in night.signals.items()} == {
        "eeg": ("C3_M2",),
        "eog": ("EOG1",),
        "emg": ("EMG",),
        "ecg": ("ECG",),
    }
    assert night.signals["eeg"].sfreq == 250
    assert not night.signals["eeg"].is_loaded
    np.testing.assert_array_equal(night.signals["eeg"].data[0], raw["C3_M2"])
    assert report[0].hypnogram == f"dod-h/{NAMES[0]}.h5"
    assert not report[0].remarks


def test_channels_by_name_label_and_position(tmp_path):
    raw = write_dod(tmp_path, NAMES[0], STAGES)
    channels = {"eeg": ["f4-m1", "C3_M2"], "eog": "EOG1-EOG2", "emg": 4}
    X, *_ = load_dod(tmp_path, channels=channels)
    signals = X.recordings[0].signals
    assert signals["eeg"].ch_names == ("F4_M1", "C3_M2")
    assert signals["emg"].ch_names == ("EMG",)
    eyes = signals["eog"].data[0]
    np.testing.assert_allclose(eyes, raw["EOG1"] - raw["EOG2"], atol=1e-4)


def test_scorers_who_begin_earlier_and_end_later(tmp_path):
    stages = np.random.default_rng(0).integers(0, 5, 40)
    scorings = np.array([[-1] * 7 + stages.tolist() + [0] * 3] * 5)
    scorings[1, 12] = (scorings[1, 12] + 1) % 5  # outvoted
    write_dod(tmp_path, NAMES[0], stages)
    write_dod_scorers(tmp_path / "scorers" / "dodh", NAMES[0], scorings)
    loaded = {
        scorer: load_dod(tmp_path, modalities="eeg", scorer=scorer)
        for scorer in ("file", "consensus", 1, 2)
    }
    for scorer in ("file", "consensus", 1):
        assert loaded[scorer][1].tolist() == stages.tolist()
    assert np.flatnonzero(loaded[2][1] != stages).tolist() == [5]
    assert loaded[2][3][0].hypnogram.count(".json") == 5


def test_each_night_that_is_set_aside_has_a_reason(tmp_path):
    stages = np.random.default_rng(0).integers(0, 5, 20)
    for name in NAMES:
        write_dod(tmp_path, name, stages)
    write_dod_scorers(tmp_path, NAMES[0], [stages] * 5)
    write_dod_scorers(tmp_path, NAMES[1], [stages] * 4)
    write_dod_scorers(tmp_path, NAMES[2], [(stages + 1) % 5] * 5)
    write_dod_scorers(tmp_path, NAMES[3], [stages[:-1]] * 5)
    write_dod_scorers(tmp_path, NAMES[4], [stages, *[stages[1:]] * 4])
    write_dod_scorers(tmp_path, NAMES[5], [stages.tolist() * 2] * 5)
    with pytest.warns(SleepkitWarning, match="sets aside 5 of 6"):
        X, _, _, report = load_dod(tmp_path, modalities="eeg", scorer="consensus")
    assert len(X.recordings) == 1
    reasons = [entry.reason for entry in report]
    assert f"there is no {NAMES[1]}.json of scorer_5" in reasons[1]
    assert "their place in the recording is not known" in reasons[2]
    assert "have 19 epochs, fewer than its stages" in reasons[3]
    assert "differ in their numbers of epochs" in reasons[4]
    assert "at several places" in reasons[5]
    with pytest.raises(RecordingError, match="cannot use 5 of the 6"):
        load_dod(tmp_path, modalities="eeg", scorer="consensus", strict=True)


def test_damaged_files(tmp_path):
    for name in NAMES:
        write_dod(tmp_path, name, STAGES)
    with h5py.File(tmp_path / f"{NAMES[5]}.h5", "a") as file:
        file.attrs["description"] = '[{"path": "signals/eeg/C3_M2", "fs": 0}]'
    (tmp_path / f"{NAMES[1]}.h5").write_bytes(b"no HDF5")
    with h5py.File(tmp_path / f"{NAMES[2]}.h5", "a") as file:
        del file["hypnogram"]
    with h5py.File(tmp_path / f"{NAMES[3]}.h5", "a") as file:
        del file.attrs["description"]
    with h5py.File(tmp_path / f"{NAMES[4]}.h5", "a") as file:
        file["hypnogram"][0] = 7
    with pytest.warns(SleepkitWarning, match="sets aside 5 of 6"):
        _, _, _, report = load_dod(tmp_path)
    reasons = [entry.reason for entry in report]
    assert "cannot be read as an HDF5 file" in reasons[1]
    assert "has no dataset 'hypnogram'" in reasons[2]
    assert "has no attribute 'description'" in reasons[3]
    assert "7" in reasons[4]
    assert "rate of C3_M2" in reasons[5]


def test_a_file_that_changes(tmp_path):
    write_dod(tmp_path, NAMES[0], STAGES)
    X, *_ = load_dod(tmp_path, modalities="eeg")
    write_dod(tmp_path, NAMES[0], [*STAGES, 0])
    with pytest.raises(RecordingError, match="has changed since it was opened"):
        _ = X.recordings[0].signals["eeg"].data


def test_options_and_library_are_checked(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="'scorer' parameter of load_dod"):
        load_dod(tmp_path, scorer=6)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"sleepkit-learn\[hdf5\]"):
        load_dod(tmp_path)


@pytest.mark.real
def test_real_scorers_are_placed(tmp_path, real_data):
    """The vote of five real scorers is found where four of them agree with it best."""
    names = sorted(p.stem for p in (real_data / "dod_scorers/scorer_1").iterdir())
    expected = {}
    for name in names:
        scorings = np.array(
            [
                json.loads(
                    (real_data / f"dod_scorers/scorer_{i}/{name}.json").read_text()
                )
                for i in range(1, 6)
            ]
        )
        write_dod_scorers(tmp_path, name, scorings)
        cut = slice(20, -30)
        expected[f"dod:{name}"] = consensus(scorings)[cut]
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["hypnogram"] = consensus(scorings[1:])[cut]
            n_times = len(file["hypnogram"]) * 30 * 250
            file.create_dataset("signals/eeg/C3_M2", (n_times,), np.float32)
            file.attrs["description"] = json.dumps(
                [{"path": "signals/eeg/C3_M2", "fs": 250}]
            )
    X, *_ = load_dod(tmp_path, modalities="eeg", scorer="consensus", strict=True)
    for night in X.recordings:
        np.testing.assert_array_equal(night.hypnogram, expected[night.id])
