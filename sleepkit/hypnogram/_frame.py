"""Hypnograms from the tables that pandas holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from sleepkit._typing import Array
from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram._columns import CLOCK_TIME, PROBABILITY, SCORER
from sleepkit.hypnogram._stage_sets import LABELS, codes_of

_REQUIRED = ("onset", "duration", "stage")
_TOLERANCE = 1e-3  # seconds


def fields_of_frame(frame: Any, n_stages: int) -> dict[str, Any]:
    """Fields of the hypnogram in a table with one row for each epoch."""
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing or not len(frame):
        msg = (
            f"from_frame needs rows and the columns {', '.join(_REQUIRED)}; got "
            f"{len(frame)} rows with the columns {', '.join(map(str, frame.columns))}."
        )
        raise HypnogramError(msg)
    onsets = np.asarray(frame["onset"], dtype=float)
    duration = _epoch_duration(onsets, np.asarray(frame["duration"], dtype=float))
    names = [PROBABILITY + label for label in LABELS[n_stages]]
    known = set(names) <= set(frame.columns)
    return {
        "stages": codes_of(frame["stage"].tolist(), n_stages),
        "epoch_duration": duration,
        "onset": float(onsets[0]),
        "start": _start(frame, float(onsets[0])),
        "scorer": _scorer(frame),
        "probabilities": np.asarray(frame[names], dtype=float) if known else None,
        "n_stages": n_stages,
    }


def _epoch_duration(onsets: Array, durations: Array) -> float:
    """Return the one duration of all rows, which must follow each other."""
    if np.ptp(durations) > 0:
        msg = f"column 'duration' must be the same in all rows; got {set(durations)}."
        raise HypnogramError(msg)
    duration = float(durations[0])
    expected = onsets[0] + np.arange(len(onsets)) * duration
    wrong = np.flatnonzero(~(np.abs(onsets - expected) <= _TOLERANCE))
    if len(wrong):
        row = int(wrong[0])
        msg = (
            f"column 'onset' must grow by the duration of {duration:g} s in each row; "
            f"got {onsets[row]:g} in row {row}, not {expected[row]:g}."
        )
        raise HypnogramError(msg)
    return duration


def _start(frame: Any, onset: float) -> datetime | None:
    """Start of the file, from the clock time of the first row."""
    if CLOCK_TIME not in frame.columns:
        return None
    first = datetime.fromisoformat(str(frame[CLOCK_TIME].iloc[0]))
    return first - timedelta(seconds=onset)


def _scorer(frame: Any) -> str | None:
    """Return the one scorer of all rows."""
    if SCORER not in frame.columns:
        return None
    scorers = frame[SCORER].unique().tolist()
    if len(scorers) > 1:
        listed = ", ".join(map(str, scorers))
        msg = (
            f"column {SCORER!r} must name one scorer; got {listed}. Pass the rows of "
            "one of them."
        )
        raise HypnogramError(msg)
    return str(scorers[0])
