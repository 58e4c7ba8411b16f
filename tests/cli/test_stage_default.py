"""`sleepkit stage` without a model, and its warnings."""

from __future__ import annotations

import csv
import json

import pytest

from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.pretrained import _models


@pytest.fixture
def installed(models, monkeypatch):
    """The models of a tiny recipe, as if they came with sleepkit."""
    monkeypatch.setattr(_models, "_FOLDER", models)


@pytest.fixture
def night(tmp_path, cohort, write_night):
    return write_night(tmp_path / "night.edf", cohort[3])


@pytest.fixture
def scaled(tmp_path, cohort, write_night):
    """A night whose file says volts where it holds microvolts."""
    return write_night(tmp_path / "scaled.edf", cohort[3], unit="V")


pytestmark = pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")


@pytest.mark.usefixtures("installed")
def test_it_says_once_what_the_model_is(run, night, models, tmp_path):
    code, text, _ = run("stage", night, "--out", tmp_path / "out", "--format", "csv")
    assert code == 0
    summary = model_info(models / "default.model")["about"]["summary"]
    assert text.startswith(f"{summary}\n")
    assert text.count("for research; not a medical device") == 1


def test_a_model_that_is_named_needs_no_summary(run, night, model, tmp_path):
    _, text, _ = run("stage", night, "--model", model, "--out", tmp_path / "out")
    assert "for research" not in text


def test_an_installation_without_models(fails, night, tmp_path, monkeypatch):
    monkeypatch.setattr(_models, "_FOLDER", tmp_path)
    words = fails("stage", night, "--out", tmp_path / "out")
    assert words.startswith("This installation of sleepkit lacks default.model")


@pytest.mark.usefixtures("installed")
def test_warnings_of_one_night(run, scaled, tmp_path):
    code, text, _ = run("stage", scaled, "--out", tmp_path / "out", "--format", "csv")
    assert code == 0
    assert "Warning: eeg: " in text
    assert "check channel and unit" in text


@pytest.mark.usefixtures("installed")
def test_warnings_of_json_and_summary(run, scaled, tmp_path):
    out = tmp_path / "out"
    options = ["--out", out, "--format", "csv", "--json"]
    code, text, error = run("stage", scaled.parent, *options)
    assert code == 0
    assert "for research; not a medical device" in error
    (warnings,) = [json.loads(line)["warnings"] for line in text.splitlines()]
    assert any("check channel and unit" in warning for warning in warnings)
    with (out / "summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert "check channel and unit" in row["warnings"]


def test_a_damaged_reference(fails, night, models, tmp_path):
    path = tmp_path / "damaged.model"
    about = model_info(models / "default.model")["about"] | {"reference": {"low": 3}}
    save_model(load_model(models / "default.model"), path, about=about)
    words = fails("stage", night, "--model", path, "--out", tmp_path / "out")
    assert "its reference of training nights is damaged" in words


def test_other_models_have_the_warnings_of_stages(
    run, cohort, write_night, model, tmp_path
):
    """A night that is wake only, by a model without a reference."""
    stager = load_model(model)
    stager[-1].estimator_.classes_[:] = 0  # whatever it predicts is wake
    path = tmp_path / "wake.model"
    save_model(stager, path, about={"modalities": ["eeg", "eog", "emg"]})
    file = write_night(tmp_path / "awake.edf", cohort[3])
    _, text, _ = run("stage", file, "--model", path, "--out", tmp_path / "out")
    assert "Warning: W fills 100% of the night" in text
