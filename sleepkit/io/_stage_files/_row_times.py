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
from sleepkit.io._stage_files._column_names import TIME_ROLES, words_of
from sleepkit.io._stage_files._seconds import (
    check_epoch_numbers,
    in_seconds,
    is_count,
    is_regular,
    is_rising,
)
from sleepkit.io._stage_files._time_column import TimeColumn, start_of
from sleepkit.io._stage_files._times import DAY

_TOLERANCE: Final = 0.011  # seconds by which labels may overlap


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
    durations = _durations(columns, n_rows, label_duration)
    onsets = [c for c in columns if c.role == "onset" or (c.is_strong and not c.role)]
    onsets = _usable(onsets, n_rows)
    for column in onsets:
        _check_clock(column, label_duration)
    _check_texts(texts, is_used=not onsets)
    ends = [c for c in columns if c.role == "end"]
    if not onsets and not any(c.role in ("end", "epoch", "duration") for c in columns):
        onsets, ends, durations = _without_names(columns, durations, label_duration)
    if onsets:
        return _from_onsets(onsets, ends, durations, label_duration)
    if ends:
        return _from_ends(ends[0], durations, labels, label_duration)
    return _from_counts(columns, n_rows, durations, label_duration)


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
    usable = [c for c in onsets if _may_be_onset(c, n_rows) or c.has_gaps]
    if onsets and not usable and any(c.role == "onset" for c in onsets):
        msg = "is the same in all rows, so that it cannot say when they are"
        raise onsets[0].error(msg)
    return usable


def _check_clock(column: TimeColumn, label_duration: float) -> None:
    """Raise an error for clock times that run back, and not over midnight.

    They are on no certain day: of a clock of 12 hours, or one that was put back.
    """
    steps = np.diff(column.values[np.isfinite(column.values)])
    is_back = steps < -max(label_duration, column.resolution)
    if column.kind == "clock" and is_back.any() and (steps > 0).any():
        step = steps[is_back][0]
        msg = (
            f"must hold clock times of 24 hours that run on; one is {-step:g} s "
            "before the one above it"
        )
        raise column.error(msg)


def _may_be_onset(column: TimeColumn, n_rows: int) -> bool:
    """Whether a column can say when rows are: one that is constant cannot."""
    values = column.values[np.isfinite(column.values)]
    return n_rows == 1 or bool(np.ptp(values) > 0)


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
    if any(word.startswith("epo") for word in words_of(column.name)):
        return np.asarray(column.values * label_duration)
    largest = np.nanmax(column.values)
    if n_rows > 1 and 0 < largest < 1:
        msg = f"must hold seconds; the longest of its durations is {largest:g}"
        raise column.error(msg)
    if n_rows > 1 and (column.values == 1).all() and label_duration != 1:
        return column.values * label_duration  # in epochs
    return column.values


def _from_onsets(
    onsets: Sequence[TimeColumn],
    ends: Sequence[TimeColumn],
    durations: FloatArray,
    label_duration: float,
) -> RowTimes:
    """Return times from a column of onsets, with which others must agree."""
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


def _from_counts(
    columns: Sequence[TimeColumn],
    n_rows: int,
    durations: FloatArray,
    label_duration: float,
) -> RowTimes:
    """Return times from numbers of epochs, durations or the order of the rows."""
    counts = [c for c in columns if c.role == "epoch" and c.kind == "number"]
    counts = [c for c in counts if _may_be_onset(c, n_rows)]
    counts.sort(key=lambda column: is_count(column.values))  # row numbers say least
    known = np.isfinite(durations).all()
    for column in counts:
        if known and is_count(column.values) and np.ptp(durations) > 0:
            continue  # it numbers the rows
        length = (
            float(durations[0]) if known and n_rows and not np.ptp(durations) else 0.0
        )
        values = column.values
        check_epoch_numbers(column)
        if n_rows > 1 and not length and is_regular(values, label_duration):
            return RowTimes(values, durations)  # seconds
        onsets = (values - (values.min() != 0)) * (length or label_duration)
        _check_others(columns, column, onsets)
        return RowTimes(onsets, durations)
    _check_order(columns, n_rows)
    if known and n_rows:
        return RowTimes(np.concatenate([[0.0], np.cumsum(durations)[:-1]]), durations)
    return RowTimes(np.arange(n_rows) * label_duration, np.full(n_rows, label_duration))


def _check_others(
    columns: Sequence[TimeColumn], used: TimeColumn, onsets: FloatArray
) -> None:
    """Raise an error if another count disagrees with the one that is used."""
    for column in columns:
        if column is used or column.role not in ("epoch", "sample"):
            continue
        is_same = is_count(column.values) or _is_linear(column.values, onsets)
        if not is_same and is_rising(column.values):
            msg = f"disagrees with column {used.name!r} on when rows are"
            raise column.error(msg)


def _is_linear(values: FloatArray, onsets: FloatArray) -> bool:
    """Whether steps of one are a multiple of the steps of the other."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.diff(values) / np.diff(onsets)
    return bool(np.allclose(ratios, ratios[:1], rtol=1e-2))


def _check_order(columns: Sequence[TimeColumn], n_rows: int) -> None:
    """Raise an error for a column that could be a time and is not understood."""
    for column in columns:
        values = column.values
        if column.kind != "number" or column.role in ("other", "duration", "epoch"):
            continue
        if column.role == "sample" and not (is_regular(values) and values[0] == 0):
            msg = "counts samples, whose rate the file does not state"
            raise column.error(msg)
        if column.role != "sample" and _may_be_time(column, n_rows):
            msg = (
                "could say when each row is; name it onset (seconds), epoch "
                "(numbers) or confidence (no time)"
            )
            raise column.error(msg)


def _may_be_time(column: TimeColumn, n_rows: int) -> bool:
    """Whether numbers rise or fall in a way that consecutive rows do not explain."""
    values = column.values
    if n_rows < 3 or not np.isfinite(values).all() or np.abs(values).max() <= 1:
        return False
    numbers_rows = is_count(values) and values[0] in (0, 1)
    return not numbers_rows and (is_rising(values) or is_rising(-values))


def _without_names(
    columns: Sequence[TimeColumn], durations: FloatArray, label_duration: float
) -> tuple[list[TimeColumn], list[TimeColumn], FloatArray]:
    """Onsets, ends and durations among columns whose names say nothing."""
    free = [c for c in columns if not c.role and c.kind == "number"]
    pairs = [(a, b) for a in free for b in free if a is not b and is_rising(a.values)]
    for onset, other in pairs:
        is_next = np.abs(np.diff(onset.values) - other.values[:-1]) <= _TOLERANCE
        if is_next.mean() > 0.5 and (other.values > 0).all():
            return [replace(onset, role="onset", unit=1.0)], [], other.values
        ahead = onset.values[1:] - other.values[:-1]
        if (np.abs(ahead) <= _TOLERANCE).mean() > 0.5 and (ahead >= -_TOLERANCE).all():
            end = replace(other, role="end", unit=1.0)
            return [replace(onset, role="onset", unit=1.0)], [end], durations
    for column in free:
        if is_regular(column.values, label_duration):
            return [replace(column, role="onset", unit=1.0)], [], durations
    return [], [], durations
