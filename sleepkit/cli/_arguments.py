"""Arguments that several commands have, and checks of their values."""

from __future__ import annotations

import math
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sleepkit import datasets, io

if TYPE_CHECKING:
    from sleepkit.recording import EpochArray

MODALITIES: Final = ("eeg", "eog", "emg")  # that the command trains on
_NO_COHORTS: Final = ("load_folder", "load_night")
COHORTS: Final = tuple(
    name.removeprefix("load_").replace("_", "-")
    for name in datasets.__all__
    if name.startswith("load_") and name not in _NO_COHORTS
)
_MIN_HOURS: Final = 0.25
_MAX_HOURS: Final = 24.0
_HUB: Final = "hf://"  # begins the address of a model, which is no path


def add_nights(parser: ArgumentParser) -> None:
    """Add recordings, their channels, and output for other programs."""
    parser.add_argument(
        "nights",
        type=Path,
        nargs="+",
        metavar="NIGHT",
        help="EDF, BDF or what MNE reads; a folder stands for all EDF and BDF "
        "recordings in it and below",
    )
    _add_channels(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON for each night, and nothing else",
    )


def add_json(parser: ArgumentParser) -> None:
    """Add output for other programs, of a command with one result."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as one JSON object, and all else on standard error",
    )


def add_model(parser: ArgumentParser, purpose: str, *, required: bool = False) -> None:
    """Add a trained model."""
    parser.add_argument(
        "--model",
        type=model,
        required=required,
        help=f"{purpose}: a file that `sleepkit train` or `adapt` wrote, the address "
        "of one (hf://owner/name@revision), or default, the stager that comes with "
        f"sleepkit{'' if required else ' (default)'}",
    )


def add_any_model(parser: ArgumentParser) -> None:
    """Add a model, of a file, an address or a name, whether it stages nights or not."""
    parser.add_argument(
        "model",
        type=model,
        metavar="MODEL",
        help="a model file, the address of one (hf://owner/name@revision), or the name "
        "of one that comes with sleepkit: default, bands",
    )


def add_overwrite(parser: ArgumentParser) -> None:
    """Add the permission to replace files."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that exist"
    )


def add_jobs(parser: ArgumentParser) -> None:
    """Add the number of processes."""
    parser.add_argument(
        "--jobs",
        type=count(1),
        default=1,
        metavar="N",
        help="nights side by side, each in a process with one thread (1)",
    )


def add_folder(parser: ArgumentParser) -> None:
    """Add a folder of scored nights, and how to read them."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="scored nights")
    add_reading(parser)


def add_trim(parser: ArgumentParser) -> None:
    """Add how much wake is kept around sleep."""
    parser.add_argument(
        "--trim-wake",
        type=count(0),
        metavar="MINUTES",
        help="leave out wake further than that from sleep, as recordings of a whole "
        "day have it (30 is usual; all wake is used)",
    )


def add_reading(parser: ArgumentParser) -> None:
    """Add how the files of a folder are read."""
    parser.add_argument(
        "--scheme",
        choices=io.SCHEMES,
        help="what integers in the hypnograms mean (needed where labels are integers)",
    )
    parser.add_argument(
        "--subject-pattern",
        type=pattern,
        metavar="REGEX",
        help="finds the subject in the path of a file: the first group of the match",
    )
    _add_channels(parser)


def read_folder(
    arguments: Namespace,
    modalities: Sequence[str],
    exclude: Callable[[str, str], str | None] | None = None,
) -> tuple[EpochArray, list[str]]:
    """Read the folder and print its report; hashes of the files used come second."""
    named = dict(arguments.channels)
    X, _, _, report = datasets.load_folder(
        arguments.folder,
        modalities=modalities,
        channels={name: named[name] for name in named if name in modalities},
        subject_pattern=arguments.subject_pattern,
        scheme=arguments.scheme,
        units=dict(arguments.units),
        exclude=exclude,
        verbose=True,
    )
    print(*report, sep="\n")
    return X, [entry.sha256 for entry in report if entry.used]


def _add_channels(parser: ArgumentParser) -> None:
    """Add names and units of channels."""
    parser.add_argument(
        "--channels",
        type=channel,
        nargs="+",
        default=[],
        metavar="MODALITY=LABEL",
        help=f"channel to use for {', '.join(MODALITIES)}, as eeg=C4-M1; a difference "
        "has spaces around its minus, as 'eog=LOC - ROC'; others are found by label",
    )
    parser.add_argument(
        "--units",
        type=unit,
        nargs="+",
        default=[],
        metavar="LABEL=UNIT",
        help="unit of a channel where the file has none or a wrong one, as C4-M1=uV",
    )


def model(text: str) -> str | Path:
    """Parse a model: the address of one on a hub as it is, else a path or a name."""
    return text if text.startswith(_HUB) else Path(text)


def channel(text: str) -> tuple[str, str | tuple[str, str]]:
    """Parse ``MODALITY=LABEL``, where the label may be a difference of two."""
    modality, _, label = text.partition("=")
    plus, minus, other = (part.strip() for part in label.partition(" - "))
    if modality not in MODALITIES or not plus or bool(minus) != bool(other):
        names = ", ".join(MODALITIES)
        msg = f"must be MODALITY=LABEL for one of {names}; got {text!r}"
        raise ArgumentTypeError(msg)
    return modality, (plus, other) if minus else plus


def unit(text: str) -> tuple[str, str]:
    """Parse ``LABEL=UNIT``."""
    label, _, name = text.rpartition("=")
    if not label or not name:
        msg = f"must be LABEL=UNIT, as C4-M1=uV; got {text!r}"
        raise ArgumentTypeError(msg)
    return label, name


def count(minimum: int) -> Callable[[str], int]:
    """Parser of whole numbers of at least ``minimum``."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            msg = f"must be a whole number >= {minimum}; got {text!r}"
            raise ArgumentTypeError(msg)
        return int(text)

    return parse


def folds(text: str) -> int:
    """Parse a number of folds: 0, or at least 2."""
    number = count(0)(text)
    if number == 1:
        msg = f"must be 0, or 2 or more; got {text!r}"
        raise ArgumentTypeError(msg)
    return number


def hours(text: str) -> float:
    """Parse the length of a night."""
    try:
        length = float(text)
    except ValueError:
        length = 0.0
    if not _MIN_HOURS <= length <= _MAX_HOURS:
        msg = f"must be {_MIN_HOURS} to {_MAX_HOURS} hours; got {text!r}"
        raise ArgumentTypeError(msg)
    return length


def seconds(text: str) -> float:
    """Parse a duration."""
    try:
        duration = float(text)
    except ValueError:
        duration = 0.0
    if not 0 < duration < math.inf:
        msg = f"must be a number of seconds > 0; got {text!r}"
        raise ArgumentTypeError(msg)
    return duration


def pattern(text: str) -> str:
    """Require a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        msg = f"must be a regular expression; got {text!r}: {error}"
        raise ArgumentTypeError(msg) from error
    return text
