"""Stage files that are tables: one row a label, with or without its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import starmap
from typing import Final

import numpy as np

from sleepkit._messages import quoted
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._labels import Decoder
from sleepkit.io._limits import MAX_COLUMNS
from sleepkit.io._scoring import Label, LabelDuration, Scoring
from sleepkit.io._stage_files._column_names import PROBABILITIES, length_of
from sleepkit.io._stage_files._label_columns import StageRows, stage_rows
from sleepkit.io._stage_files._preamble import Preamble, read_preamble
from sleepkit.io._stage_files._row_times import RowTimes, row_times
from sleepkit.io._stage_files._table import Table
from sleepkit.io._stage_files._time_column import TimeColumn, parse_column
from sleepkit.io._stage_files._times import EMPTY, NO_DATE, date, number

_TOLERANCE: Final = 0.5  # seconds by which the times of the same row may differ


def parse_table(
    table: Table, decoder: Decoder, label_duration: LabelDuration
) -> list[Scoring]:
    """Read the labels of each scorer, and when they are."""
    if not table.rows:
        msg = "the file must hold labels of sleep stages; got none."
        raise HypnogramError(msg)
    if table.width > MAX_COLUMNS:
        msg = f"a table has at most {MAX_COLUMNS} columns; got {table.width:,}."
        raise HypnogramError(msg)
    above = read_preamble(table.preamble)
    if above.label_duration is None:
        above = replace(above, label_duration=_epoch_length(table))
    scorers = stage_rows(table, decoder)
    return [_scoring(table, rows, above, label_duration) for rows in scorers]


def _scoring(
    table: Table, scored: StageRows, above: Preamble, label_duration: LabelDuration
) -> Scoring:
    """Labels of one scorer."""
    duration = label_duration.with_file(above.label_duration)
    times = _times(table, scored, above, duration)
    if np.isnan(times.onsets).any():
        row = scored.rows[int(np.flatnonzero(np.isnan(times.onsets))[0])]
        msg = f"every row must have an onset; line {table.rows[row].line} has none."
        raise HypnogramError(msg)
    return Scoring(
        _labels(table, scored, times),
        _events(table, scored, above, duration),
        has_events=scored.has_events,
        start=_with_date(times.start, _date(table), above.start),
        probabilities=_probabilities(table, scored.rows),
        scorer=scored.scorer,
    )


def _epoch_length(table: Table) -> float | None:
    """Length of an epoch in the name of a column, such as "Epoch (20s)"."""
    roles = ("epoch", "label")
    lengths = [
        length_of(name) for i, name in enumerate(table.names) if table.role(i) in roles
    ]
    return next((length for length in lengths if length), None)


def _times(
    table: Table, scored: StageRows, above: Preamble, duration: float
) -> RowTimes:
    """When the rows of one scorer are."""
    lines = [table.rows[i].line for i in scored.rows]
    columns = [
        _time_column(table, column, scored.rows, lines)
        for column in range(table.width)
        if _may_be_time(table, column, scored)
    ]
    times = row_times(columns, scored.texts, duration)
    if above.label_duration and _is_one_an_epoch(times, duration):
        return replace(times, durations=np.full(len(lines), duration))
    return times


def _labels(table: Table, scored: StageRows, times: RowTimes) -> list[Label]:
    """Labels of rows with their times."""
    values = zip(
        times.onsets.tolist(),
        [None if np.isnan(length) else length for length in times.durations.tolist()],
        scored.texts,
        [f"line {table.rows[i].line}" for i in scored.rows],
        scored.is_event,
        strict=True,
    )
    return list(starmap(Label, values))


def _events(
    table: Table, scored: StageRows, above: Preamble, duration: float
) -> list[Label]:
    """Labels of the rows that name no stage; none if they are not on the same times.

    Without times, the stages of a table would depend on rows that may be events.
    """
    if not scored.events:
        return []
    every = scored.with_events()
    try:
        times = _times(table, every, above, duration)
        alone = _times(table, scored, above, duration)
    except HypnogramError:
        return []
    is_stage = np.isin(every.rows, scored.rows)
    apart = times.onsets[is_stage] - alone.onsets
    if np.ptp(apart) > _TOLERANCE:
        row, text = next(iter(scored.events.items()))
        msg = (
            "the rows of a table without times must all be stages; got "
            f"{quoted(text)} (line {table.rows[row].line})."
        )
        raise HypnogramError(msg)
    onsets = times.onsets - apart[0]
    labels = _labels(table, every, replace(times, onsets=onsets))
    return [
        label
        for label, stage in zip(labels, is_stage.tolist(), strict=True)
        if not stage and not np.isnan(label.onset)
    ]


def _time_column(
    table: Table, column: int, rows: Sequence[int], lines: Sequence[int]
) -> TimeColumn:
    """Return the times in a column of the rows of one scorer."""
    cells = [table.rows[i].cells[column] for i in rows]
    role = table.role(column)
    is_other = role == "events"  # such as a number of the trial
    return parse_column(table.name(column), "" if is_other else role, cells, lines)


def _is_one_an_epoch(times: RowTimes, duration: float) -> bool:
    """Whether rows without durations follow each other by the length of an epoch."""
    steps = np.diff(np.sort(times.onsets))
    is_short = not len(steps) or float(np.median(steps)) <= duration
    return bool(np.isnan(times.durations).all()) and is_short


def _date(table: Table) -> datetime | None:
    """Date of the first row, None without a column of dates."""
    columns = [i for i in range(table.width) if table.role(i) == "date"]
    return date(table.column(columns[0])[0]) if columns else None


def _may_be_time(table: Table, column: int, scored: StageRows) -> bool:
    """Whether a column is none of the stages, the scorers and the probabilities."""
    cells = [table.rows[i].cells[column] for i in scored.rows]
    is_other = table.role(column) in ("other", "scorer", "label")
    return column != scored.column and cells != scored.texts and not is_other


def _with_date(
    clock: datetime | None, day: datetime | None, above: datetime | None
) -> datetime | None:
    """Start by the rows, with the date of another column or of the header."""
    if clock is None:
        return above
    dated = day or above
    if dated is None or clock.date() != NO_DATE.date():
        return clock
    return datetime.combine(dated.date(), clock.timetz())


def _probabilities(table: Table, rows: Sequence[int]) -> FloatArray | None:
    """Probability columns, NaN for empty cells."""
    names = [name.casefold() for name in table.names]
    wanted = [name.casefold() for name in PROBABILITIES]
    if not {*wanted} <= {*names}:
        return None
    columns = [table.column(names.index(name)) for name in wanted]
    return np.array([[_probability(column[i]) for column in columns] for i in rows])


def _probability(cell: str) -> float:
    """Read a probability, NaN for an empty cell."""
    value = np.nan if cell.casefold() in EMPTY else number(cell)
    if value is None:
        msg = f"the columns P_W to P_REM must hold probabilities; got {quoted(cell)}."
        raise HypnogramError(msg)
    return float(value)
