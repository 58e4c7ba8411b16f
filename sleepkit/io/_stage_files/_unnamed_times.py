"""Onsets, ends and durations among columns whose names say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.io._stage_files._seconds import is_regular, is_rising
from sleepkit.io._stage_files._time_column import TimeColumn
from sleepkit.io._stage_files._times import DAY

_TOLERANCE: Final = 0.011  # seconds by which labels may overlap


def without_names(
    columns: Sequence[TimeColumn],
    clocks: Sequence[TimeColumn],
    durations: FloatArray,
    label_duration: float,
) -> tuple[list[TimeColumn], list[TimeColumn], FloatArray]:
    """Onsets, ends and durations among columns whose names say nothing.

    Of `clocks`, columns of clock times that may be onsets, the rest must agree.
    """
    free = [c for c in columns if not c.role and (c.kind == "number" or c.is_strong)]
    pairs = [(a, b) for a in free for b in free if a is not b and is_rising(a.values)]
    for onset, other in pairs:
        rest = [c for c in clocks if c is not onset and c is not other]
        onsets = [replace(onset, role="onset", unit=1.0), *rest]
        is_next = np.abs(np.diff(onset.values) - other.values[:-1]) <= _TOLERANCE
        if is_next.mean() > 0.5 and (other.values > 0).all():
            return onsets, [], other.values
        ahead = onset.values[1:] - other.values[:-1]
        lengths = other.values - onset.values
        are_clocks = onset.kind == other.kind == "clock"
        if are_clocks:  # each may begin on either day
            ahead = (ahead + DAY / 2) % DAY - DAY / 2
            lengths = (lengths + DAY / 2) % DAY - DAY / 2
        is_close = np.abs(ahead) <= _TOLERANCE
        is_end = (ahead >= -_TOLERANCE).all() and (lengths > 0).all()
        if is_end and (are_clocks or is_close.mean() > 0.5):
            return onsets, [replace(other, role="end", unit=1.0)], durations
    if not clocks:
        regular = [c for c in free if is_regular(c.values, label_duration)]
        clocks = [replace(c, role="onset", unit=1.0) for c in regular[:1]]
    return [*clocks], [], durations
