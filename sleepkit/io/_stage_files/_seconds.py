"""Numbers in a column of times as seconds, or an error that names the column."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.io._limits import LONGEST_NIGHT
from sleepkit.io._stage_files._column_names import words_of
from sleepkit.io._stage_files._time_column import TimeColumn
from sleepkit.io._stage_files._times import DAY

_LONGEST_STEP: Final = 120.0  # seconds from label to label of a stage an epoch
_LONGEST_RUN: Final = 3600.0  # seconds of the shortest label of a night
_DIGITS: Final = 3
_USUAL_EPOCHS: Final = (20.0, 30.0)  # seconds
_WHOLE: Final = 0.05  # of an epoch
_NIGHT_IN_MINUTES: Final = 900.0


def in_seconds(
    column: TimeColumn,
    durations: FloatArray,
    label_duration: float,
    *,
    ends: bool = False,
) -> FloatArray:
    """Onsets in seconds; the unit is that of the name, else seconds if they can be."""
    values = column.values
    if column.is_strong or column.unit is not None:
        seconds = _rounded(values * (column.unit or 1.0), column.unit or 1.0)
        _check_durations(column, seconds, durations, label_duration)
        return seconds
    known = np.unique(values[np.isfinite(values)])
    if len(known) < 2:
        return values
    _check_digits(column, known, label_duration)
    if _counts_epochs(column, known, durations, label_duration):
        return np.asarray(values - (known[0] != 0)) * label_duration
    if np.isfinite(durations).any():
        return _checked_against(column, np.diff(known), durations)
    usual = _usual(np.diff(known))
    if usual == 1000 * label_duration == np.diff(known).min():
        return values / 1000
    _check_seconds(column, known, label_duration, ends=ends)
    return values


def _check_digits(column: TimeColumn, known: FloatArray, label_duration: float) -> None:
    """Raise an error for clock times without colons, such as 220030."""
    hours, minutes = known // 10_000, known // 100 % 100
    clock = 3600 * hours + 60 * minutes + known % 100
    is_clock = (np.diff(clock) % label_duration == 0).all() and hours.max() < 48
    if known[0] > DAY or (is_clock and (np.diff(known) % label_duration).any()):
        msg = f"must hold seconds from the start of the file; got {known[0]:.10g}"
        raise column.error(msg)


def _counts_epochs(
    column: TimeColumn,
    known: FloatArray,
    durations: FloatArray,
    label_duration: float,
) -> bool:
    """Whether onsets are numbers of epochs, such as those of "first epoch"."""
    is_whole = bool((known == known.round()).all())
    steps = np.diff(known)
    are_seconds = bool((steps % label_duration == 0).all())
    if len(durations) == len(known) and np.isfinite(durations).all():
        in_epochs = np.isclose(steps * label_duration, durations[:-1])
        are_seconds = are_seconds and not in_epochs.mean() > 0.5
    return names_epochs(column) and is_whole and not are_seconds


def names_epochs(column: TimeColumn) -> bool:
    """Whether the name of a column says epochs."""
    return any(word.startswith("epo") for word in words_of(column.name))


def _check_seconds(
    column: TimeColumn, known: FloatArray, label_duration: float, *, ends: bool
) -> None:
    """Raise an error for onsets that can hardly be seconds."""
    steps = np.diff(known)
    usual, shortest = _usual(steps), float(steps.min())
    if np.abs(known).max() > LONGEST_NIGHT:
        msg = f"must hold seconds from the start of the file; got {known[-1]:.10g}"
        raise column.error(msg)
    if usual == 1 != label_duration and not ends:
        msg = "counts up by one; name it epoch, or pass label_duration=1"
        raise column.error(msg)
    is_free = ends or is_regular(known)
    if not is_free and not are_whole(known[1:] - known[0], label_duration):
        msg = (
            "must hold seconds; most of its steps are no whole epochs. Name the unit, "
            f"such as {column.name}_s or {column.name}_min"
        )
        raise column.error(msg)
    is_regular_step = (steps.round(_DIGITS) == usual).mean() > 0.5
    longest = _LONGEST_STEP if is_regular_step and len(steps) > 3 else _LONGEST_RUN
    if usual < 1 or shortest > longest:
        msg = (
            f"must hold seconds; its rows are {shortest:g} apart. Name the unit, "
            f"such as {column.name}_ms or {column.name}_min"
        )
        raise column.error(msg)


def _check_durations(
    column: TimeColumn,
    seconds: FloatArray,
    durations: FloatArray,
    label_duration: float,
) -> None:
    """Raise an error for durations in minutes, epochs or read as hours."""
    if not is_rising(seconds) or not (durations[:-1] > 0).all():
        return
    ratios = np.diff(seconds) / durations[:-1]
    wrong = [ratio for ratio in (60.0, 1 / 60, label_duration) if ratio != 1]
    if any(np.isclose(ratios, ratio, rtol=0.02).mean() > 0.5 for ratio in wrong):
        msg = (
            f"has rows {np.diff(seconds)[0]:g} s apart, of which the first lasts "
            f"{durations[0]:g} s; name the unit of the durations, such as "
            "duration_min or duration_epochs"
        )
        raise column.error(msg)


def are_whole(lengths: FloatArray, label_duration: float) -> bool:
    """Whether most times are whole epochs, also of the usual lengths.

    Only if they would be those of a night in minutes, they need be.
    """
    if lengths.max() > _NIGHT_IN_MINUTES:
        return True
    parts = [lengths / epoch for epoch in (label_duration, *_USUAL_EPOCHS)]
    return any((np.abs(part - part.round()) < _WHOLE).mean() >= 0.5 for part in parts)


def _checked_against(
    column: TimeColumn, steps: FloatArray, durations: FloatArray
) -> FloatArray:
    """Onsets, if they are in the unit of the durations."""
    lengths = durations[np.isfinite(durations) & (durations > 0)]
    if len(lengths) and len(steps) > 1:
        ratio = float(np.median(steps) / np.median(lengths))
        total = float(steps.sum() / lengths.sum())
        if min(ratio, total) > 20 or max(ratio, total) < 0.05:
            msg = (
                f"must hold seconds; its rows are {np.median(steps):g} apart, and last "
                f"{np.median(lengths):g} s"
            )
            raise column.error(msg)
    return column.values


def _rounded(seconds: FloatArray, unit: float) -> FloatArray:
    """Round times of minutes or hours with few decimals to seconds."""
    if unit < 60:
        return seconds
    whole = seconds.round()
    return whole if np.nanmax(np.abs(whole - seconds)) < unit * 0.006 else seconds


def _usual(steps: FloatArray) -> float:
    """Most frequent step, the smaller one in a tie."""
    counts = Counter(steps.round(_DIGITS).tolist())
    return float(min(counts, key=lambda step: (-counts[step], step)))


def is_rising(values: FloatArray) -> bool:
    """Whether values increase from row to row."""
    return len(values) > 1 and bool((np.diff(values) > 0).all())


def is_count(values: FloatArray) -> bool:
    """Whether values increase by one from row to row."""
    return bool((np.diff(values) == 1).all())


def is_regular(values: FloatArray, step: float | None = None) -> bool:
    """Whether values increase by one step, which may be a given one."""
    steps = np.diff(values)
    if not len(steps):
        return False
    return bool(np.allclose(steps, steps[0] if step is None else step, rtol=1e-3))


def check_epoch_numbers(column: TimeColumn) -> None:
    """Raise an error unless a column numbers epochs."""
    values = column.values
    if not (np.isfinite(values).all() and (values == values.round()).all()):
        msg = "must hold a whole number of an epoch in each row"
        raise column.error(msg)
    if len(np.unique(values)) < len(values):
        counts = Counter(values.tolist())
        twice = next(value for value, n in counts.items() if n > 1)
        msg = f"must number each epoch once; {twice:g} stands in {counts[twice]} rows"
        raise column.error(msg)
