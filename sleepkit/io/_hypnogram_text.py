"""Hypnograms as plain text: one label a line, or a JSON list."""

from __future__ import annotations

import json

from sleepkit.exceptions import HypnogramError
from sleepkit.io._scoring import Scoring, regular_labels

_HEADERS = ("hypnogram", "label", "stage", "stages")


def parse_lines(text: str, label_duration: float) -> Scoring:
    """Read one label a line, after an optional header such as ``[Hypnogram]``."""
    lines = [line.strip() for line in text.rstrip().split("\n")]
    header = lines[0].casefold()
    n_header = int(header.startswith("[") or header in _HEADERS)
    texts = lines[n_header:]
    if "" in texts:
        number = texts.index("") + n_header + 1
        msg = f"each line must hold a label; line {number} is empty."
        raise HypnogramError(msg)
    return Scoring(regular_labels(texts, label_duration, "line", first=n_header + 1))


def parse_json(text: str, label_duration: float) -> Scoring:
    """Read a JSON list of labels."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"a JSON file must hold a list of labels; {error}."
        raise HypnogramError(msg) from error
    if not isinstance(content, list):
        msg = f"a JSON file must hold a list of labels; got {type(content).__name__}."
        raise HypnogramError(msg)
    texts = [str(label) for label in content]
    return Scoring(regular_labels(texts, label_duration, "entry"))
