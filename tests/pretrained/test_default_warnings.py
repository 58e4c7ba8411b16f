"""What the default stager warns of, where its model is installed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.exceptions import ModelFileError, RecordingError
from sleepkit.persistence import load_model, model_info
from sleepkit.pipelines import TrainingReference, stage_night, staging_warnings
from sleepkit.pretrained import model_path
from sleepkit.recording import Recording

N_EPOCHS = 60  # half an hour
N_TIMES = 3000  # samples of an epoch


@pytest.fixture(scope="module")
def warned():
    """``warned(night)``: the warnings of a night staged by the default stager."""
    try:
        path = model_path()
    except ModelFileError as error:
        pytest.skip(str(error))
    stager = load_model(path)
    about = model_info(path)["about"]
    reference = TrainingReference.from_json(about["reference"])

    def warn(night):
        return staging_warnings(stage_night(stager, night), night, reference)

    return warn


@pytest.fixture(scope="module")
def night():
    """A simulated night of EEG and ECG that no model was trained on."""
    X, _, _ = make_polysomnography(
        1, hours=3, modalities=("eeg", "ecg"), random_state=1
    )
    return X.recordings[0].load()


def with_eeg(night, data, sfreq=100.0):
    """Half an hour of something as EEG."""
    eeg = night.signals["eeg"].replace(data=data, sfreq=sfreq)
    return Recording(id="half an hour", subject="s", signals={"eeg": eeg})


def of_stage(night, stage):
    """Half an hour of epochs of one stage."""
    epochs = night.signals["eeg"].data.reshape(1, -1, N_TIMES)
    chosen = np.flatnonzero(night.hypnogram == stage)
    return np.resize(chosen, N_EPOCHS), epochs


@pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")
@pytest.mark.parametrize(("stage", "words"), [(0, "W fills"), (2, "N2 fills")])
def test_one_stage_only(warned, night, stage, words):
    """One stage all along, where it is staged as such, is implausible."""
    rows, epochs = of_stage(night, stage)
    found = warned(with_eeg(night, epochs[:, rows].reshape(1, -1)))
    assert any(re.search(words, text) for text in found), found


@pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("noise", "100% of the epochs failed the quality check"),
        ("1e6", "check channel and unit"),
        ("ecg", "100% of the epochs failed the quality check"),
    ],
)
def test_signals_unlike_those_of_training(warned, night, case, words):
    n_times = N_EPOCHS * N_TIMES
    data, sfreq = night.signals["eeg"].data[:, :n_times], 100.0
    if case == "noise":
        data = 20 * np.random.default_rng(0).normal(size=(1, n_times))
    elif case == "1e6":
        data = 1e6 * data
    else:
        data, sfreq = night.signals["ecg"].data[:, : 2 * n_times], 200.0
    found = warned(with_eeg(night, data, sfreq))
    assert any(words in text for text in found)


def test_a_flat_channel(warned, night):
    with pytest.raises(RecordingError, match="all are missing or constant"):
        warned(with_eeg(night, np.zeros((1, N_EPOCHS * N_TIMES))))
