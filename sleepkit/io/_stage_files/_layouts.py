"""Layouts that the general reader cannot guess, as data; adding one is one entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sleepkit._stage_words import fold
from sleepkit.io._stage_files._table import Table
from sleepkit.io._stage_files._times import number


@dataclass(frozen=True)
class Layout:
    """Layout of a stage file that the names of its columns do not explain.

    Parameters
    ----------
    name : str
        Value of the parameter `format` that takes it.
    header : tuple of str, default=()
        Names of columns that tell it, all of which a table must have.
    above : str, default=""
        Regular expression that finds a line above a table.
    cells : tuple of str, default=()
        Regular expressions that the cells of each column match in a table without a
        header.
    columns : tuple of str, default=()
        Names that the columns of a table without a header get.
    rename : mapping, default={}
        Names that columns get by which the general reader understands them.
    """

    name: str
    header: tuple[str, ...] = ()
    above: str = ""
    cells: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)

    def matches(self, table: Table) -> bool:
        """Whether a table is of this layout, by its content."""
        if self.header:
            return {*map(fold, self.header)} <= {*map(fold, table.names)}
        if table.names or not table.rows or len(self.columns) != table.width:
            return False
        if self.above:
            return any(re.search(self.above, line) for line in table.preamble)
        return _counts_up(table) and all(
            re.fullmatch(pattern, cell)
            for row in table.rows
            for pattern, cell in zip(self.cells, row.cells, strict=True)
        )

    def apply(self, table: Table) -> Table:
        """Return the table with names that the general reader understands."""
        names = [self.rename.get(fold(name), name) for name in table.names]
        return replace(table, names=names or list(self.columns))


def _counts_up(table: Table) -> bool:
    """Whether the first column numbers the rows."""
    numbers = [number(cell) for cell in table.column(0)]
    first = numbers[0]
    return first is not None and numbers == [first + i for i in range(len(numbers))]


LAYOUTS: Final = (
    # Wisconsin Sleep Cohort: the user's scores, not those of the software
    Layout(
        "wsc",
        header=("Epoch", "User-Defined Stage", "CAST-Defined Stage"),
        rename={"castdefinedstage": "other channel"},
    ),
    # Stanford .STA: epoch, stage, cycle
    Layout(
        "sta",
        cells=(r"\d+", r"\d", r"\d\d?"),
        columns=("epoch", "stage", "cycle"),
    ),
    # Visbrain: the second column is where a stage ends
    Layout("visbrain", above=r"^\*\s*Duration", columns=("stage", "end_sec")),
)


def with_layout(table: Table, name: str | None) -> Table:
    """Table with the names of its layout: a named one, or what its content tells."""
    for layout in LAYOUTS:
        if layout.name == name or (name is None and layout.matches(table)):
            return layout.apply(table)
    return table
