"""Pairs of recording and hypnogram in a folder, by the names of their files."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from sleepkit.exceptions import RecordingError

SIGNALS: Final = (".edf", ".bdf", ".rec")
_ANYTHING: Final = "(.+)"
# What the name of a night without suffix must be, and those of its hypnogram ({} is the
# group in parentheses). Earlier rules win. No rule fits what `sleepkit stage` writes,
# so that a model is never trained or scored on its own output.
_RULES: Final = (
    (_ANYTHING, ("hypnogram_{}.txt",)),
    (_ANYTHING, ("{}.txt", "{}.csv", "{}.tsv", "{}.xml", "{}.json")),
    (_ANYTHING, ("{}-nsrr.xml", "{}-profusion.xml")),
    (_ANYTHING, ("{}-hypnogram-corrected.csv", "{}-hypnogram-corrected.edf")),
    (_ANYTHING, ("{}_1.txt",)),
    (r"(s[ct]\d{4}\w)\w-psg", ("{}?-hypnogram.edf",)),
    (r"(.+)_(?:eeg|psg)", ("{}_events.tsv",)),
    (r"(.+) psg", ("{} base.edf",)),
)
_NO_SIGNALS: Final = re.compile(r".*(hypnogram(-corrected)?|base|annotations)")
_SUBJECTS: Final = (  # cohorts with several nights of a subject
    r"(sub-[^_/]+)",
    r"(?:^|/)(s[ct]\d{3})\d\w\w-psg",
    r"shhs\d-(\d{6})",
)
NAMING_RULES: Final = """
A night (.edf, .bdf, .rec) belongs to the first hypnogram that exists of
  Hypnogram_NIGHT.txt                    DREAMS
  NIGHT.txt .csv .tsv .xml .json         same name
  NIGHT-nsrr.xml, -profusion.xml         NSRR
  NIGHT-hypnogram-corrected.csv, .edf    written by `sleepkit stage`, corrected
  NIGHT_1.txt                            ISRUC
  SC4001EC-Hypnogram.edf                 Sleep-EDF, for SC4001E0-PSG.edf
  NIGHT_events.tsv                       BIDS, for NIGHT_eeg.edf
  NIGHT Base.edf                         MASS, for NIGHT PSG.edf
in its folder or, if there is none and no other night has its name, in any folder below
FOLDER. NIGHT-hypnogram.csv and .edf, as `sleepkit stage` writes them, are not used.
Subjects are named as in BIDS, Sleep-EDF and SHHS; every other file is a subject of its
own.
"""

_Index: TypeAlias = defaultdict[Path | None, defaultdict[str, list[Path]]]


class Pair(NamedTuple):
    """A recording file, its hypnogram file if there is one, and its subject."""

    signals: Path
    hypnogram: Path | None
    subject: str


def find_pairs(folder: Path, subject_pattern: str | None = None) -> list[Pair]:
    """List the recordings below a folder with their hypnograms and subjects."""
    if not folder.is_dir():
        msg = f"There is no folder {folder}."
        raise RecordingError(msg)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    index = _index_names(files)
    patterns = _SUBJECTS if subject_pattern is None else (subject_pattern,)
    nights = list(filter(_may_be_night, files))
    found = _find_hypnograms(nights, index)
    return [
        Pair(
            night,
            found.get(night),
            _find_subject(night.relative_to(folder), patterns),
        )
        for night in nights
    ]


def find_hypnogram(night: Path) -> Path | None:
    """Find the hypnogram beside a recording, by the same names as `find_pairs`."""
    try:
        beside = sorted(path for path in night.parent.iterdir() if path.is_file())
    except OSError:  # reading the recording says what is wrong
        return None
    return _find_hypnogram(night, _index_names(beside)[night.parent])


def _may_be_night(path: Path) -> bool:
    """Whether the name of a file is that of a recording."""
    stem = path.stem.casefold()
    return path.suffix.casefold() in SIGNALS and not _NO_SIGNALS.fullmatch(stem)


def _index_names(files: Iterable[Path]) -> _Index:
    """Files by folder and folded name; the folder None holds all."""
    index: _Index = defaultdict(lambda: defaultdict(list))
    for path in files:
        for folder in (path.parent, None):
            index[folder][path.name.casefold()].append(path)
    return index


def _find_hypnograms(nights: Iterable[Path], index: _Index) -> dict[Path, Path]:
    """Find the hypnogram of each night, in its folder or else anywhere.

    Elsewhere a hypnogram may be that of another night of the same name, so the name of
    the night must be the only one, and no other night may claim the hypnogram.
    """
    beside = {night: _find_hypnogram(night, index[night.parent]) for night in nights}
    names = Counter(night.stem.casefold() for night in beside)
    elsewhere = {
        night: _find_hypnogram(night, index[None])
        for night, path in beside.items()
        if path is None and names[night.stem.casefold()] == 1
    }
    found = beside | elsewhere
    claims = Counter([*beside.values(), *elsewhere.values()])
    return {
        night: path
        for night, path in found.items()
        if path is not None and (night not in elsewhere or claims[path] == 1)
    }


def _find_hypnogram(night: Path, names: Mapping[str, list[Path]]) -> Path | None:
    """Find the only file of the first name that a hypnogram of the night may have."""
    for candidate in _candidates(night.stem.casefold()):
        literal = "?" not in candidate  # of a few files only, so scanning is cheap
        found = [candidate] if literal else fnmatch.filter(names, candidate)
        fitting = [path for name in found for path in names.get(name, ())]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _candidates(stem: str) -> Iterator[str]:
    """Names that the hypnogram may have, in order of priority; ? is any character."""
    for rule, names in _RULES:
        match = re.fullmatch(rule, stem)
        if match:
            yield from (name.format(match[1]) for name in names)


def _find_subject(path: Path, patterns: Iterable[str]) -> str:
    """Find the subject in the path within the folder."""
    text = path.as_posix()
    matches = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    match = next(filter(None, matches), None)
    name = match and (match[1] if match.re.groups else match[0])
    return name or path.with_suffix("").as_posix()
