"""The examples of the gallery: each answers a question, and runs.

Those that train nets are slow; ``make docs`` runs every example too, and stops at an
error.
"""

from __future__ import annotations

import ast
import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1] / "examples"
EXAMPLES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path
    for path in sorted(ROOT.glob("*/plot_*.py"))
}
QUICK = [
    "1_stage/plot_1_first_night",
    "1_stage/plot_2_own_edf",
    "2_train/plot_2_preprocessing",
]
TITLE = re.compile(r"\n(?P<title>.+)\n=+\n\n\*(?P<question>[^*]+\?)\*")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in EXAMPLES
    ],
)
def test_example_runs(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES[name]))
    assert plt.get_fignums()
    assert not list(tmp_path.iterdir())  # what it writes is removed again
    plt.close("all")


def test_there_are_examples():
    assert len(EXAMPLES) >= 12
    assert set(QUICK) <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_asks_a_question(name):
    docstring = ast.get_docstring(ast.parse(EXAMPLES[name].read_text("utf-8")), False)
    assert TITLE.match(docstring)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_imports_public_names(name):
    tree = ast.parse(EXAMPLES[name].read_text("utf-8"))
    imports = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sleepkit")
        for alias in node.names
    ]
    assert imports
    for module, public in imports:
        assert public in import_module(module).__all__, f"{module} has no {public}"
