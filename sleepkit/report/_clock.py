"""Times of a night, by the clock where its start is known."""

from __future__ import annotations

from datetime import datetime, timedelta


def at(start: datetime | None, seconds: float) -> str:
    """Time so many seconds after the start: of the day, or since then."""
    if start is not None:
        return f"{start + timedelta(seconds=seconds):%H:%M:%S}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def hours_minutes(minutes: float) -> str:
    """Minutes in words, such as "6 h 42 min"."""
    hours, rest = divmod(int(minutes + 0.5), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
