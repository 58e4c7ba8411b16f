"""Onset and duration of each row of a table, from whichever columns state them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

import numpy as np

from sleepkit._messages import quoted
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._stage_files._column_names import (
    COUNT_WORDS,
    MANY_EPOCHS,
    TIME_ROLES,
    words_of,
)
from sleepkit.io._stage_files._row_counts import from_counts, may_be_onset
from sleepkit.io._stage_files._seconds import (
    are_whole,
    in_seconds,
    is_count,
    is_rising,
    names_epochs,
)
from sleepkit.io._stage_files._time_column import TimeColumn, start_of
from sleepkit.io._stage_files._times import DAY
from sleepkit.io._stage_files._unnamed_times import without_names

_PLACES: Final = ("onset", "end", "epoch")  # roles of columns that place a row


@dataclass(frozen=True)
class RowTimes:
    """Onset and duration of each row, NaN if unknown, and the start of the file."""

    onsets: FloatArray
    durations: FloatArray
    start: datetime | None = None


def row_times(
    columns: Sequence[TimeColumn], labels: Sequence[str], label_duration: float
) -> RowTimes:
    """Return when rows are: consecutive only where no column says otherwise."""
    n_rows = len(labels)
    texts = [c for c in columns if c.kind in ("text", "date")]
    texts = [c for c in texts if c.role in (*TIME_ROLES, "date")]
    columns = [column for column in columns if np.isfinite(column.values).any()]
    columns = [_as_run(column, columns) for column in columns]
    durations = _durations(columns, n_rows, label_duration)
    onsets = [c for c in columns if c.role == "onset" or (c.is_strong and not c.role)]
    onsets = _usable(onsets, n_rows)
    _check_texts(texts, is_used=not onsets)
    ends = [c for c in columns if c.role == "end"]
    if not any(c.role in (*_PLACES, "duration") for c in columns):
        onsets, ends, durations = without_names(
            columns, onsets, durations, label_duration
        )
    if onsets:
        return _from_onsets(onsets, ends, durations, label_duration)
    if ends:
        return _from_ends(ends[0], durations, labels, label_duration)
    return RowTimes(*from_counts(columns, n_rows, durations, label_duration))


def _as_run(column: TimeColumn, columns: Sequence[TimeColumn]) -> TimeColumn:
    """Column of durations if it counts the epochs of each row, such as n_epochs."""
    words = {*words_of(column.name)}
    is_number = column.role == "epoch" and column.kind == "number"
    if not is_number or not words & MANY_EPOCHS or _numbers_rows(column):
        return column
    is_beside_time = any(
        c.is_strong or c.role in ("onset", "end") for c in columns if c is not column
    )
    is_run = is_beside_time and not is_rising(column.values)
    if words & COUNT_WORDS or "#" in column.name or is_run:
        return replace(column, role="duration")
    return column


def _numbers_rows(column: TimeColumn) -> bool:
    """Whether numbers count the rows from 0 or 1."""
    return is_count(column.values) and column.values[0] in (0, 1)


def _check_texts(texts: Sequence[TimeColumn], *, is_used: bool) -> None:
    """Raise an error for a column that is named as a time and holds something else."""
    for column in texts:
        is_time = any(character.isdigit() for character in column.first_text)
        is_number = column.role in ("epoch", "sample")
        if column.first_text and (is_used or (is_time and not is_number)):
            msg = f"must hold times; got {quoted(column.first_text)}"
            raise column.error(msg)


def _usable(onsets: Sequence[TimeColumn], n_rows: int) -> list[TimeColumn]:
    """Columns that can say when rows are; an error if none of several rows can."""
    usable = [c for c in onsets if may_be_onset(c, n_rows) or c.has_gaps]
    if onsets and not usable and any(c.role == "onset" for c in onsets):
        msg = "is the same in all rows, so that it cannot say when they are"
        raise onsets[0].error(msg)
    return usable


def _check_clock(column: TimeColumn, label_duration: float) -> None:
    """Raise an error for clock times that run back, and not over midnight.

    They are on no certain day: of a clock of 12 hours, or one that was put back. Times
    from the start of the file without seconds are often minutes and seconds.
    """
    steps = np.diff(column.values[np.isfinite(column.values)])
    is_short = column.kind == "clock" and column.zero is None and column.resolution > 1
    if is_short and len(steps) and (steps % (60 * label_duration) == 0).all():
        msg = "must hold hours, minutes and seconds, such as 0:00:30"
        raise column.error(msg)
    is_back = steps < -max(label_duration, column.resolution)
    if column.kind == "clock" and is_back.any() and (steps > 0).any():
        step = steps[is_back][0]
        msg = (
            f"must hold clock times of 24 hours that run on; one is {-step:g} s "
            "before the one above it"
        )
        raise column.error(msg)


def _durations(
    columns: Sequence[TimeColumn], n_rows: int, label_duration: float
) -> FloatArray:
    """Durations in seconds, NaN where none is stated."""
    stated = [c for c in columns if c.role == "duration"]
    if not stated:
        return np.full(n_rows, np.nan)
    column = stated[0]
    if column.is_strong or column.unit is not None:
        return column.values * (column.unit or 1.0)
    if names_epochs(column):
        return np.asarray(column.values * label_duration)
    largest = np.nanmax(column.values)
    if n_rows > 1 and 0 < largest < 1:
        msg = f"must hold seconds; the longest of its durations is {largest:g}"
        raise column.error(msg)
    if n_rows > 1 and (column.values == 1).all() and label_duration != 1:
        return column.values * label_duration  # in epochs
    is_alone = not any(c.is_strong or c.role in _PLACES for c in columns)
    is_regular = n_rows and np.ptp(column.values) == 0
    if is_alone and not is_regular and not are_whole(column.values, label_duration):
        msg = (
            "must hold seconds; most of its durations are no whole epochs. Name the "
            f"unit, such as {column.name}_s or {column.name}_min"
        )
        raise column.error(msg)
    return column.values


def _from_onsets(
    onsets: Sequence[TimeColumn],
    ends: Sequence[TimeColumn],
    durations: FloatArray,
    label_duration: float,
) -> RowTimes:
    """Return times from a column of onsets, with which others must agree."""
    for column in onsets:
        _check_clock(column, label_duration)
    numeric = [c for c in onsets if c.zero is None]
    clocks = [c for c in onsets if c.zero is not None]
    main = (numeric or clocks)[0]
    seconds = in_seconds(main, durations, label_duration)
    for other in onsets:
        if other is not main and not _agrees(other, main, seconds, label_duration):
            msg = f"disagrees with column {main.name!r} on when rows are"
            raise other.error(msg)
    if np.isnan(durations).all() and ends:
        durations = _until(ends[0], main, seconds, durations)
    row = next(iter(_rows(main, seconds)), 0)
    if main.resolution > 1 and len(seconds) > 1:
        seconds = _from_minutes(main, seconds, durations, label_duration)
    if numeric:
        start = next(
            (
                start_of(c, seconds[row], row)
                for c in clocks
                for row in _rows(c, seconds)
            ),
            None,
        )
        return RowTimes(seconds, durations, start)
    return RowTimes(seconds - seconds[row], durations, start_of(main, 0.0, row))


def _rows(column: TimeColumn, seconds: FloatArray) -> Sequence[int]:
    """Rows for which both times are known."""
    return np.flatnonzero(np.isfinite(column.values + seconds)).tolist()


def _agrees(
    other: TimeColumn, main: TimeColumn, seconds: FloatArray, label_duration: float
) -> bool:
    """Whether another column of onsets says the same as the main one."""
    if other.kind == "number":
        try:
            other = replace(
                other, values=in_seconds(other, seconds * np.nan, label_duration)
            )
        except HypnogramError:
            return is_count(other.values)
    resolution = max(other.resolution, main.resolution)
    return replace(other, resolution=resolution).agrees(seconds)


def _until(
    end: TimeColumn,
    main: TimeColumn,
    seconds: FloatArray,
    durations: FloatArray,
) -> FloatArray:
    """Durations from a column of ends."""
    if end.is_strong != main.is_strong:
        return durations
    if end.is_strong:
        values = end.values - main.values
        values = values % DAY if end.kind == "clock" else values
    elif end.unit in (None, main.unit):
        ratio = _scale(main, seconds)
        values = (end.values - main.values) * ratio
        ahead = main.values[1:] - end.values[:-1]
        counts_epochs = main.unit is None and ratio > 1
        if counts_epochs and ((values == 0).any() or (ahead == 1).mean() > 0.5):
            values = values + ratio  # the last epoch is included
    else:
        values = np.asarray(end.values * end.unit) - seconds
    if (values < 0).any():
        msg = "must hold ends of labels, none before its start"
        raise end.error(msg)
    return values


def _scale(main: TimeColumn, seconds: FloatArray) -> float:
    """Seconds in the unit of a column of onsets."""
    span = np.ptp(main.values[np.isfinite(main.values)])
    return float(np.ptp(seconds[np.isfinite(seconds)]) / span) if span else 1.0


def _from_minutes(
    main: TimeColumn, seconds: FloatArray, durations: FloatArray, label_duration: float
) -> FloatArray:
    """Return times in whole minutes, of consecutive rows if they are such."""
    steps = label_duration if np.isnan(durations).any() else durations[:-1]
    rows = np.concatenate([[0.0], np.cumsum(np.full(len(seconds) - 1, steps))])
    if not replace(main, values=seconds).agrees(rows):
        if len({*seconds[np.isfinite(seconds)]}) < len(seconds):
            msg = "must tell rows apart, such as by seconds; several share a minute"
            raise main.error(msg)
        return seconds
    return np.asarray(rows + seconds[0])


def _from_ends(
    end: TimeColumn,
    durations: FloatArray,
    labels: Sequence[str],
    label_duration: float,
) -> RowTimes:
    """Return times from ends: each label begins where the one before it ends."""
    seconds = in_seconds(
        replace(end, role="onset"), durations, label_duration, ends=True
    )
    if not is_rising(seconds) or end.zero is not None:
        msg = "holds ends of labels without their starts"
        raise end.error(msg)
    if np.isfinite(durations).all():
        return RowTimes(seconds - durations, durations)
    onsets = np.concatenate([[0.0], seconds[:-1]])
    lengths = seconds - onsets
    repeats = any(one == other for one, other in pairwise(labels))
    if repeats and not np.allclose(lengths, lengths[0]):
        msg = "holds ends of labels without their starts, and a row may be missing"
        raise end.error(msg)
    return RowTimes(onsets, lengths)
