"""What a hypnogram file says, before its labels become stage codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sleepkit._typing import FloatArray


class Label(NamedTuple):
    """One label as it stands in the file; no duration means until the next label."""

    onset: float
    duration: float | None
    text: str
    place: str


@dataclass(frozen=True)
class Scoring:
    """The labels of one file, and what the format says about them."""

    labels: list[Label]
    scheme: str | None = None  # named by the format itself
    has_events: bool = False  # labels that are no stages are events, not mistakes
    start: datetime | None = None
    probabilities: FloatArray | None = None


def regular_labels(
    texts: list[str], duration: float, unit: str, first: int = 1
) -> list[Label]:
    """Place labels one after another, from the start of the file."""
    return [
        Label(index * duration, duration, text, f"{unit} {index + first}")
        for index, text in enumerate(texts)
    ]
