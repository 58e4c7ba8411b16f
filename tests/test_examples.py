"""Every example of the gallery runs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

EXAMPLES = sorted(Path(__file__).parents[1].glob("examples/plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path))
    assert plt.get_fignums()
    plt.close("all")


def test_there_are_examples():
    assert EXAMPLES
