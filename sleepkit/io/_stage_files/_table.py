"""Finding the table in a stage file: its delimiter, its header and its rows."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sleepkit._messages import quoted
from sleepkit._stage_words import fold, stage_of_word
from sleepkit._stages import UNSCORED
from sleepkit.exceptions import HypnogramError
from sleepkit.io._stage_files._column_names import ROLES, TIME_ROLES, role_of
from sleepkit.io._stage_files._times import kind_of

# Parts of one cell in a table of blanks: date and time, 12-hour clock, stage.
_GLUED: Final = (
    (r"(\d{2,4}[-/.]\d{1,2}[-/.]\d{2,4}) (\d{1,2}:)", r"\1_\2"),
    (r"(\d) ([AaPp]\.?[Mm]\.?)\b", r"\1_\2"),
    (r"\b(sleep) +(stage)\b", r"\1_\2"),
    (r"\b((?:sleep_)?stage|sta[a-z]{2,5}|fase|n?rem) +(\w\d?|\?)(?= |$)", r"\1_\2"),
)
_LOOK: Final = 6  # rows below a header in which a time is looked for


class Row(NamedTuple):
    """Cells of one line, with the number of the line."""

    line: int
    cells: list[str]
    problem: str = ""  # what the csv module says


@dataclass(frozen=True)
class Table:
    """Rows of equal width below their names."""

    names: list[str]  # empty without a header
    rows: list[Row]
    preamble: list[str] = field(default_factory=list)  # the lines above

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names) or len(self.rows[0].cells)

    def column(self, index: int) -> list[str]:
        """Return the cells of a column."""
        return [row.cells[index] for row in self.rows]

    def name(self, index: int) -> str:
        """Return the name of a column for messages."""
        return self.names[index] if self.names else f"column {index + 1}"

    def role(self, index: int) -> str:
        """Return what a column holds by its name."""
        return role_of(self.names[index]) if self.names else ""


def _split_blanks(line: str) -> list[str]:
    """Cells between blanks; a date and its time, or "Stage 2", are one cell."""
    for pattern, glued in _GLUED:
        line = re.sub(pattern, glued, line, flags=re.IGNORECASE)
    return [cell.strip('"').replace("_", " ") for cell in line.split()]


def _split_wide(line: str) -> list[str]:
    """Cells between tabs or two blanks and more."""
    return re.split(r"\t|\s{2,}", line.strip())


def _csv_splitter(delimiter: str) -> Callable[[str], list[str]]:
    """Splitter at a character, with quotes."""

    def split(line: str) -> list[str]:
        if delimiter not in line:
            return [line]
        reader = csv.reader(
            [line], delimiter=delimiter, strict=True, skipinitialspace=True
        )
        return [cell.strip() for cell in next(reader)]

    return split


_DELIMITED: Final = tuple(map(_csv_splitter, "\t;,|"))
_SPLITTERS: Final = (*_DELIMITED, _split_wide, _split_blanks)
_BY_BLANKS: Final = (_DELIMITED[0], _split_wide, _split_blanks)


class _Split(NamedTuple):
    """Rows by one delimiter, and how far they look like a table of stages."""

    n_stages: int  # cells with names of stages, in the column with most of them
    has_names: bool
    n_rows: int  # of the width that most have
    width: int
    column: int  # of the stages, -1 if none are named
    is_delimited: bool  # by a character
    by_blanks: bool  # or by tabs
    first: int | None  # line of the first stage, else of the first number
    rows: list[Row]


def find_table(lines: Sequence[str], is_stage: Callable[[str], bool]) -> Table | None:
    """Table in the lines of a file, None if each line holds one cell.

    `is_stage` returns whether a cell is the name of a sleep stage, unscored ones
    excepted. The delimiter is the one by which most cells of a column are stages.
    """
    splits = [
        split for split in (_split(lines, f, is_stage) for f in _SPLITTERS) if split
    ]
    if not splits:
        return None
    best = max(splits, key=_likeness)
    if not (best.has_names or best.first):
        return None
    if sum(map(is_stage, lines)) >= max(best.n_stages, 1):
        return None
    return _cut(best, lines)


def _split(
    lines: Sequence[str],
    splitter: Callable[[str], list[str]],
    is_stage: Callable[[str], bool],
) -> _Split | None:
    """Split all lines; None if no line has two cells."""
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(Row(number, splitter(line) if line.strip() else []))
        except csv.Error as error:
            rows.append(Row(number, [line], f"{error}"))
    widths = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    if not widths:
        return None
    lines_of = _lines_of_stages(rows, is_stage)
    width, column = max(
        lines_of, key=lambda place: len(lines_of[place]), default=(0, -1)
    )
    found = lines_of[width, column]
    if not found:
        width = max(widths, key=widths.__getitem__)
        found = [row.line for row in rows if _is_numbers(row, width)][:1]
    return _Split(
        n_stages=len(found) if column >= 0 else 0,
        has_names=any(_is_header(rows, i, width) for i in range(len(rows))),
        n_rows=widths[width],
        width=width,
        column=column,
        is_delimited=splitter in _DELIMITED,
        by_blanks=splitter in _BY_BLANKS,
        first=next(iter(found), None),
        rows=rows,
    )


def _lines_of_stages(
    rows: Sequence[Row], is_stage: Callable[[str], bool]
) -> defaultdict[tuple[int, int], list[int]]:
    """Lines of the cells with stages, by the width of the row and the column."""
    lines = defaultdict(list)
    widths = set()
    for index, row in enumerate(rows):
        width = len(row.cells)
        # the first row of its width may be a header, with scorers such as S1
        is_header = width not in widths and (
            _is_header(rows, index, width) or _is_of_scorers(row, rows[index + 1 :])
        )
        widths.add(width)
        if width > 1 and not is_header and not _is_comment(row):
            for column, cell in enumerate(row.cells):
                if is_stage(cell):
                    lines[width, column].append(row.line)
    return lines


def _likeness(split: _Split) -> tuple[int, ...]:
    """How far a split looks like a table of stages; without any, its size counts."""
    if split.n_stages:
        return split.n_stages, split.is_delimited, split.has_names
    return 0, split.has_names, split.n_rows


def _is_numbers(row: Row, width: int) -> bool:
    """Whether a row of a width holds a number or a time."""
    return len(row.cells) == width and any(map(kind_of, row.cells))


def _is_comment(row: Row) -> bool:
    """Whether a line is a comment, which may be the header of a table."""
    return bool(row.cells) and row.cells[0].startswith(("#", "%", "*"))


def _names(row: Row, width: int) -> list[str]:
    """Cells of a possible header, which may be a comment."""
    names = [row.cells[0].lstrip("#% "), *row.cells[1:]] if row.cells else []
    while len(names) > width and not names[-1]:
        names.pop()
    return names


def _is_header(rows: Sequence[Row], index: int, width: int) -> bool:
    """Whether a row holds names of columns: a known one, and no number or time."""
    row = rows[index]
    names = _names(row, width)
    is_entry = any(name.endswith(":") for name in names)
    if (
        len(names) < 2
        or len(names) not in (width - 1, width)
        or row.problem
        or is_entry
    ):
        return False
    known = {role_of(name) for name in names if any(map(str.isalpha, name))}
    if not known - {"", "other", "date", "scorer"} or any(map(kind_of, names)):
        return False
    if all(stage_of_word(name) is None for name in names):
        return True
    below = [row.cells for row in rows[index + 1 : index + _LOOK] if row.cells]
    return any(ROLES.get(fold(name)) == "label" for name in names) or any(
        role_of(name) in TIME_ROLES and kind_of(cell)
        for cells in below
        for name, cell in zip(reversed(names), reversed(cells), strict=False)
    )


def _is_of_scorers(row: Row, below: Sequence[Row]) -> bool:
    """Whether a row numbers scorers, S1, S2 and so on, above the words of stages."""
    names = _numbered_scorers(row)
    others = {fold(cell) for other in below for cell in other.cells} if names else set()
    return bool(others) and not others & {*names}


def _numbered_scorers(row: Row) -> list[str]:
    """Cells S1, S2 and so on in order, none if others stand in the row."""
    names = [fold(cell) for cell in row.cells if cell.strip()]
    numbered = [f"s{i}" for i in range(1, len(names) + 1)]
    return names if len(names) > 1 and names == numbered else []


def _cut(split: _Split, lines: Sequence[str]) -> Table:
    """Table below its header, or without one from the first row that has times."""
    rows = [row for row in split.rows if row.cells]
    first = next((i for i, row in enumerate(rows) if row.line == split.first), 0)
    before = rows if split.column < 0 else rows[:first]
    headers = [i for i in range(len(before)) if _is_header(rows, i, split.width)]
    if headers:
        header = headers[0] if split.column < 0 else headers[-1]
    elif first and _is_unknown_header(rows[first - 1], split):
        header = first - 1
    else:
        header = None
    if header is None:
        _check_scorers(rows[first])
        while first and _is_data_above(rows[first - 1], split):
            first -= 1
        names, body = [], rows[first:]
    else:
        names, body = _names(rows[header], split.width), rows[header + 1 :]
    body = [row for row in body if not _is_comment(row)]
    top = rows[header].line if header is not None else rows[first].line
    return _fitted(names, body, split, list(lines[: top - 1]))


def _is_data_above(row: Row, split: _Split) -> bool:
    """Whether a row before the first stage is an event or unscored, not a header."""
    is_entry = row.cells[0].endswith(":") or _is_comment(row)
    if len(row.cells) != split.width or is_entry:
        return False
    is_unscored = _is_unscored(row.cells[split.column], row.cells)
    return is_unscored or any(map(kind_of, row.cells))


def _check_scorers(row: Row) -> None:
    """Raise an error for a first row that may be stages or numbers of scorers."""
    if _numbered_scorers(row):
        msg = (
            f"the first row, {', '.join(map(quoted, row.cells))} (line {row.line}), "
            "may be stages or names of scorers; give the columns other names."
        )
        raise HypnogramError(msg)


def _is_unknown_header(row: Row, split: _Split) -> bool:
    """Whether a row holds names of columns, of which none is known."""
    names = _names(row, split.width)
    is_entry = not names[0].strip() or names[0].endswith(":")
    if len(names) != split.width or is_entry or any(map(kind_of, names)):
        return False
    return not _is_unscored(names[split.column], names)


def _is_unscored(cell: str, cells: Sequence[str]) -> bool:
    """Whether a cell is an unscored stage, not a scorer: A among A, B and C."""
    is_letters = all(len(name) == 1 and name.isalpha() for name in cells)
    return stage_of_word(cell) == UNSCORED and not is_letters


def _fitted(
    names: list[str], body: list[Row], split: _Split, above: list[str]
) -> Table:
    """Table whose rows all have the width of its names."""
    width = split.width if body else len(names)
    if len(names) == width - 1:
        if all(not row.cells[-1] for row in body if len(row.cells) == width):
            width -= 1  # each line ends with a delimiter
        elif split.by_blanks:
            names = ["", *names]  # row numbers without a name
        else:
            width = len(names)
    rows = []
    for row in body:
        cells = row.cells[:width]
        if split.column >= 0 and len(row.cells) > split.column:
            cells += [""] * (width - len(cells))
        if row.problem:
            msg = f"the file must be a table; {row.problem} (line {row.line})."
            raise HypnogramError(msg)
        if len(cells) != width or any(row.cells[width:]):
            owner = "header's" if names else "first row's"
            msg = (
                f"a row must have the {owner} {width} columns; "
                f"line {row.line} has {len(row.cells)}."
            )
            raise HypnogramError(msg)
        rows.append(Row(row.line, cells))
    return Table(names, rows, above)
