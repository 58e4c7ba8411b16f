"""Columns of stages in a table: which they are, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from sleepkit._messages import quoted, shortened
from sleepkit._stage_words import claims_a_stage, fold
from sleepkit._stages import UNSCORED
from sleepkit.exceptions import HypnogramError
from sleepkit.io._labels import Decoder, integer
from sleepkit.io._limits import MAX_SCORERS
from sleepkit.io._stage_files._column_names import STAGE_KINDS
from sleepkit.io._stage_files._table import Table
from sleepkit.io._stage_files._times import EMPTY, kind_of

_LABEL_NAMES: Final = "stage, label, description, trial_type, annotation or event"
_NO_TEXT: Final = frozenset({"", "nan", "none", "null"})  # as pandas writes them
_NOT_STAGES: Final = ("other", "duration", "end", "sample", "date")


@dataclass(frozen=True)
class StageRows:
    """Rows of a table that state a stage, by one scorer."""

    scorer: str | None
    column: int
    rows: list[int]  # positions in the table
    texts: list[str]
    events: dict[int, str]  # texts of the rows that name no stage, by position
    has_events: bool  # the column holds events too
    is_event: list[bool]  # rows that name an event beside their stage

    def with_events(self) -> StageRows:
        """Return the rows with those that name no stage, in the order of the table."""
        texts = dict(zip(self.rows, self.texts, strict=True)) | self.events
        rows = sorted(texts)
        return replace(
            self,
            rows=rows,
            texts=[texts[i] for i in rows],
            is_event=[False] * len(rows),
        )


def stage_rows(table: Table, decoder: Decoder) -> list[StageRows]:
    """Rows of stages of each scorer in the table."""
    columns = _stage_columns(table, decoder)
    scorer_column = _scorer_column(table, columns)
    by_scorer = []
    for name, column in _named_columns(table, columns).items():
        rows = _scored_rows(table, column, decoder)
        if scorer_column is None or len(columns) > 1:
            by_scorer.append(_of_rows(table, column, rows, name))
            continue
        names = table.column(scorer_column)
        scorers = list(dict.fromkeys(names[i] for i in rows))
        if len(scorers) > MAX_SCORERS:
            msg = (
                f"a table has at most {MAX_SCORERS} scorers; column "
                f"{quoted(table.name(scorer_column))} names {len(scorers):,}."
            )
            raise HypnogramError(msg)
        for scorer in scorers or [""]:
            own = [i for i in rows if names[i] == scorer]
            name = None if scorer.casefold() in EMPTY else scorer
            of_scorer = _of_rows(table, column, own, name)
            events = {i: t for i, t in of_scorer.events.items() if names[i] == scorer}
            by_scorer.append(replace(of_scorer, events=events))
    return by_scorer


def _stage_columns(table: Table, decoder: Decoder) -> list[int]:
    """Positions of the columns of stages; several only if they differ."""
    found = _columns_of_words(table, decoder) or _columns_of_integers(table, decoder)
    if not found:
        msg = (
            f"a table must have a column of labels, named {_LABEL_NAMES}, or filled "
            "with names of sleep stages; its columns are "
            f"{shortened(', '.join(map(table.name, range(table.width))), 300)}."
        )
        raise HypnogramError(msg)
    codes = [[decoder.code(cell) for cell in table.column(i)] for i in found]
    return found if any(code != codes[0] for code in codes) else found[:1]


def _columns_of_words(table: Table, decoder: Decoder) -> list[int]:
    """Columns in which names of stages stand."""
    labels, events, scorers, mixed = [], [], [], []
    for column in range(table.width):
        role = table.role(column)
        cells = table.column(column)
        codes = [decoder.word(cell) for cell in cells]
        is_scored = [code is not None and code != UNSCORED for code in codes]
        if role in _NOT_STAGES or not any(is_scored):
            continue
        is_full = all(
            code is not None or cell.casefold() in EMPTY
            for code, cell in zip(codes, cells, strict=True)
        )
        if role == "events":
            events.append(column)
        elif role == "scorer" and is_full:
            scorers.append(
                column
            )  # of stages only if no other is: a scorer may be "S1"
        elif role == "label" or is_full:
            labels.append(column)
        else:
            mixed.append(column)
    labels = _without_named_integers(table, labels)
    if events and labels:
        return _events_or_stages(table, events[:1], labels, decoder)
    return labels or events[:1] or scorers or (mixed if len(mixed) == 1 else [])


def _without_named_integers(table: Table, labels: list[int]) -> list[int]:
    """No columns if another one is named as stages and holds integers.

    The words are then something else, such as the position of the body, R and L.
    """
    is_named = any(table.role(column) == "label" for column in labels)
    return labels if is_named or not _integers_by_name(table) else []


def _events_or_stages(
    table: Table, events: list[int], labels: list[int], decoder: Decoder
) -> list[int]:
    """Column of events if its stages are those of the other columns.

    It then tells the rows of stages from those of events within a stage.
    """
    for column in labels:
        for event, stage in zip(
            table.column(events[0]), table.column(column), strict=True
        ):
            codes = {decoder.word(event), decoder.word(stage)}
            if len(codes - {None, UNSCORED}) > 1:
                return [*labels, *events]
    agree = [decoder.word(cell) for cell in table.column(events[0])]
    return events if sum(code is not None for code in agree) > 1 else labels


def _integers_by_name(table: Table) -> list[int]:
    """Columns named as stages that hold integers."""
    return [
        column
        for column in range(table.width)
        if table.role(column) == "label"
        and any(integer(cell) is not None for cell in table.column(column))
    ]


def _columns_of_integers(table: Table, decoder: Decoder) -> list[int]:
    """Columns of integers: named as stages, or the only one that the scheme knows."""
    named = [i for i in range(table.width) if table.role(i) == "label"]
    if named:
        return [i for i in named if i in _integers_by_name(table)] or named[:1]
    events = [i for i in range(table.width) if table.role(i) == "events"]
    if events:
        return events[:1]
    others = [
        i
        for i in range(table.width)
        if table.role(i) in ("", "scorer")
        and all(decoder.code(cell) is not None for cell in table.column(i))
    ]
    if not table.names:
        others = [i for i in others if not _is_count(table.column(i))]
    return others if table.rows else []


def _is_count(cells: Sequence[str]) -> bool:
    """Whether integers count up by one."""
    numbers = [integer(cell) or 0 for cell in cells]
    return all(b - a == 1 for a, b in pairwise(numbers))


def _named_columns(table: Table, columns: list[int]) -> dict[str | None, int]:
    """Columns of stages by their scorers, None for a column without a scorer's name."""
    if len(columns) > 1:
        return {table.name(column): column for column in columns}
    is_name = bool(table.names) and table.role(columns[0]) == "scorer"
    return {table.name(columns[0]) if is_name else None: columns[0]}


