"""`sleepkit pretrain`: the arguments, and what it says is missing."""

from __future__ import annotations

import pytest

from sleepkit.pretrained import _pretrain
from tests.tiny_recipe import TINY


def test_missing_nights(fails, tmp_path):
    words = fails("pretrain", "--out", tmp_path)
    assert "no folder was given: features of Sleep-EDF Expanded (PhysioNet" in words
    words = fails("pretrain", "--nights", tmp_path, "--out", tmp_path / "out")
    assert f"{tmp_path} holds none" in words


@pytest.mark.filterwarnings("ignore::sleepkit.exceptions.SleepkitWarning")
def test_files(run, fails, feature_nights, models, tmp_path, monkeypatch):
    monkeypatch.setattr(_pretrain, "Recipe", lambda: TINY)
    options = ["--nights", feature_nights, "--out", tmp_path, "--jobs", 1]
    code, text, _ = run("pretrain", *options, "--work", models / "work")
    assert code == 0
    names = ["default.model", "default.md", "bands.model", "bands.md"]
    lines = [line.strip() for line in text.splitlines()]
    assert lines == ["Written:", *(str(tmp_path / name) for name in names)]
    assert "--overwrite replaces it" in fails("pretrain", *options)
