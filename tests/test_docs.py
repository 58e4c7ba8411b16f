"""What the documentation is made with: groups of packages, links to the source."""

from __future__ import annotations

import runpy
from importlib import import_module
from pathlib import Path

import pytest

import sleepkit

ROOT = Path(__file__).parents[1]
API = runpy.run_path(str(ROOT / "docs" / "api_pages.py"))
LINKS = runpy.run_path(str(ROOT / "docs" / "source_links.py"))


def test_every_package_is_in_one_group():
    grouped = [name for names in API["GROUPS"].values() for name in names]
    assert sorted(grouped) == sleepkit.__all__


def test_every_public_name_has_a_page(tmp_path):
    API["write_api"](tmp_path)
    for package in sleepkit.__all__:
        page = (tmp_path / f"sleepkit.{package}.rst").read_text("utf-8").split()
        assert set(import_module(f"sleepkit.{package}").__all__) <= set(page)
        assert f"sleepkit.{package}" in (tmp_path / "index.rst").read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "name", "line"),
    [
        ("sleepkit.datasets", "make_polysomnography", "def make_polysomnography("),
        ("sleepkit.recording", "EpochArray", "class EpochArray"),
        ("sleepkit.hypnogram", "Hypnogram.crop", "    def crop("),
        ("sleepkit.hypnogram", "Hypnogram.n_epochs", "    def n_epochs("),
    ],
)
def test_links_lead_to_the_source(monkeypatch, module, name, line):
    monkeypatch.setenv("SLEEPKIT_SOURCE", "https://example.org/blob/v1/")
    link = LINKS["link_to_source"]("py", {"module": module, "fullname": name})
    address, _, lines = link.partition("#")
    path = ROOT / address.removeprefix("https://example.org/blob/v1/")
    first, last = (int(number.strip("L")) for number in lines.split("-"))
    source = path.read_text("utf-8").splitlines()[first - 1 : last]
    assert any(each.startswith(line) for each in source[:3])


def test_what_has_no_source_has_no_link():
    link = LINKS["link_to_source"]
    assert link("c", {"module": "sleepkit", "fullname": "x"}) is None
    assert link("py", {"module": "sleepkit.io", "fullname": "SCHEMES"}) is None
