from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.io import read_hypnogram
from sleepkit.persistence import load_model, model_info

FILES = {
    "medfusesleep.model",
    "night-hypnogram.csv",
    "night-hypnogram.edf",
    "night-hypnogram.png",
    "sleepmg.model",
}


def test_files(demo):
    assert {path.name for path in demo.iterdir()} == FILES
    assert (demo / "night-hypnogram.png").read_bytes().startswith(b"\x89PNG")


def test_the_two_hypnograms_agree(demo):
    table = read_hypnogram(demo / "night-hypnogram.csv")
    annotations = read_hypnogram(demo / "night-hypnogram.edf")
    np.testing.assert_array_equal(table.stages, annotations.stages)
    staged = table.stages >= 0
    np.testing.assert_allclose(table.probabilities[staged].sum(axis=1), 1)
    np.testing.assert_array_equal(
        table.stages[staged], table.probabilities[staged].argmax(axis=1)
    )
    assert len(table) == 60


def test_the_model_stages_the_night_again(demo):
    cohort, _, _ = make_polysomnography(
        4, hours=0.5, modalities=("eeg", "eog", "emg"), random_state=0
    )
    again = load_model(demo / "medfusesleep.model").predict_proba(cohort.recordings[-1])
    written = read_hypnogram(demo / "night-hypnogram.csv")
    staged = written.stages >= 0
    assert staged.sum() > 50
    np.testing.assert_allclose(
        again[staged], written.probabilities[staged], atol=1e-3
    )  # what the table rounds to


@pytest.mark.parametrize("method", ["medfusesleep", "sleepmg"])
def test_the_model_holds_what_it_was_trained_on(demo, method):
    about = model_info(demo / f"{method}.model")["about"]
    assert about["method"] == method
    assert about["modalities"] == ["eeg", "eog", "emg"]
    assert (about["nights"], len(about["subjects"]), about["epochs"]) == (3, 3, 180)
    assert not any("sim:" in name for name in about["subjects"])
    given = [row["condition"] for row in about["scores"]]
    assert given == ["all", "eeg+eog", "eeg+emg", "eog+emg"]
    assert {row["estimator"] for row in about["scores"]} == {method}
    assert about["protocol"]["scoring_window"] == "all scored epochs"


def test_what_is_printed(run, tmp_path):
    out = tmp_path / "a" / "b"
    code, text, _ = run("demo", "--subjects", 4, "--hours", 0.25, "--out", out)
    assert code == 0
    for words in (
        "accuracy  kappa  macro-F1",
        "on held-out subjects",
        "Always ",
    ):
        assert words in text
    rows = [line.split() for line in text.splitlines() if line.startswith("  sleepmg")]
    given = ["all", "eeg+eog", "eeg+emg", "eog+emg", "all"]
    assert [row[1] for row in rows] == given
    assert len({row[3] for row in rows[:4]}) > 1  # what is missing changes the figures
    assert all(str(out / name) in text for name in FILES)
