"""Labels of a hypnogram file, before they are decoded to stage codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the command line lists the schemes without numpy
    from sleepkit._typing import FloatArray


class Label(NamedTuple):
    """One label of a file; without a duration it lasts until the next label."""

    onset: float
    duration: float | None
    text: str
    place: str


@dataclass(frozen=True)
class Scoring:
    """Labels of one file, with the properties of its format."""

    labels: list[Label]
    scheme: str | None = None  # fixed by the format
    has_events: bool = False  # labels that name no stage are events, not errors
    start: datetime | None = None
    probabilities: FloatArray | None = None


def regular_labels(
    texts: list[str], duration: float, unit: str, first: int = 1
) -> list[Label]:
    """Consecutive labels of equal duration, from the start of the file."""
    return [
        Label(index * duration, duration, text, f"{unit} {index + first}")
        for index, text in enumerate(texts)
    ]
