"""`make test-oldest` runs on the versions that pyproject.toml names as the oldest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_oldest_versions_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    floors = dict(line.split(">=") for line in project["dependencies"])
    text = (ROOT / "constraints-oldest.txt").read_text()
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)$", text, re.MULTILINE))
    wrong = {
        name: pins.get(name)
        for name, floor in floors.items()
        if name != "torch" and pins.get(name) not in (floor, f"{floor}.0")
    }
    assert wrong == {}
