"""What a model file says of its stager, and the card of one that sleepkit brings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BOLD: Final = re.compile(r"\*\*(?P<term>.+?)\*\*,?\s*(?P<text>.*)", re.DOTALL)


def model_facts(about: Mapping[str, Any], card: str | None) -> dict[str, str]:
    """Terms and texts about a model: of its card, or else of its file."""
    if card is not None:
        return dict(_paragraphs(card))
    facts = {
        "Method": about.get("method"),
        "What": about.get("summary"),
        "Takes": ", ".join(map(str, about.get("modalities", []))),
        "Trained on": _training(about),
    }
    return {term: str(text) for term, text in facts.items() if text}


def model_scores(about: Mapping[str, Any]) -> dict[str, str]:
    """Scores on held-out subjects that a model file states, with all modalities."""
    rows = about.get("scores")
    first = rows[0] if isinstance(rows, list) and rows else {}
    numbers = {} if not isinstance(first, Mapping) else first
    return {
        str(name): f"{value:.3f}"
        for name, value in numbers.items()
        if isinstance(value, float)
    }


def _training(about: Mapping[str, Any]) -> str:
    """Count subjects, nights and epochs of the training, as far as they are known."""
    subjects = about.get("subjects", [])
    known = {
        "subjects": len(subjects) if isinstance(subjects, list) else None,
        "nights": about.get("nights"),
        "epochs": about.get("epochs"),
    }
    return ", ".join(f"{count} {name}" for name, count in known.items() if count)


def _paragraphs(card: str) -> Iterator[tuple[str, str]]:
    """Yield bold words and text of the paragraphs that begin so."""
    for block in card.split("\n\n"):
        found = _BOLD.fullmatch(block.strip())
        if found:
            text = " ".join(found["text"].split()).removesuffix(":")
            yield found["term"].rstrip("."), text[:1].upper() + text[1:]
