"""The parts that a result is put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.evaluation._fold import Staged
from sleepkit.evaluation._splits import Fold
from sleepkit.recording import EpochArray

Table: TypeAlias = dict[str, Any]


class Part(NamedTuple):
    """What one estimator made of one fold under one condition."""

    estimator: str
    condition: str
    fold: int
    rows: IntArray
    stages: IntArray
    proba: FloatArray


def parts_of(estimator: str, fold: Fold, staged: Mapping[str, Staged]) -> list[Part]:
    """Take what an estimator made of a fold."""
    return [
        Part(estimator, condition, fold.number, fold.test, found.stages, found.proba)
        for condition, found in staged.items()
    ]


def rows_of(X: EpochArray, y: IntArray) -> dict[str, Array]:
    """Say of each row what it is."""
    rows = {name: getattr(X, name) for name in ("subject", "recording", "epoch")}
    return {**rows, "true": y}
