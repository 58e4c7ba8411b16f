"""One column of times in a table: what its cells are, in seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from sleepkit._messages import quoted
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._stage_files import _times
from sleepkit.io._stage_files._column_names import TIME_ROLES, unit_of, words_of
from sleepkit.io._stage_files._times import DAY, EMPTY, NO_DATE, UNIX_ZERO

_KINDS: Final[dict[Callable[[str], object], tuple[str, str]]] = {
    _times.number: ("number", "seconds"),
    _times.clock: ("clock", "clock times"),
    _times.moment_in_any_order: ("moment", "ISO 8601 times, or dates with clock times"),
    _times.date_in_any_order: ("date", "dates"),
}
_ELAPSED_WORDS: Final = {"elapsed", "relative", "latency", "duration", "since", "seit"}
_ZERO_WORDS: Final = {"start", "beginning", "begin", "recording", "onset"}  # from it
_CLOCK_WORDS: Final = {"clock", "uhr", "uhrzeit", "heure", "hora", "ora", "day"}
_MINUTE: Final = 60.0  # seconds
_AGREEMENT: Final = 1.5  # seconds by which two columns of times may differ


@dataclass(frozen=True)
class TimeColumn:
    """Times of a column, NaN for empty cells.

    Numbers are as they stand, clock times and dates are seconds after `zero`, the
    start of a day; `zero` is None for times that count from the start of the file.
    """

    name: str
    role: str
    kind: str  # "number", "clock", "moment", "date" or "text"
    values: FloatArray
    unit: float | None = None  # seconds, if the name states it
    zero: datetime | None = None
    resolution: float = 0.0  # seconds
    first_text: str = ""  # the first cell, if it should be a time and is none

    @property
    def is_strong(self) -> bool:
        """Whether the cells are clock times or dates."""
        return self.kind in ("clock", "moment")

    @property
    def has_gaps(self) -> bool:
        """Whether cells are empty."""
        return bool(np.isnan(self.values).any())

    def error(self, problem: str) -> HypnogramError:
        """Error that names the column."""
        return HypnogramError(f"column {quoted(self.name)} {problem}.")

    def agrees(self, other: FloatArray) -> bool:
        """Whether the times differ from others by a constant."""
        apart = self.values - other
        apart = apart[np.isfinite(apart)]
        tolerance = max(_AGREEMENT, 1.01 * self.resolution)
        return not len(apart) or bool(np.ptp(apart) <= tolerance)


def parse_column(
    name: str, role: str, cells: Sequence[str], lines: Sequence[int]
) -> TimeColumn:
    """Read the cells of a column, all of the kind of the first."""
    filled = [cell for cell in cells if cell.casefold() not in EMPTY]
    read = _times.kind_of(filled[0]) if filled else None
    nothing = np.full(len(cells), np.nan)
    if read is None:
        is_one = role == "epoch" and len({*filled}) < 2  # such as that of the subject
        first = "" if is_one or not filled else filled[0]
        return TimeColumn(name, role, "text", nothing, first_text=first)
    kind, words = _KINDS[read]
    for cell, line in zip(cells, lines, strict=True):
        if cell.casefold() not in EMPTY and read(cell) is None:
            if role not in TIME_ROLES:
                return TimeColumn(name, role, "text", nothing, first_text=cell)
            msg = (
                f"column {quoted(name)} must hold {words}; got {quoted(cell)} "
                f"(line {line})."
            )
            raise HypnogramError(msg)
    if kind == "number":
        values, unit = _numbers(cells), unit_of(name)
        known = values[np.isfinite(values)]
        is_coarse = unit == _MINUTE and len(np.unique(known)) < len(known)
        resolution = _MINUTE if is_coarse else 0.0
        return TimeColumn(name, role, kind, values, unit, resolution=resolution)
    if kind == "date":
        days = {_times.date_in_any_order(cell) for cell in filled}
        return TimeColumn(
            name, role, kind, nothing, first_text=filled[0] if len(days) > 2 else ""
        )
    return _clock_column(name, role, kind, cells)


def _numbers(cells: Sequence[str]) -> FloatArray:
    """Numbers of the cells, NaN for empty ones."""
    if _has_thousands(cells):
        cells = [re.sub("[.,]", "", cell) for cell in cells]
    values = (None if c.casefold() in EMPTY else _times.number(c) for c in cells)
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _has_thousands(cells: Sequence[str]) -> bool:
    """Whether numbers from a thousand on have a separator that is no decimal one."""
    filled = [cell.strip() for cell in cells if cell.casefold() not in EMPTY]
    parts = [re.split("[.,]", cell) for cell in filled]
    plain = [cell for cell, part in zip(filled, parts, strict=True) if len(part) == 1]
    grouped = all(
        re.fullmatch(r"\d{1,3}|[1-9]\d{0,2}([.,]\d{3})+", cell) for cell in filled
    )
    if not grouped or not plain or len(plain) == len(filled):
        return False
    numbers = [int("".join(part)) for part in parts]
    decimals = [_times.number(cell) or 0.0 for cell in filled]
    return sorted(numbers) == numbers and sorted(decimals) != decimals


def _clock_column(name: str, role: str, kind: str, cells: Sequence[str]) -> TimeColumn:
    """Clock times or dates with clock times, which run on over midnight."""
    filled = [cell for cell in cells if cell.casefold() not in EMPTY]
    by_minute = any(map(_times.has_minutes_only, (cell.split()[-1] for cell in filled)))
    resolution = _MINUTE if by_minute else 1.0
    if kind == "clock":
        zero: datetime | None = NO_DATE
        seconds = _times.unwrapped([_times.clock(cell) for cell in cells])
        first = next(time for time in seconds if time is not None)
        if _counts_from_start(name, first):
            zero = None
    else:
        moments = _times.moments(cells)
        zero = min(moment for moment in moments if moment is not None)
        zero = zero.replace(hour=0, minute=0, second=0, microsecond=0)
        seconds = [None if m is None else (m - zero).total_seconds() for m in moments]
        zero = None if zero.replace(tzinfo=None) == UNIX_ZERO else zero
    values = np.array([np.nan if s is None else s for s in seconds], dtype=float)
    return TimeColumn(name, role, kind, values, 1.0, zero, resolution)


def _counts_from_start(name: str, first: float) -> bool:
    """Whether clock times are those of the file, such as 0:00:30, by the first one."""
    words = {*words_of(name)}
    if words & _CLOCK_WORDS:
        return False
    is_early = first < DAY / 2  # no recording begins with half a day without labels
    is_from = "from" in words and bool(words & _ZERO_WORDS)
    is_elapsed = is_from or bool(words & _ELAPSED_WORDS)
    return is_elapsed or first == 0 or ("onset" in words and is_early)


def start_of(column: TimeColumn, onset: float, row: int) -> datetime | None:
    """Start of the file, from the time in a row and its onset."""
    if column.zero is None or not np.isfinite(column.values[row]):
        return None
    try:
        return column.zero + timedelta(seconds=float(column.values[row]) - onset)
    except OverflowError as error:
        msg = "puts the start of the file outside the years 1 to 9999"
        raise column.error(msg) from error
