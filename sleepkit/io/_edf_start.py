"""Start of an EDF or BDF file: date and time of day in its header."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Final

_PLACEHOLDER: Final = datetime(1985, 1, 1)  # EDF+ uses it for a missing date
_PLUS_DATE: Final = re.compile(r"startdate\s+(\d{1,2})-([a-z]{3})-(\d+)", re.IGNORECASE)
_MONTHS: Final = [  # of English, as the standard has it
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
]
_THREE: Final = re.compile(r"\s*(\d+)\D+(\d+)\D+(\d+)\D*")
_FIRST_YEAR: Final = 85  # of two digits that mean 19..
_YEARS: Final = range(1900, 2200)


def parse_start(recording: str, day: str, clock: str) -> datetime | None:
    """Time of the first sample, None if the time of day is missing.

    The date of EDF+ in the recording field, which has the full year, goes before the
    short one. A missing or damaged date becomes 1 January 1985, since the time of day
    is useful without it.
    """
    matched = _THREE.fullmatch(clock)
    if matched is None:
        return None
    hour, minute, second = map(int, matched.groups())
    try:
        moment = time(hour, minute, second)
    except ValueError:
        return None
    start = datetime.combine(
        _plus_date(recording) or _date(day) or _PLACEHOLDER, moment
    )
    return None if start == _PLACEHOLDER else start


def _plus_date(recording: str) -> date | None:
    """Date after ``Startdate`` in the recording field of EDF+."""
    matched = _PLUS_DATE.match(recording)
    if matched is None or matched[2].lower() not in _MONTHS:
        return None
    return _valid(
        int(matched[3]), _MONTHS.index(matched[2].lower()) + 1, int(matched[1])
    )


def _date(text: str) -> date | None:
    """Date as day, month and year of two digits."""
    matched = _THREE.fullmatch(text)
    return _valid(*map(int, reversed(matched.groups()))) if matched else None


def _valid(year: int, month: int, day: int) -> date | None:
    """Return a date, of 1985 to 2084 for a year of two digits; None if impossible."""
    if year < 100:
        year += 1900 if year >= _FIRST_YEAR else 2000
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None
