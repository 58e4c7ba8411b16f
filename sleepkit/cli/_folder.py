"""The scored nights of a folder, and what becomes of each file in it."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sleepkit._stages import UNSCORED
from sleepkit.cli._arguments import add_channels, pattern
from sleepkit.cli._nights import name_channel, read_night
from sleepkit.cli._pairs import Pair, find_pairs
from sleepkit.exceptions import HypnogramError, RecordingError, SleepkitError
from sleepkit.io import SCHEMES
from sleepkit.recording import EpochArray, Recording


def add_folder(parser: ArgumentParser) -> None:
    """Take a folder, and how to read what is there."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="scored nights")
    parser.add_argument(
        "--scheme",
        choices=SCHEMES,
        help="what integers in the hypnograms mean (needed where labels are integers)",
    )
    parser.add_argument(
        "--subject-pattern",
        type=pattern,
        metavar="REGEX",
        help="names the person of a file: its first group, searched in the path",
    )
    add_channels(parser)


def read_folder(
    arguments: Namespace,
    modalities: Collection[str],
    *,
    is_known: Callable[[str], bool] = lambda _: False,
) -> tuple[EpochArray, list[str]]:
    """Read the nights that can be used, and say of each file what becomes of it.

    Not used are copies of a file, and what a model knows: the person by name, the file
    by its hash. The hashes of the files that are used come second.
    """
    pairs = find_pairs(arguments.folder, arguments.subject_pattern)
    nights, files = [], dict[str, Path]()
    for pair in pairs:
        name = pair.signals.relative_to(arguments.folder)
        try:
            content = _hash_file(pair.signals)
            _refuse_known(pair, content, files, is_known)
            night = _read(pair, arguments, modalities)
        except (SleepkitError, OSError) as error:
            print(f"skipped  {name}: {' '.join(str(error).split())}")
            continue
        channels = ", ".join(
            f"{modality} {name_channel(night, modality)}"
            for modality in night.modalities
        )
        hypnogram = "" if pair.hypnogram is None else pair.hypnogram.name
        print(f"used     {name} + {hypnogram}: {pair.subject}, {channels}")
        nights.append(night)
        files[content] = name
    if not nights:
        msg = (
            f"No night in {arguments.folder} can be used"
            + (", for the reasons above." if pairs else ": there is no EDF file.")
            + " `sleepkit train --help` tells how files must be named."
        )
        raise RecordingError(msg)
    return EpochArray(nights), list(files)


def _hash_file(path: Path) -> str:
    """Identify a file by its content, whatever its name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_known(
    pair: Pair,
    content: str,
    files: Mapping[str, Path],
    is_known: Callable[[str], bool],
) -> None:
    """Refuse a night that is there already, or was learnt from."""
    if content in files:
        msg = f"it is a copy of {files[content]}"
    elif is_known(pair.subject):
        msg = f"the model was trained on {pair.subject}"
    elif is_known(content):
        msg = "the model was trained on this night, under another name"
    else:
        return
    raise RecordingError(msg)


def _read(pair: Pair, arguments: Namespace, modalities: Collection[str]) -> Recording:
    """Read one night, named by its path, which no other has."""
    if pair.hypnogram is None:
        msg = "there is no hypnogram of that name"
        raise HypnogramError(msg)
    night = read_night(
        pair.signals,
        dict(arguments.channels),
        modalities=modalities,
        hypnogram=pair.hypnogram,
        scheme=arguments.scheme,
        subject=pair.subject,
    )
    if night.hypnogram is None or (night.hypnogram == UNSCORED).all():
        msg = f"{pair.hypnogram} scores no epoch."
        raise HypnogramError(msg)
    return night.replace(id=pair.signals.relative_to(arguments.folder).as_posix())
