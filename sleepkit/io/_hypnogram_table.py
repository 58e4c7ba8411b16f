"""Hypnograms as tables with a column of labels, and often onsets and durations."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from sleepkit._stages import STAGES
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._scoring import Label, Scoring

# Known column names, the most specific first.
_LABEL: Final = ("stage", "trial_type", "sleep_stage", "stages", "label", "annotation")
_ONSET: Final = ("onset", "time", "start")
_DURATION: Final = ("duration",)
_EVENTS: Final = ("trial_type", "annotation")  # hold events that are not stages as well
CLOCK_TIME: Final = "clock_time"
PROBABILITIES: Final = tuple(f"P_{stage}" for stage in STAGES)


class _Table:
    """Cells of a table by column, with the line number of each row."""

    def __init__(self, text: str, delimiter: str) -> None:
        try:
            rows = list(csv.reader(text.split("\n"), delimiter=delimiter, strict=True))
        except csv.Error as error:
            msg = f"the file must be a table; {error}."
            raise HypnogramError(msg) from error
        numbered = [(i, row) for i, row in enumerate(rows, 1) if row]
        self.names = [name.strip().casefold() for name in numbered[0][1]]
        self.lines = [line for line, _ in numbered[1:]]
        self._rows = [row for _, row in numbered[1:]]
        for line, row in zip(self.lines, self._rows, strict=True):
            if len(row) != len(self.names):
                msg = (
                    f"a row must have the header's {len(self.names)} columns; "
                    f"line {line} has {len(row)}."
                )
                raise HypnogramError(msg)

    def find(self, names: Sequence[str]) -> str | None:
        """Return the first of `names` that is a column; None if there is none."""
        return next((name for name in names if name in self.names), None)

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        index = self.names.index(name)
        return [row[index].strip() for row in self._rows]

    def numbers(self, names: Sequence[str]) -> list[float | None]:
        """Return the numbers of the first column in `names`, None for empty cells."""
        name = self.find(names)
        if name is None:
            return [None] * len(self.lines)
        cells = zip(self.column(name), self.lines, strict=True)
        return [_number(cell, name, line) for cell, line in cells]


def parse_table(text: str, delimiter: str, label_duration: float) -> Scoring:
    """Read a table by its header; without onsets, rows are consecutive."""
    table = _Table(text, delimiter)
    name = table.find(_LABEL)
    if name is None:
        msg = (
            f"a table must have a column of labels, named {' or '.join(_LABEL)}; "
            f"its columns are {', '.join(table.names)}."
        )
        raise HypnogramError(msg)
    onsets = _onsets(table, label_duration)
    durations = table.numbers(_DURATION)
    places = [f"line {line}" for line in table.lines]
    rows = zip(onsets, durations, table.column(name), places, strict=True)
    return Scoring(
        [Label(*row) for row in rows],
        has_events=name in _EVENTS,
        start=_start(table, onsets),
        probabilities=_probabilities(table),
    )


def _number(cell: str, name: str, line: int) -> float | None:
    """Read a number; None for an empty cell or ``n/a``."""
    if cell in ("", "n/a"):
        return None
    try:
        return float(cell)
    except ValueError:
        msg = f"column {name!r} must hold seconds; got {cell!r} (line {line})."
        raise HypnogramError(msg) from None


def _onsets(table: _Table, label_duration: float) -> list[float]:
    """Onset of each row in seconds."""
    if table.find(_ONSET) is None:
        return [index * label_duration for index in range(len(table.lines))]
    onsets = table.numbers(_ONSET)
    if None in onsets:
        line = table.lines[onsets.index(None)]
        msg = f"every row must have an onset; line {line} has none."
        raise HypnogramError(msg)
    return [onset for onset in onsets if onset is not None]


def _start(table: _Table, onsets: Sequence[float]) -> datetime | None:
    """Start of the file, from the clock time of the first row."""
    if CLOCK_TIME not in table.names or not onsets:
        return None
    cell = table.column(CLOCK_TIME)[0]
    try:
        return datetime.fromisoformat(cell) - timedelta(seconds=onsets[0])
    except (ValueError, OverflowError):
        msg = f"column {CLOCK_TIME!r} must hold ISO 8601 times; got {cell!r}."
        raise HypnogramError(msg) from None


def _probabilities(table: _Table) -> FloatArray | None:
    """Probability columns, NaN for empty cells."""
    names = [name.casefold() for name in PROBABILITIES]
    if not set(names) <= set(table.names):
        return None
    return np.array([table.numbers([name]) for name in names], dtype=float).T
