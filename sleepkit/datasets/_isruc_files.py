"""Files of ISRUC-Sleep: subgroup, subject and night from their paths, and ages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from sleepkit.datasets._cohort_sheets import age_and_sex, read_sheet

_SUBGROUP: Final = re.compile(r"sub-?group[\s_-]*(III|II|I)(?![A-Za-z])", re.IGNORECASE)
_NAMES: Final = {
    "rec": re.compile(r"(\d+)\.(?:rec|edf)", re.IGNORECASE),
    "mat": re.compile(r"subject(\d+)\.mat", re.IGNORECASE),
    "txt": re.compile(r"(\d+)_([12])\.txt", re.IGNORECASE),
}
_SHEET: Final = re.compile(r"details_subgroup_(III|II|I)\D.*\.xlsx", re.IGNORECASE)
_SEXES: Final = {"f": "F", "female": "F", "m": "M", "male": "M"}
_TWO_NIGHTS: Final = "II"  # the subgroup whose subjects slept twice


class Place(NamedTuple):
    """Subgroup, subject and night of a file; None where its path does not tell."""

    subgroup: str | None
    subject: str | None
    night: str = ""


def place_files(
    files: Iterable[Path], root: Path, kind: str, subgroup: str | None
) -> Iterator[tuple[Path, Place, str]]:
    """Yield the files of a kind with their places, and the scorer of stage files.

    With `subgroup`, files of others are left out, and those of none belong to it.
    """
    for file in files:
        match = _NAMES[kind].fullmatch(file.name)
        if match:
            group = _find_subgroup(file, root) or subgroup
            if subgroup in (None, group):
                place = _place(file, root, match[1], group, kind)
                yield file, place, match[2] if kind == "txt" else ""


def _find_subgroup(file: Path, root: Path) -> str | None:
    """Subgroup that the innermost folder with one in its name tells."""
    for name in reversed((*root.resolve().parts, *file.relative_to(root).parts[:-1])):
        match = _SUBGROUP.search(name)
        if match:
            return match[1].upper()
    return None


def _place(
    file: Path, root: Path, number: str, subgroup: str | None, kind: str
) -> Place:
    """Place of a file; the folders are SUBJECT/NIGHT, for ``.mat`` the night alone."""
    folders = (*root.resolve().parts, *file.relative_to(root).parts[:-1])
    numbers = [str(int(name)) for name in folders[-2:] if name.isdecimal()]
    number = str(int(number))
    if subgroup != _TWO_NIGHTS:
        return Place(subgroup, number)
    if kind == "mat":
        return Place(subgroup, number, numbers[-1] if numbers else "?")
    # NIGHT.rec is in SUBJECT/NIGHT, or in SUBJECT if nobody made a folder a night.
    inside = len(numbers) == 2 and numbers[-1] == number
    subject = numbers[0] if inside else numbers[-1] if numbers else None
    return Place(subgroup, subject, number)


def read_details(files: Iterable[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Age and sex by subgroup and subject, from the sheets that come with the data.

    Empty without openpyxl, which nothing else needs.
    """
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for file in files:
        match = _SHEET.fullmatch(file.name)
        if match:
            for subject, info in _describe(read_sheet(file)):
                known[match[1].upper(), subject] = info
    return known


def _describe(rows: list[list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Subject, and what is known of it, of each row below the titles."""
    titles: list[str] = []
    for cells in rows:
        if not titles:
            names = [cell.casefold() for cell in cells]
            titles = names if "age" in names else []
            continue
        record = dict(zip(titles, cells, strict=False))
        subject = next((v for k, v in record.items() if k.startswith("subject")), "")
        if re.fullmatch(r"\d+(\.0)?", subject):
            sex = (record.get("sex") or record.get("gender") or "").casefold()
            info = age_and_sex(record["age"], _SEXES.get(sex))
            yield str(int(float(subject))), info
