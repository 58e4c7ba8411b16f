"""`sleepkit adapt`: a model trained further on scored nights."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sleepkit.persistence import load_model, model_info
from sleepkit.pretrained import _adapt, _models
from tests.tiny_recipe import TINY

pytestmark = pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few and short nights to replay."""

    monkeypatch.setattr(_adapt, "Recipe", lambda **_: TINY)


def test_the_default_model_is_adapted(run, folder, models, monkeypatch, tmp_path):
    monkeypatch.setattr(_models, "_FOLDER", models)
    out = tmp_path / "own.model"
    code, text, _ = run("adapt", folder, "--out", out, "--passes", 1)
    assert code == 0
    assert f"Written:\n  {out}" in text
    about = model_info(out)["about"]
    assert about["adapted_on"] == {"nights": 3, "subjects": 3}
    assert len(about["files"]) == 3
    assert len(about["subjects"]) == 3 + 4  # with those of the first training
    assert about["reference"]
    before, after = (load_model(p) for p in (models / "default.model", out))
    first, second = (m[-1].estimators_[1][-1].net_.module_ for m in (before, after))
    weights = zip(first.parameters(), second.parameters(), strict=True)
    assert any(not np.array_equal(*(w.detach() for w in pair)) for pair in weights)


def test_a_model_of_ones_own(run, folder, save_quick, tmp_path):
    out = tmp_path / "own.model"
    model = save_quick("medfusesleep")
    options = ["--model", model, "--out", out, "--passes", 1, "--json"]
    code, text, _ = run("adapt", folder, *options)
    assert code == 0
    assert json.loads(text) == {
        "model": str(out),
        "method": "medfusesleep",
        "nights": 3,
        "subjects": 3,
        "epochs": 180,
    }
    stager = load_model(out)
    assert stager[-1].max_epochs == load_model(model)[-1].max_epochs
    assert run("evaluate", folder, "--model", out)[0] == 1  # all nights were used


def test_trees_cannot_go_on(fails, folder, model, tmp_path):
    words = fails("adapt", folder, "--model", model, "--out", tmp_path / "own.model")
    assert words.startswith("The training of FitOnSelected cannot go on")


def test_nothing_is_replaced(fails, folder, model):
    words = fails("adapt", folder, "--model", model, "--out", model)
    assert "--overwrite replaces it" in words
