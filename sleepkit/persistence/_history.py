"""Training history: one row of plain values for each epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from sleepkit.exceptions import ModelFileError

MAX_EPOCHS: Final = 100_000
_PLAIN: Final = (bool, int, float, str, type(None))

Row = dict[str, Any]


def plain_history(history: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Keep the JSON values of each epoch, without its batches."""
    rows = (
        {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()}
        for row in history
    )
    return [{k: v for k, v in row.items() if isinstance(v, _PLAIN)} for row in rows]


def check_history(rows: Any) -> list[Row]:
    """Require a limited number of rows of plain values."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = "it is damaged: its history is no list of rows."
        raise ModelFileError(msg)
    if len(rows) > MAX_EPOCHS:
        msg = (
            f"its history has {len(rows):,} epochs; a model file has at most "
            f"{MAX_EPOCHS:,}."
        )
        raise ModelFileError(msg)
    for row in rows:
        for name, value in row.items():
            if not isinstance(value, _PLAIN):
                kind = type(value).__name__
                msg = f"it is damaged: its history holds a {kind} for {name!r}."
                raise ModelFileError(msg)
    return rows
