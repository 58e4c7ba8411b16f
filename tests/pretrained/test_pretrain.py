"""The training of the pretrained stagers, with a tiny recipe."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.exceptions import RecordingError, SleepkitError
from sleepkit.persistence import load_model, model_info
from sleepkit.pipelines import TrainingReference, stage_night
from sleepkit.pretrained import pretrain
from sleepkit.recording import EpochArray, Signal
from sleepkit.utils import hash_name
from tests.tiny_recipe import TINY


@pytest.fixture
def opened():
    """Paths of the files that are opened during the test, in order."""
    paths, watching = [], [True]

    def note(event, arguments):
        if watching and event == "open" and isinstance(arguments[0], str):
            paths.append(arguments[0])

    sys.addaudithook(note)  # for good: no hook can be taken off
    yield paths
    watching.clear()


def test_files(models):
    names = ["bands.md", "bands.model", "default.md", "default.model", "work"]
    assert sorted(path.name for path in models.iterdir()) == names


@pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")
def test_default_takes_any_subset_of_signals(models):
    stager = load_model(models / "default.model")
    X, _, _ = make_polysomnography(1, hours=0.25, random_state=3)
    assert stager.predict_proba(X).shape == (30, 5)  # an ECG is left out
    for subset in (["eeg"], ["eog"], ["emg"], ["eeg", "emg"]):
        proba = stager.predict_proba(X.select(subset))
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert stager.predict(list(X.recordings)).shape == (30,)
    assert len(stage_night(stager, X.recordings[0]).hypnogram) == 30


@pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")
def test_neither_an_ecg_nor_a_further_channel_counts(models):
    """An EEG without a signal is flagged, though others are good."""
    stager = load_model(models / "default.model")
    X, _, _ = make_polysomnography(1, hours=0.25, random_state=3)
    night = X.recordings[0].load()
    eeg = night.signals["eeg"].data.copy()
    eeg[:, :30_000] = 0
    eeg[:, :30_000] += 1e-9 * np.arange(30_000)  # ten epochs, flat
    more = Signal(np.concatenate([eeg, night.signals["eeg"].data]), 100)
    night = night.with_signals({"eeg": more, "ecg": night.signals["ecg"]})
    assert stage_night(stager, night).flagged.sum() == 10
    swapped = more.replace(data=more.data[::-1])
    night = night.with_signals({"eeg": swapped, "ecg": night.signals["ecg"]})
    assert not stage_night(stager, night).flagged.any()


def test_training_subjects_are_known(models):
    """So that no evaluation takes them for held-out ones."""
    for name in ("default", "bands"):
        hashes = model_info(models / f"{name}.model")["about"]["subjects"]
        assert len(hashes) == 4  # of five, one is for the scores
        assert set(hashes) < {hash_name(f"SC40{person}") for person in range(5)}


def test_too_few_subjects(feature_nights, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(feature_nights.iterdir())[:2]:
        shutil.copy(path, few)
    with pytest.raises(RecordingError, match="of three subjects or more"):
        pretrain(few, tmp_path / "out", recipe=TINY)


def test_bands_takes_one_channel_or_two(models):
    stager = load_model(models / "bands.model")
    features = np.random.default_rng(0).normal(size=(20, 3, 10))
    for columns in ({"eeg": [0, 1], "eog": [2]}, {"eeg": [1]}, {"eog": [2]}):
        X = EpochArray.from_arrays(features, modalities=columns)
        assert stager.predict_proba(X).shape == (20, 5)


def test_descriptions(models):
    about = model_info(models / "default.model")["about"]
    assert about["modalities"] == ["eeg", "eog", "emg"]
    assert about["summary"].endswith("for research; not a medical device.")
    assert TrainingReference.from_json(about["reference"]).confidence > 0.2
    card = (models / "bands.md").read_text(encoding="utf-8")
    for words in ("Sleep-EDF Expanded", "ODC-By", "not a medical device", "| kappa |"):
        assert words in card


def test_it_goes_on_from_what_is_kept(models, feature_nights, tmp_path, monkeypatch):
    """Members that are kept are not trained again."""

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("sleepkit.pretrained._members._train_bands", refuse)
    monkeypatch.setattr("sleepkit.pretrained._members._train_fine", refuse)
    out, work = tmp_path / "out", models / "work"
    files = pretrain(feature_nights, out, work=work, recipe=TINY)
    assert len(files) == 4
    X, _, _ = make_polysomnography(1, hours=0.25, random_state=3)
    one, other = (load_model(f / "default.model") for f in (out, models))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    with pytest.raises(SleepkitError, match="a training with other recipe;"):
        pretrain(feature_nights, out, work=work, recipe=replace(TINY, hours=0.5))


@pytest.mark.parametrize("folder", [None, "empty"])
def test_missing_nights(folder, tmp_path):
    nights = None if folder is None else tmp_path
    with pytest.raises(RecordingError, match=r"Sleep-EDF Expanded .*PhysioNet, ODC-By"):
        pretrain(nights, tmp_path / "out", recipe=TINY)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["text", "shape", "names"])
def test_other_files(content, tmp_path):
    path = tmp_path / "SC400_night1.npz"
    if content == "text":
        path.write_text("text")
    else:
        name = "features" if content == "shape" else "other"
        np.savez(path, **{name: np.ones((4, 2, 10))}, labels=np.zeros(4))
    with pytest.raises(RecordingError, match="is no feature night"):
        pretrain(tmp_path, tmp_path / "out", recipe=TINY)


def test_it_opens_the_feature_nights_and_no_other_data(feature_nights, opened):
    """Of the folder beside the code and of its own results, nothing else is read."""
    outside, out = feature_nights.parent, feature_nights.parent / "audited"
    pretrain(feature_nights, out, recipe=TINY)
    found = sorted({path for path in opened if path.startswith(str(outside))})
    others = [path for path in found if not path.startswith(str(out))]
    assert others == [str(path) for path in sorted(feature_nights.glob("*.npz"))]
