"""Table of a hypnogram, one row for each epoch: for files and for pandas."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

CLOCK_TIME: Final = "clock_time"
SCORER: Final = "scorer"
PROBABILITY: Final = "P_"
_DIGITS: Final = 4  # of a second, as files have them


def table_columns(hypnogram: Any) -> dict[str, list[Any]]:
    """Columns of a table: times in seconds, stages as words, and what else is known."""
    onsets = hypnogram.times.round(_DIGITS).tolist()
    columns: dict[str, list[Any]] = {
        "epoch": list(range(hypnogram.n_epochs)),
        "onset": onsets,
        "duration": [hypnogram.epoch_duration] * hypnogram.n_epochs,
        "stage": hypnogram.names.tolist(),
    }
    if hypnogram.start is not None:
        columns[CLOCK_TIME] = [hypnogram.start + timedelta(seconds=s) for s in onsets]
    if hypnogram.scorer is not None:
        columns[SCORER] = [hypnogram.scorer] * hypnogram.n_epochs
    if hypnogram.probabilities is not None:
        rows = hypnogram.probabilities.T.tolist()
        names = [PROBABILITY + label for label in hypnogram.labels]
        columns |= dict(zip(names, rows, strict=True))
    return columns
