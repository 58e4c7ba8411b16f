"""An evaluation's own work, beside that of the stagers that it evaluates.

    python benchmarks/bench_evaluation.py [--nights 20] [--hours 8] [--runs 3]

Simulated nights are computed to files, or to memory, and two stagers of band powers,
with scikit-learn's defaults, are cross-validated on them; nets take far longer. What is
in fit and predict_proba is counted where these are called; the rest of the wall time is
the evaluation's own. Everything is done that a user does: protocol, leak checks, kept
folds, scores of all kinds, intervals, a comparison, and files.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray

CALLED: list[float] = []


def counted(method: Callable[..., Any]) -> Callable[..., Any]:
    """Count the seconds of a method."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        result = method(*args, **kwargs)
        CALLED.append(time.perf_counter() - start)
        return result

    return call


class Counted(Pipeline):
    """A Pipeline that counts its seconds; defined here, so that only it is."""

    fit = counted(Pipeline.fit)
    predict_proba = counted(Pipeline.predict_proba)


def make_stagers() -> dict[str, Pipeline]:
    lasts = {
        "boosting": HistGradientBoostingClassifier(),
        "forest": RandomForestClassifier(),
    }
    return {
        name: Counted(make_pipeline(BandPower(), last).steps)
        for name, last in lasts.items()
    }


def evaluate(X: EpochArray, y: np.ndarray) -> tuple[float, float]:
    """Give the seconds of a whole evaluation, and those in fit and predict."""
    CALLED.clear()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = cross_validate_staging(
            make_stagers(),
            X,
            y,
            cv=5,
            subsets="every",
            directory=folder,
            random_state=0,
        )
        for by in ("subject", "recording", "fold"):
            result.scores(by)
        result.intervals()
        result.compare("boosting", "forest")
        result.save(folder)
        str(result)
    return time.perf_counter() - start, sum(CALLED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=20)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    X, y, _ = make_polysomnography(
        chosen.nights, hours=chosen.hours, modalities=("eeg", "eog"), random_state=0
    )
    with tempfile.TemporaryDirectory() as folder:
        for where, directory in {"files": folder, "memory": None}.items():
            shares = []
            for _ in range(chosen.runs):
                nights = X.materialize(
                    directory
                )  # new, so that no fingerprint is known
                whole, called = evaluate(nights, y)
                shares.append((whole - called) / whole)
                print(f"{where:6} {whole:6.2f} s, of which own {whole - called:5.2f} s")
            print(f"{where:6} median share {100 * statistics.median(shares):.2f} %")


if __name__ == "__main__":
    main()
