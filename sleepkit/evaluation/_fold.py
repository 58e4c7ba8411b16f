"""One estimator on one fold: fitted once, and staged under every condition."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.evaluation._conditions import Condition
from sleepkit.recording import EpochArray
from sleepkit.utils import check_stages

_VALUE_BYTES = 4  # float32


class Staged(NamedTuple):
    """What came out for the test rows of a fold."""

    stages: IntArray  # (n,), -1 where nothing was left to stage by
    proba: FloatArray  # (n, 5) float32, NaN there and without predict_proba
    seconds: float


class Outcome(NamedTuple):
    """What is known of a fold after it is done."""

    fit_seconds: float
    staged: dict[str, Staged]

    def seconds(self) -> dict[str, Any]:
        """Say how long it took to fit, and to stage under each condition."""
        staging = {name: staged.seconds for name, staged in self.staged.items()}
        return {"fit": self.fit_seconds, "stage": staging}


@dataclass(frozen=True, eq=False)
class Data:
    """What all folds share."""

    X: EpochArray
    y: IntArray
    conditions: Mapping[str, Condition]

    def __sizeof__(self) -> int:
        """Count the bytes in memory: Dask sends what is large to a worker only once."""
        loaded = [
            signal
            for recording in self.X.recordings
            for signal in recording.sources.values()
            if signal.is_loaded
        ]
        n_values = sum(math.prod(signal.shape) for signal in loaded)
        return _VALUE_BYTES * n_values + self.X.epoch.nbytes + self.y.nbytes


def run(estimator: Any, train: IntArray, test: IntArray, data: Data) -> Outcome:
    """Fit on the training rows, and stage the test rows under each condition."""
    start = time.perf_counter()
    fitted = estimator.fit(data.X[train], data.y[train])
    seconds = time.perf_counter() - start
    return Outcome(seconds, stage_under(fitted, data.X[test], data.conditions))


def stage_under(
    fitted: Any, X: EpochArray, conditions: Mapping[str, Condition]
) -> dict[str, Staged]:
    """Stage rows under each condition."""
    return {name: _stage(fitted, X, given) for name, given in conditions.items()}


def _stage(fitted: Any, test: EpochArray, condition: Condition) -> Staged:
    """Stage the rows that have anything left."""
    start = time.perf_counter()
    stages = np.full(len(test), UNSCORED, np.int8)
    proba = np.full((len(test), N_STAGES), np.nan, np.float32)
    given, rows = condition.apply(test)
    if given is not None and hasattr(fitted, "predict_proba"):
        classes = _check_stages(fitted.classes_)
        found = fitted.predict_proba(given)
        if len(classes) == 1:  # some give two columns then
            found = np.ones((len(rows), 1))
        proba[rows] = 0
        proba[np.ix_(rows, classes)] = found
        stages[rows] = classes[found.argmax(axis=1)]
    elif given is not None:
        stages[rows] = _check_stages(fitted.predict(given))
    return Staged(stages, proba, time.perf_counter() - start)


def _check_stages(values: Any) -> IntArray:
    """Require stages of an estimator."""
    output = "The output of an estimator"
    return check_stages(output, values, owner=None, unscored=False)
