"""Arguments that are more than text, checked before anything runs."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sleepkit.cli._nights import MODALITIES

_MIN_HOURS: Final = 0.25
_MAX_HOURS: Final = 24.0


def add_night(parser: ArgumentParser) -> None:
    """Add the recording that a command is about, and its channels."""
    parser.add_argument(
        "night", type=Path, metavar="NIGHT.edf", help="EDF, BDF or what MNE reads"
    )
    add_channels(parser)


def add_channels(parser: ArgumentParser) -> None:
    """Let the user name channels."""
    parser.add_argument(
        "--channels",
        type=channel,
        nargs="+",
        default=[],
        metavar="MODALITY=LABEL",
        help=f"channel to use for {', '.join(MODALITIES)}, as eeg=C4-M1; a difference "
        "has spaces around its minus, as 'eog=LOC - ROC'; others are found by label",
    )


def channel(text: str) -> tuple[str, str | tuple[str, str]]:
    """Read ``MODALITY=LABEL``, where the label may be a difference of two."""
    modality, _, label = text.partition("=")
    plus, minus, other = (part.strip() for part in label.partition(" - "))
    if modality not in MODALITIES or not plus or bool(minus) != bool(other):
        names = ", ".join(MODALITIES)
        msg = f"must be MODALITY=LABEL for one of {names}; got {text!r}"
        raise ArgumentTypeError(msg)
    return modality, (plus, other) if minus else plus


def count(minimum: int) -> Callable[[str], int]:
    """Require a whole number."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            msg = f"must be a whole number >= {minimum}; got {text!r}"
            raise ArgumentTypeError(msg)
        return int(text)

    return parse


def folds(text: str) -> int:
    """Require folds, of which one alone is none."""
    number = count(0)(text)
    if number == 1:
        msg = f"must be 0, or 2 or more; got {text!r}"
        raise ArgumentTypeError(msg)
    return number


def hours(text: str) -> float:
    """Require a length that nights can have."""
    try:
        length = float(text)
    except ValueError:
        length = 0.0
    if not _MIN_HOURS <= length <= _MAX_HOURS:
        msg = f"must be {_MIN_HOURS} to {_MAX_HOURS} hours; got {text!r}"
        raise ArgumentTypeError(msg)
    return length


def pattern(text: str) -> str:
    """Require a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        msg = f"must be a regular expression; got {text!r}: {error}"
        raise ArgumentTypeError(msg) from error
    return text