def _scorer_column(table: Table, columns: list[int]) -> int | None:
    """Column that names the scorer of each row."""
    roles = {i: table.role(i) for i in range(table.width) if i not in columns}
    return next(
        (
            i
            for i, role in roles.items()
            if role == "scorer" and {c.casefold() for c in table.column(i)} - EMPTY
        ),
        None,
    )


def _scored_rows(table: Table, column: int, decoder: Decoder) -> list[int]:
    """Positions of the rows that state a stage, or that must be refused for another."""
    rows = list(range(len(table.rows)))
    kinds = _kinds(table, column)
    if kinds is not None:
        return [i for i in rows if fold(kinds[i]) in STAGE_KINDS]
    cells = table.column(column)
    if table.role(column) == "events":
        codes = map(decoder.code, cells)
        known = [
            code is not None or claims_a_stage(cell)
            for code, cell in zip(codes, cells, strict=True)
        ]
        return [i for i in rows if known[i]] or rows
    named = _named_events(table, column)
    return [i for i in rows if not (named[i] and cells[i].casefold() in EMPTY)]


def _kinds(table: Table, column: int) -> list[str] | None:
    """Cells of the column that tells rows of stages from other rows."""
    for other in range(table.width):
        if other != column and table.role(other) in ("events", "label"):
            cells = table.column(other)
            if any(fold(cell) in STAGE_KINDS for cell in cells):
                return cells
    return None


def _named_events(table: Table, column: int) -> list[bool]:
    """Whether each row names an event in a column beside that of the stages."""
    named = [False] * len(table.rows)
    for other in range(table.width):
        if other != column and table.role(other) == "events":
            for i, cell in enumerate(table.column(other)):
                named[i] |= cell.casefold() not in EMPTY and kind_of(cell) is None
    return named


def _of_rows(
    table: Table, column: int, rows: list[int], scorer: str | None
) -> StageRows:
    """Rows of one scorer."""
    cells = table.column(column)
    is_events = table.role(column) == "events"
    named = _named_events(table, column)
    has_kinds = _kinds(table, column) is not None
    if is_events or has_kinds or all(named[i] for i in rows):
        named = [False] * len(cells)  # every row has such a text
    others = {*range(len(cells))} - {*rows} if is_events and not has_kinds else set()
    return StageRows(
        scorer,
        column,
        rows,
        ["n/a" if cells[i].casefold() in _NO_TEXT else cells[i] for i in rows],
        {i: cells[i] for i in sorted(others) if cells[i].casefold() not in EMPTY},
        has_events=is_events,
        is_event=[named[i] for i in rows],
    )
