"""The nights that a command line names: files, and those in folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sleepkit.datasets._pairs import find_pairs
from sleepkit.exceptions import RecordingError

_RECORDING_FOLDERS: Final = (".ds", ".mff")  # of CTF and EGI: one recording each


class Night(NamedTuple):
    """A recording file, the name of its results, and its hypnogram if known."""

    path: Path
    name: str  # path within the folder that was searched, without suffix
    hypnogram: Path | None = None  # found in the folder, where it was one


def find_nights(places: Iterable[Path]) -> list[Night]:
    """List the nights in files and folders, each once; names must differ."""
    nights: dict[Path, Night] = {}
    for night in _search(places):
        nights.setdefault(_identity(night.path), night)
    named: dict[str, Night] = {}
    for night in nights.values():
        other = named.setdefault(night.name, night)
        if other is not night:
            msg = (
                f"{other.path} and {night.path} would both be called {night.name!r} in "
                "the results; name a folder above both, or one of them at a time."
            )
            raise RecordingError(msg)
    return list(nights.values())


def _identity(path: Path) -> Path:
    """Path without links, if it leads anywhere; reading it says what is wrong."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a link to itself, or a NUL
        return path.absolute()


def is_batch(places: Sequence[Path]) -> bool:
    """Whether the command line names several nights, or a folder of them."""
    return len(places) > 1 or _is_folder(places[0])


def _search(places: Iterable[Path]) -> Iterator[Night]:
    """Yield the nights of files and folders."""
    for place in places:
        if not _is_folder(place):
            yield Night(place, place.stem)
            continue
        pairs = find_pairs(place)
        if not pairs:
            msg = f"There is no recording (.edf, .bdf, .rec) in {place}."
            raise RecordingError(msg)
        for pair in pairs:
            name = pair.signals.relative_to(place).with_suffix("").as_posix()
            yield Night(pair.signals, name, pair.hypnogram)


def _is_folder(place: Path) -> bool:
    """Whether a path is a folder of nights."""
    return place.is_dir() and place.suffix.casefold() not in _RECORDING_FOLDERS
