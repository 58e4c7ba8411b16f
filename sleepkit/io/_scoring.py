"""Labels of a hypnogram file, before they are decoded to stage codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the command line lists the schemes without numpy
    from sleepkit._typing import FloatArray


class Label(NamedTuple):
    """One label of a file; without a duration it lasts until the next label.

    The label of an event counts only where no other label does.
    """

    onset: float
    duration: float | None
    text: str
    place: str
    is_event: bool = False


@dataclass(frozen=True)
class Scoring:
    """Labels of one file, with the properties of its format."""

    labels: list[Label]
    events: Sequence[Label] = ()  # labels known to name no stage, beside `labels`
    scheme: str | None = None  # fixed by the format
    has_events: bool = False  # labels that name no stage are events, not errors
    start: datetime | None = None
    probabilities: FloatArray | None = None  # one row a label
    scorer: str | None = None


class LabelDuration(NamedTuple):
    """Seconds that a label lasts where the file does not say, or the user does."""

    given: float | None
    default: float

    def with_file(self, stated: float | None = None) -> float:
        """Return the duration, of which the file may state one."""
        return self.given or stated or self.default


def regular_labels(
    texts: list[str], duration: float, unit: str, first: int = 1
) -> list[Label]:
    """Consecutive labels of equal duration, from the start of the file."""
    return [
        Label(index * duration, duration, text, f"{unit} {index + first}")
        for index, text in enumerate(texts)
    ]
