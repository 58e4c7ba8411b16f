"""The page of what is promised names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_promise_has_its_test():
    page = (ROOT / "docs/user_guide/promises.rst").read_text(encoding="utf-8")
    named = re.findall(r"``(tests/[\w/]+\.py)::(\w+)``", page)
    assert len(named) == page.count("   * - ") - page.count(":header-rows:")
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), name
