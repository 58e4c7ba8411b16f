"""Folds as lists of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from sleepkit._typing import IntArray
from sleepkit.recording import EpochArray

Folds: TypeAlias = list[tuple[IntArray, IntArray]]


def list_folds(X: EpochArray, cv: Iterable[tuple[Any, Any]]) -> Folds:
    """Take folds, which may be masks, as numbers of rows."""
    rows = np.arange(len(X))
    return [(rows[train], rows[test]) for train, test in cv]
