"""The files beside the package say what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import sleepkit

ROOT = Path(__file__).parents[1]
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md")]


def test_citation_has_the_version_and_both_papers():
    assert re.findall("^version: (.+)$", CITATION, re.MULTILINE) == [
        sleepkit.__version__
    ]
    for title in ("Generalizable and Resilient Multimodal", "SleepMG: Multimodal"):
        assert title in CITATION


LINK = re.compile(r"\]\(((?!https?:)[^)]+)\)")
NAME = re.compile(r"`((?:docs|tests|benchmarks)/[\w/.]+|[A-Z_]{3,}\.\w+)`")


def test_files_that_pages_name_exist():
    """Links and pictures, and names of files as code."""
    missing = [
        f"{page.name}: {name}"
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for name in [*LINK.findall(text), *NAME.findall(text)]
        if not (ROOT / name).exists() and not re.search("_x|_build", name)
    ]
    assert missing == []


def test_first_commands_of_the_readme_are_in_the_makefile():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall("^make (\\w+)", text.split("```")[1], re.MULTILINE)
    assert commands == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{name}:" in makefile for name in commands)


def test_classifiers_have_the_oldest_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {oldest}" in project["classifiers"]


def test_every_extra_is_checked():
    """The environment of the tests has all, but the documentation's; the guide too."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]
    (own,) = (line for line in extras["test"] if line.startswith("sleepkit-learn["))
    listed = set(own.removeprefix("sleepkit-learn[").removesuffix("]").split(","))
    assert listed == extras.keys() - {"docs", "test"}
    guide = (ROOT / "docs/user_guide/install.rst").read_text(encoding="utf-8")
    assert [extra for extra in extras if f"``{extra}``" not in guide] == []
