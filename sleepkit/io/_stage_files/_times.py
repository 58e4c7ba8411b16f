"""Times in the cells of a stage file: numbers, clock times, dates with times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

DAY: Final = 86400.0  # seconds
# The date of a start of which only the time of day is known, as anonymous EDF+ has it.
NO_DATE: Final = datetime(1985, 1, 1)
UNIX_ZERO: Final = datetime(1970, 1, 1)  # stands for no date in MNE's files
_LARGEST: Final = 1e20  # nanoseconds since 1970 are less
EMPTY: Final = frozenset({"", "n/a", "na", ".", "...", "-", "none", "null"})

_CLOCK: Final = re.compile(
    r"(\d{1,2})([:.h])(\d{2})(?:[:.m](\d{2})(?:[.,:](\d{1,9}))?)?s?\s*([ap])?\.?m?\.?",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"(\d{1,4})[-/. ](\d{1,2}|[a-z]{3})[a-z]*[-/. ](\d{1,4})", re.I
)
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_ZONE: Final = re.compile(r"\s*(?:z|utc|[+-]\d{2}:?\d{2})$", re.IGNORECASE)


def number(cell: str) -> float | None:
    """Read a number with a decimal point or comma, None if the cell holds none."""
    text = cell if "." in cell else cell.replace(",", ".")
    try:
        value = float(text) if "_" not in text else math.inf
    except ValueError:
        return None
    return None if abs(value) > _LARGEST else value


def clock(cell: str) -> float | None:
    """Read a time of day in seconds after midnight, None if the cell holds none."""
    match = _CLOCK.fullmatch(cell.strip())
    if match is None or (match[2] == "." and match[4] is None):
        return None
    hours, minutes, seconds = int(match[1]), int(match[3]), int(match[4] or 0)
    half = (match[6] or "").casefold()
    if minutes > 59 or seconds > 60 or hours > (12 if half else 47):
        return None
    if half:
        hours = hours % 12 + 12 * (half == "p")
    fraction = float(f"0.{match[5]}") if match[5] else 0.0
    return 3600.0 * hours + 60.0 * minutes + seconds + fraction


def has_minutes_only(cell: str) -> bool:
    """Whether a clock time leaves the seconds out."""
    match = _CLOCK.fullmatch(cell.strip())
    return match is not None and match[4] is None


def date(cell: str, *, month_first: bool = False) -> datetime | None:
    """Read a date, None if the cell holds none."""
    match = _DATE.fullmatch(cell.strip())
    if match is None:
        return None
    first, second, last = match.groups()
    if second.isalpha():
        names = (second.casefold(),)
        second = str(_MONTHS.index(names[0]) + 1) if names[0] in _MONTHS else "0"
        month_first = False
    year, month, day = (
        (first, second, last) if len(first) > 2 else (last, second, first)
    )
    if month_first and len(first) <= 2:
        month, day = first, second
    full = int(year) if len(year) > 2 else 2000 + int(year) - 100 * (int(year) > 84)
    try:
        return datetime(full, int(month), int(day))
    except ValueError:
        return None


def moment(cell: str, *, month_first: bool = False) -> datetime | None:
    """Read a date with a time, None if the cell holds none."""
    text = (
        cell.strip().replace("T", " ", 1) if re.match(r"\d+-\d+-\d+T", cell) else cell
    )
    zone = _ZONE.search(text)
    text = _ZONE.sub("", text.strip())
    parts = re.split(r",?\s+", text, maxsplit=1)
    if len(parts) < 2 or not _DATE.fullmatch(parts[0]):
        return None
    day, seconds = date(parts[0], month_first=month_first), clock(parts[1])
    offset = _offset(zone[0]) if zone else None
    if day is None or seconds is None or (zone and offset is None):
        return None
    try:
        return day.replace(tzinfo=offset) + timedelta(seconds=seconds)
    except OverflowError:  # after the year 9999
        return None


def moment_in_any_order(cell: str) -> datetime | None:
    """Read a date with a time, the day or the month first, None if there is none."""
    return moment(cell) or moment(cell, month_first=True)


def date_in_any_order(cell: str) -> datetime | None:
    """Read a date, the day or the month first, None if the cell holds none."""
    return date(cell) or date(cell, month_first=True)


def _offset(zone: str) -> timezone | None:
    """Time zone such as Z or +01:00, None if there can be none."""
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return UTC
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(days=1):
        return None
    return timezone(-offset if "-" in zone else offset)


def moments(cells: Sequence[str]) -> list[datetime | None]:
    """Dates with times of a column, whose order of day and month is one for all.

    With slashes and a 12-hour clock the month comes first, otherwise the day does,
    unless no night lies within two days then.
    """
    twelve = any(re.search(r"[ap]\.?m\.?$", cell.strip(), re.I) for cell in cells)
    orders = [True, False] if twelve and any("/" in cell for cell in cells) else [False]
    orders += [not orders[0]] if len(orders) == 1 else []
    read = [[moment(cell, month_first=order) for cell in cells] for order in orders]
    read = [_in_one_zone(times) for times in read]
    return min(read, key=lambda times: (times.count(None), _lasts_long(times)))


def _in_one_zone(times: Sequence[datetime | None]) -> list[datetime | None]:
    """Return times in the zone of the first, or without any if one has none."""
    zones = [time.tzinfo for time in times if time is not None]
    if None in zones:
        return [time and time.replace(tzinfo=None) for time in times]
    return [time and time.astimezone(zones[0]) for time in times]


def _lasts_long(times: Iterable[datetime | None]) -> bool:
    """Whether times lie more than two days apart."""
    known = [time for time in times if time is not None]
    return bool(known) and (max(known) - min(known)).total_seconds() > 2 * DAY


def unwrapped(seconds: Sequence[float | None]) -> list[float | None]:
    """Return times of day as seconds that run on over midnight.

    Each is on the day nearest to the time before it.
    """
    times: list[float | None] = []
    last: float | None = None
    for time in seconds:
        if time is not None and last is not None:
            time += DAY * round((last - time) / DAY)
        times.append(time)
        last = time if time is not None else last
    return times


def kind_of(cell: str) -> Callable[[str], object] | None:
    """Return the reader of a cell's kind of time, None if it is none."""
    readers: tuple[Callable[[str], object], ...] = (
        number,
        clock,
        moment_in_any_order,
        date_in_any_order,
    )
    return next((read for read in readers if read(cell) is not None), None)
