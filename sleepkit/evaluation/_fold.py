"""One estimator on one fold: fitted once, then tested under every condition."""

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


class Fold(NamedTuple):
    """Rows of X for training and for the test."""

    number: int
    train: IntArray
    test: IntArray


class FoldPrediction(NamedTuple):
    """Predictions of one estimator for the test rows of one fold, by condition."""

    estimator: str
    fold: int
    rows: IntArray  # (n,) of X
    stages: dict[str, IntArray]  # (n,) each, -1 where no modality is left
    proba: dict[str, FloatArray]  # (n, 5) float32, NaN there and without predict_proba
    seconds: dict[str, Any]  # "stage" by condition, and "fit" after a fit


@dataclass(frozen=True, eq=False)
class Data:
    """Rows, stages and conditions, shared by all folds."""

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


class FoldTask(NamedTuple):
    """One fit, the test of it, and the key of its prediction in a cache."""

    name: str
    estimator: Any
    fold: Fold
    cache_key: str

    def run(self, data: Data) -> FoldPrediction:
        """Fit on the training rows, and predict the test rows under each condition."""
        try:
            start = time.perf_counter()
            fitted = self.estimator.fit(
                data.X[self.fold.train], data.y[self.fold.train]
            )
            seconds = time.perf_counter() - start
            found = predict_fold(self.name, fitted, self.fold, data)
        except Exception as error:
            error.add_note(f"Raised by {self.name!r} on fold {self.fold.number}.")
            raise
        return found._replace(seconds={"fit": seconds, **found.seconds})


def predict_fold(name: str, fitted: Any, fold: Fold, data: Data) -> FoldPrediction:
    """Predict the test rows of a fold under each condition."""
    test = data.X[fold.test]
    stages, proba, seconds = {}, {}, {}
    for condition, given in data.conditions.items():
        start = time.perf_counter()
        stages[condition], proba[condition] = _predict(fitted, test, given)
        seconds[condition] = time.perf_counter() - start
    return FoldPrediction(
        name, fold.number, fold.test, stages, proba, {"stage": seconds}
    )


def _predict(
    fitted: Any, test: EpochArray, condition: Condition
) -> tuple[IntArray, FloatArray]:
    """Predict stages and probabilities of the rows that have a modality left."""
    stages = np.full(len(test), UNSCORED, np.int8)
    proba = np.full((len(test), N_STAGES), np.nan, np.float32)
    given, rows = condition.apply(test)
    if given is not None and hasattr(fitted, "predict_proba"):
        classes = _check_stages(fitted.classes_)
        found = fitted.predict_proba(given)
        if len(classes) == 1:  # some estimators return two columns then
            found = np.ones((len(rows), 1))
        proba[rows] = 0
        proba[np.ix_(rows, classes)] = found
        stages[rows] = classes[found.argmax(axis=1)]
    elif given is not None:
        stages[rows] = _check_stages(fitted.predict(given))
    return stages, proba


def _check_stages(values: Any) -> IntArray:
    """Require predictions that are stage codes."""
    output = "The output of an estimator"
    return check_stages(output, values, owner=None, unscored=False)
