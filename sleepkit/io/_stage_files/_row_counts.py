"""Times of rows from numbers of epochs, from durations or from their order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.io._stage_files._seconds import (
    check_epoch_numbers,
    is_count,
    is_regular,
    is_rising,
    names_epochs,
)
from sleepkit.io._stage_files._time_column import TimeColumn

_FEW: Final = 10  # epochs between rows whose times are seconds


def from_counts(
    columns: Sequence[TimeColumn],
    n_rows: int,
    durations: FloatArray,
    label_duration: float,
) -> tuple[FloatArray, FloatArray]:
    """Onsets and durations from numbers of epochs, durations or the order of rows."""
    counts = [c for c in columns if c.role == "epoch" and c.kind == "number"]
    counts = [c for c in counts if may_be_onset(c, n_rows)]
    counts.sort(key=lambda column: is_count(column.values))  # row numbers say least
    known = np.isfinite(durations).all()
    runs = any(c.role == "duration" and names_epochs(c) for c in columns)
    for column in counts:
        if known and is_count(column.values) and np.ptp(durations) > 0:
            continue  # it numbers the rows
        is_length = known and n_rows and not np.ptp(durations) and not runs
        length = float(durations[0]) if is_length else label_duration
        check_epoch_numbers(column)
        if not runs and _counts_seconds(column, length):
            return column.values, durations
        onsets = (column.values - (column.values.min() != 0)) * length
        _check_others(columns, column, onsets)
        if np.isnan(durations).all() and (np.diff(np.sort(onsets)) == length).any():
            durations = np.full(n_rows, length)  # a row an epoch
        return onsets, durations
    _check_order(columns, n_rows)
    if known and n_rows:
        return np.concatenate([[0.0], np.cumsum(durations)[:-1]]), durations
    return np.arange(n_rows) * label_duration, np.full(n_rows, label_duration)


def _counts_seconds(column: TimeColumn, length: float) -> bool:
    """Whether numbers of epochs are seconds; an error if they are others, as samples.

    Those of epochs have steps without a common divisor.
    """
    steps = np.diff(column.values)
    divisor = math.gcd(*map(int, steps.tolist()))
    if divisor and divisor % length == 0 and divisor <= _FEW * length:
        return len(steps) > 1 or divisor == length != 1
    if len(steps) > 1 and divisor > 1:
        msg = (
            f"must number epochs; its numbers are multiples of {divisor} apart. Name "
            "it onset if they are seconds"
        )
        raise column.error(msg)
    return False


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


def may_be_onset(column: TimeColumn, n_rows: int) -> bool:
    """Whether a column can say when rows are: one that is constant cannot."""
    values = column.values[np.isfinite(column.values)]
    return n_rows == 1 or bool(np.ptp(values) > 0)
