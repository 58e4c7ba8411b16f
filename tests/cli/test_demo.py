from __future__ import annotations

import numpy as np

from sleepkit.datasets import make_polysomnography
from sleepkit.io import read_hypnogram
from sleepkit.persistence import load_model, model_info

FILES = {
    "demo.model",
    "night-hypnogram.csv",
    "night-hypnogram.edf",
    "night-hypnogram.png",
}


def test_files(demo):
    assert {path.name for path in demo.iterdir()} == FILES
    assert (demo / "night-hypnogram.png").read_bytes().startswith(b"\x89PNG")


def test_the_two_hypnograms_agree(demo):
    table = read_hypnogram(demo / "night-hypnogram.csv")
    annotations = read_hypnogram(demo / "night-hypnogram.edf")
    np.testing.assert_array_equal(table.stages, annotations.stages)
    np.testing.assert_allclose(table.probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(table.stages, table.probabilities.argmax(axis=1))
    assert len(table) == 60


def test_the_model_stages_the_night_again(demo):
    cohort, _, _ = make_polysomnography(
        3, hours=0.5, modalities=("eeg", "eog", "emg"), random_state=0
    )
    stages = load_model(demo / "demo.model").predict(cohort.recordings[-1])
    written = read_hypnogram(demo / "night-hypnogram.csv").stages
    assert np.mean(stages == written) > 0.95  # all but epochs without usable signal


def test_the_model_says_what_it_learnt_from(demo):
    about = model_info(demo / "demo.model")["about"]
    assert about["modalities"] == ["eeg", "eog", "emg"]
    assert (about["nights"], about["people"], about["epochs"]) == (2, 2, 120)
    assert set(about["scores"]["this stager"]) == {"accuracy", "kappa", "f1_macro"}


def test_what_is_printed(run, tmp_path):
    out = tmp_path / "a" / "b"
    code, text, _ = run("demo", "--subjects", 3, "--hours", 0.25, "--out", out)
    assert code == 0
    for words in ("accuracy   kappa   macro-F1", "this stager", "guessing by share"):
        assert words in text
    assert "always " in text
    assert all(str(out / name) in text for name in FILES)
