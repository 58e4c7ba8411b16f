"""``--json``: one object on standard output, and all else on standard error."""

from __future__ import annotations

import json

import pytest

from sleepkit.cli import _train
from tests.cli.conftest import quick_stager


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small stagers are fitted in this process: others take long to start."""
    monkeypatch.setattr(_train, "count_jobs", lambda: 1)
    monkeypatch.setattr(_train, "make_stager", quick_stager)


@pytest.fixture
def found(run):
    """``found(*arguments)``: the one object on standard output, and standard error."""

    def call(*arguments):
        code, text, error = run(*arguments, "--json")
        assert code == 0
        (line,) = text.splitlines()
        return json.loads(line), error

    return call


def test_results_as_json(found, fails, folder, tmp_path, save_quick):
    store, out = tmp_path / "store", tmp_path / "my.model"
    (folder / "alone.edf").write_bytes((folder / "night0.edf").read_bytes())
    stored, error = found("prepare", folder, "--out", store, "--method", "trees")
    assert stored["store"] == str(store)
    assert (stored["nights"], stored["subjects"]) == (3, 3)
    assert stored["steps"][0].startswith("QualityMask(")
    assert list(stored["skipped"]) == ["alone.edf"]
    assert f"{store}: 3 nights of 3 subjects" in error
    options = ["--out", out, "--method", "trees", "--folds", 2]
    trained, error = found("train", store, *options)
    counts = {"nights": 3, "subjects": 3, "epochs": 180}
    assert trained.items() >= {"model": str(out), "method": "trees", **counts}.items()
    assert [row["condition"] for row in trained["scores"]] == ["all"]
    assert f"Written:\n  {out}" in error
    model = save_quick("trees")
    place = tmp_path / "scores"
    options = ["--model", model, "--out", place, "--quiet"]
    scored, error = found("evaluate", store, *options)
    assert error == ""
    assert scored.items() >= {"method": "trees", **counts}.items()
    assert scored["scoring_window"] == "all scored epochs"
    assert 0 < scored["scores"][0]["accuracy"] <= 1
    assert scored["files"][0] == str(place / "scores.csv")
    assert fails("train", store, "--out", out, "--json").startswith(str(out))
