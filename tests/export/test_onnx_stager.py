"""Staging by an ONNX file: what it says of itself, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import ModelFileError, RecordingError
from sleepkit.export import OnnxStager
from sleepkit.recording import Recording


@pytest.fixture(scope="module")
def graph(powers_file):
    return OnnxStager(powers_file, n_threads=1)


def test_says_what_it_is(graph, powers_stager):
    about = graph.about
    assert about["notice"] == "for research; not a medical device"
    assert (about["model"], about["method"]) == ("LogPoolClassifier", "powers")
    assert (about["outside"], about["needs_all"]) == ([], False)
    assert about["modalities"]["eog"] == {"shape": [1], "sfreq": 100.0}
    assert about["sequences"].keys() == {"sequences_shares", "sequences_bands"}
    assert graph.classes_.tolist() == powers_stager.classes_.tolist()


def test_rows_in_any_order(graph, nights):
    rows = np.array([30, 3, 3, 0])
    all_rows = graph.predict(nights)
    assert graph.predict(nights[rows]).tolist() == all_rows[rows].tolist()


def test_refuses_other_signals(graph, nights):
    night = nights.recordings[0]
    eeg = night.signals["eeg"]
    slow = eeg.replace(data=eeg.data[:, ::2], sfreq=50.0)
    with pytest.raises(RecordingError, match=r"of 1 channels at 100 Hz; .* at 50.0 Hz"):
        graph.predict(night.with_signals({"eeg": slow}))
    data = eeg.data.copy()
    data[0, 5] = np.nan
    with pytest.raises(RecordingError, match="samples without gaps"):
        graph.predict(night.with_signals({"eeg": eeg.replace(data=data)}))


def test_refuses_nights_that_it_cannot_stage(graph, nights):
    night = nights.recordings[0]
    signals = {"eeg": night.signals["eeg"].replace(valid=None)}
    half = Recording(id="half", subject="a", signals=signals, epoch_duration=15)
    with pytest.raises(RecordingError, match=r"of 30 s; 'half' has epochs of 15 s"):
        graph.predict(half)
    other = night.with_signals({"ecg": signals["eeg"]})
    never = np.zeros(night.n_epochs, np.bool_)
    bad = night.with_signals({"eeg": signals["eeg"].replace(valid=never)})
    for each in (other, bad):
        with pytest.raises(RecordingError, match=r"takes any of eeg, eog; no epoch of"):
            graph.predict(each)


def test_files_that_are_missing_or_damaged(powers_file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        OnnxStager(tmp_path / "none.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(powers_file.read_bytes()[:-100])
    with pytest.raises(
        ModelFileError, match=r"damaged\.onnx' cannot be read as an ONNX"
    ):
        OnnxStager(damaged)
    with pytest.raises(ValueError, match="'n_threads' parameter of OnnxStager"):
        OnnxStager(powers_file, n_threads=-1)


def test_refuses_other_files(powers_file, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(powers_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelFileError, match=r"was not written by sleepkit"):
        OnnxStager(tmp_path / "other.onnx")
