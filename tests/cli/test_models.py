"""`--model`: a file, the address of one on a hub, or the name of sleepkit's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sleepkit.cli._models import find_model
from sleepkit.pretrained import _models, model_path


@pytest.fixture
def address(hub, model):
    """The address of a model on a hub; the tag v1 is of the same commit."""
    number = hub.commit({"sleepkit.model": model.read_bytes()})
    hub.refs["tags"]["v1"] = number
    return f"hf://me/stager@{number}"


def test_an_address(run, fails, address, model, folder, tmp_path):
    night, staged = folder / "night0.edf", {}
    for place in (model, address):
        out = tmp_path / str(len(staged))
        options = ["--format", "csv", "--out", out]
        assert run("stage", night, "--model", place, *options)[0] == 0
        staged[place] = (out / "night0-hypnogram.csv").read_bytes()
    assert staged[model] == staged[address]
    tag = "hf://me/stager@v1"
    code, text, _ = run("evaluate", folder, "--model", tag, "--json")
    assert (code, json.loads(text)["model"]) == (0, tag)
    assert run("card", address)[:2] == run("card", model)[:2]
    own = tmp_path / "own.model"
    words = fails("adapt", folder, "--model", address, "--out", own)
    assert words.startswith("The training of FitOnSelected cannot go on")


@pytest.mark.usefixtures("address")
def test_wrong_addresses(fails, tmp_path):
    for place, words in (
        ("hf://me/stager", "names no revision"),
        ("hf://me/stager@main", "names a branch"),
        ("hf://me/stager@../main", "must be hf://owner/name@revision"),
    ):
        options = ["--model", place, "--out", tmp_path / "out"]
        assert words in fails("stage", tmp_path / "night.edf", *options)
    assert not (tmp_path / "out").exists()


def test_a_name(run, model, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(_models, "_FOLDER", tmp_path)
    (tmp_path / "default.model").write_bytes(model.read_bytes())
    code, text, _ = run("evaluate", folder, "--model", "default", "--json")
    assert (code, json.loads(text)["method"]) == (0, "trees")


def test_a_file_is_found_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(Path("bands")) == model_path("bands")
    Path("default").touch()
    assert find_model(Path("default")) == Path("default")
    assert find_model(None) == model_path()
