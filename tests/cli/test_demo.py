from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pytest

from sleepkit import pipelines
from sleepkit.cli import _train, main
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


@pytest.fixture(scope="module")
def demo_and_text(tmp_path_factory):
    """What a small demo leaves, prints and finds; its nets train for one epoch."""
    out = tmp_path_factory.mktemp("demo") / "a" / "results"
    arguments = ["--subjects", "4", "--hours", "0.25", "--out", str(out), "--json"]
    text, found = StringIO(), StringIO()
    make_stager = pipelines.make_stager

    def quick(*names, **options):
        return make_stager(*names, **options).set_params(stage__max_epochs=1)

    with pytest.MonkeyPatch.context() as patch, redirect_stderr(text):
        patch.setattr(pipelines, "make_stager", quick)
        patch.setattr(_train, "count_jobs", lambda: 1)  # processes take longer to start
        with redirect_stdout(found):
            assert main(["demo", *arguments]) == 0
    return out, text.getvalue(), json.loads(found.getvalue())


@pytest.fixture
def demo(demo_and_text):
    """What a small demo leaves."""
    return demo_and_text[0]


def test_files(demo):
    assert {path.name for path in demo.iterdir()} == FILES
    assert (demo / "night-hypnogram.png").read_bytes().startswith(b"\x89PNG")


def test_json(demo_and_text):
    out, _, found = demo_and_text
    assert {*found["files"]} == {str(out / name) for name in FILES}
    for rows in (found["scores"], found["night"]["scores"]):
        assert {"medfusesleep", "sleepmg"} <= {row["estimator"] for row in rows}


def test_the_two_hypnograms_agree(demo):
    table = read_hypnogram(demo / "night-hypnogram.csv")
    annotations = read_hypnogram(demo / "night-hypnogram.edf")
    np.testing.assert_array_equal(table.stages, annotations.stages)
    staged = table.stages >= 0
    np.testing.assert_allclose(table.probabilities[staged].sum(axis=1), 1, atol=3e-4)
    np.testing.assert_array_equal(
        table.stages[staged], table.probabilities[staged].argmax(axis=1)
    )
    assert len(table) == 30


def test_the_model_stages_the_night_again(demo):
    cohort, _, _ = make_polysomnography(
        4, hours=0.25, modalities=("eeg", "eog", "emg"), random_state=0
    )
    again = load_model(demo / "medfusesleep.model").predict_proba(cohort.recordings[-1])
    written = read_hypnogram(demo / "night-hypnogram.csv")
    staged = written.stages >= 0
    assert staged.sum() > 25
    np.testing.assert_allclose(
        again[staged], written.probabilities[staged], atol=1e-3
    )  # what the table rounds to


@pytest.mark.parametrize("method", ["medfusesleep", "sleepmg"])
def test_the_model_holds_what_it_was_trained_on(demo, method):
    about = model_info(demo / f"{method}.model")["about"]
    assert about["method"] == method
    assert about["modalities"] == ["eeg", "eog", "emg"]
    assert (about["nights"], len(about["subjects"]), about["epochs"]) == (3, 3, 90)
    assert not any("sim:" in name for name in about["subjects"])
    given = [row["condition"] for row in about["scores"]]
    pairs, singles = ["eeg+eog", "eeg+emg", "eog+emg"], ["eeg", "eog", "emg"]
    assert given == ["all", *pairs, *singles]
    assert {row["estimator"] for row in about["scores"]} == {method}
    assert about["protocol"]["scoring_window"] == "all scored epochs"


def test_what_is_printed(demo_and_text):
    out, text, _ = demo_and_text
    for words in ("accuracy  kappa  macro-F1", "on held-out subjects", "Always "):
        assert words in text
    rows = [line.split() for line in text.splitlines() if line.startswith("  sleepmg")]
    pairs, singles = ["eeg+eog", "eeg+emg", "eog+emg"], ["eeg", "eog", "emg"]
    assert [row[1] for row in rows] == ["all", *pairs, *singles, "all"]
    assert len({row[3] for row in rows[:7]}) > 1  # what is missing changes the figures
    assert all(str(out / name) in text for name in FILES)


def test_nothing_is_replaced_without_overwrite(fails, demo):
    words = fails("demo", "--out", demo)
    assert words == (
        f"{demo / 'night-hypnogram.csv'}: it exists already; --overwrite replaces it."
    )
