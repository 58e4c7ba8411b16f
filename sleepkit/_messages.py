"""Texts of messages: what files hold is escaped and shortened, lists are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

MAX_MESSAGE: Final = 1000  # characters
_MAX_QUOTE: Final = 80
_MAX_LISTED: Final = 5
_GAP: Final = " ... "


def printable(text: str) -> str:
    """Escape characters that a terminal would obey; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t\xa0" else ascii(char)[1:-1]
        for char in text
    )


def shortened(text: str, limit: int = MAX_MESSAGE) -> str:
    """Escape a text, and leave out its middle where it is long."""
    return _cut(printable(_cut(text, limit)), limit)


def quoted(value: Any) -> str:
    """Quote part of a file, shortened."""
    if isinstance(value, str):
        value = _cut(value, 4 * _MAX_QUOTE)  # its repr is as long at least
    return shortened(repr(value), _MAX_QUOTE)


def one_line(text: Any) -> str:
    """Join the lines of a text, as of an error, with single spaces."""
    return " ".join(str(text).split())


def first_names(names: Sequence[str]) -> str:
    """List the first names, and count the others."""
    more = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def of_nights(names: Sequence[str]) -> str:
    """Name nights without a valid epoch, and what to do; arrays have no names."""
    if not names:
        return "."
    return (
        f" of {first_names(names)}. Check their channels and units, as `sleepkit info` "
        "shows them; QualityMask().report(night) has the reason for each epoch. Or "
        "leave these nights out."
    )


def first_reasons(reasons: Sequence[str]) -> str:
    """List the first reasons, and count the others."""
    listed = list(reasons[:_MAX_LISTED])
    if len(reasons) > _MAX_LISTED:
        listed.append(f"and {len(reasons) - _MAX_LISTED} more")
    return "; ".join(listed)


def _cut(text: str, limit: int) -> str:
    """Leave out the middle of a long text."""
    half = (limit - len(_GAP)) // 2
    return text if len(text) <= limit else f"{text[:half]}{_GAP}{text[-half:]}"
