"""The library, its guide and its examples use the terms of the field.

Train, fit, predict, validate, held-out subject, query and key, report, return: a reader
who knows machine learning or sleep needs no other dictionary.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTEAD_OF = {
    "learnt": "trained, fitted",
    "unlearnt": "confused by gradient reversal",
    "taught": "trained",
    "told": "passed, given, reported",
    "whom": "the subject",
    "asked": "requested, queried",
    "met": "seen, held-out",
    "people that": "subjects that",
}
WORDS = re.compile(rf"\b({'|'.join(INSTEAD_OF)})\b", re.IGNORECASE)
GUIDE = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.rst")),
    *sorted(ROOT.glob("docs/**/*.inc")),
    *sorted(ROOT.glob("examples/**/*.py")),
]


def strings(path: Path):
    """Yield line and value of the docstrings, messages and other texts of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def offenders(path: Path, texts):
    """Yield ``file:line: word`` for each word of a text that has a better one."""
    name = path.relative_to(ROOT).as_posix()
    for first, text in texts:
        for match in WORDS.finditer(re.sub(r"\s", " ", text)):
            line = first + text.count("\n", 0, match.start())
            word = match[0].lower()
            yield f"{name}:{line}: {word!r}, better: {INSTEAD_OF[word]}"


def test_docstrings_and_messages():
    found = [
        line
        for path in sorted((ROOT / "sleepkit").rglob("*.py"))
        for line in offenders(path, strings(path))
    ]
    assert not found, "\n".join(["", *found])


def test_guide_and_examples():
    found = [
        line
        for path in GUIDE
        if "_build" not in path.parts and "auto_examples" not in path.parts
        for line in offenders(path, [(1, path.read_text(encoding="utf-8"))])
    ]
    assert not found, "\n".join(["", *found])
