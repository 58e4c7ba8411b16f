"""Which file of a folder is the hypnogram of which night."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Final, NamedTuple

from sleepkit.exceptions import RecordingError

_SIGNALS: Final = (".edf", ".bdf", ".rec")
_ANYTHING: Final = "(.+)"
# What the name of a night without suffix must be, and those of its hypnogram ({} is the
# group in parentheses). Earlier rules win.
_RULES: Final = (
    (_ANYTHING, ("hypnogram_{}.txt",)),
    (_ANYTHING, ("{}.txt", "{}.csv", "{}.tsv", "{}.xml", "{}.json")),
    (_ANYTHING, ("{}-nsrr.xml", "{}-profusion.xml")),
    (_ANYTHING, ("{}-hypnogram.csv", "{}-hypnogram.edf", "{}_1.txt")),
    (r"(s[ct]\d{4}\w)\w-psg", ("{}?-hypnogram.edf",)),
    (r"(.+)_(?:eeg|psg)", ("{}_events.tsv",)),
    (r"(.+) psg", ("{} base.edf",)),
)
_NO_SIGNALS: Final = re.compile(r".*(hypnogram|base|annotations)")
_SUBJECTS: Final = (  # cohorts with several nights of a person
    r"(sub-[^_/]+)",
    r"(?:^|/)(s[ct]\d{3})\d\w\w-psg",
    r"shhs\d-(\d{6})",
)
NAMING_RULES: Final = """
A night (.edf, .bdf, .rec) goes with the first hypnogram that is there of
  Hypnogram_NIGHT.txt               DREAMS
  NIGHT.txt .csv .tsv .xml .json    the same name
  NIGHT-nsrr.xml, -profusion.xml    NSRR
  NIGHT-hypnogram.csv, .edf         what `sleepkit stage` writes, corrected
  NIGHT_1.txt                       ISRUC
  SC4001EC-Hypnogram.edf            Sleep-EDF, for SC4001E0-PSG.edf
  NIGHT_events.tsv                  BIDS, for NIGHT_eeg.edf
  NIGHT Base.edf                    MASS, for NIGHT PSG.edf
in its folder or, if not there, in any folder below FOLDER. A person is what BIDS,
Sleep-EDF and SHHS call one, else every file is another person.
"""


class Pair(NamedTuple):
    """A night of a folder, and its hypnogram if there is one."""

    signals: Path
    hypnogram: Path | None
    subject: str


def find_pairs(folder: Path, subject_pattern: str | None = None) -> list[Pair]:
    """List the nights below a folder with their hypnograms."""
    if not folder.is_dir():
        msg = f"There is no folder {folder}."
        raise RecordingError(msg)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    nights = [path for path in files if _may_be_night(path)]
    patterns = _SUBJECTS if subject_pattern is None else (subject_pattern,)
    return [
        Pair(
            night,
            _find_hypnogram(night, files),
            _find_subject(night.relative_to(folder), patterns),
        )
        for night in nights
    ]


def _may_be_night(path: Path) -> bool:
    """Tell recordings by their names."""
    stem = path.stem.casefold()
    return path.suffix.casefold() in _SIGNALS and not _NO_SIGNALS.fullmatch(stem)


def _find_hypnogram(night: Path, files: Sequence[Path]) -> Path | None:
    """Find the hypnogram of a night, beside it or else anywhere."""
    beside = [path for path in files if path.parent == night.parent]
    for candidates in (beside, files):
        for pattern in _patterns(night.stem.casefold()):
            fitting = [p for p in candidates if fnmatchcase(p.name.casefold(), pattern)]
            if len(fitting) == 1:
                return fitting[0]
    return None


def _patterns(stem: str) -> Iterator[str]:
    """List the names that the hypnogram may have, the likeliest first."""
    for rule, names in _RULES:
        match = re.fullmatch(rule, stem)
        if match:
            yield from (name.format(escape(match[1])) for name in names)


def _find_subject(path: Path, patterns: Iterable[str]) -> str:
    """Tell whose night it is by the path within the folder."""
    text = path.as_posix()
    matches = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    match = next(filter(None, matches), None)
    name = match and (match[1] if match.re.groups else match[0])
    return name or path.with_suffix("").as_posix()
