"""From scored nights to figures and a model: what `train` and `demo` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from sleepkit._stages import STAGES
from sleepkit.evaluation import StagingResult, cross_validate_staging
from sleepkit.exceptions import HypnogramError
from sleepkit.preprocessing import Cache
from sleepkit.recording import EpochArray
from sleepkit.training._runtime import find_device

_MAX_JOBS: Final = 4  # each takes memory for a net and its batches


def require_stages(X: EpochArray) -> None:
    """Refuse nights that teach nothing."""
    found = np.unique(X.hypnogram)
    if len(found) < 2:
        names = ", ".join(STAGES[stage] for stage in found)
        msg = f"Training needs epochs of at least two stages; the nights have: {names}."
        raise HypnogramError(msg)


def compute_features(stagers: Iterable[Pipeline], X: EpochArray) -> None:
    """Compute what the stagers cache of every night, with a progress bar."""
    stagers = list(stagers)
    n_nights = len(stagers) * len(X.recordings)
    with tqdm(desc="nights", total=n_nights, disable=None) as bar:
        for stager in stagers:
            (last,) = [i for i, s in enumerate(stager) if isinstance(s, Cache)]
            features = stager[: last + 1].fit(X)
            for night in X.recordings:
                features.transform(night).recordings[0].compute()
                bar.update()


def cross_validate(
    stagers: Mapping[str, Pipeline],
    X: EpochArray,
    n_folds: int,
    directory: Path | None = None,
) -> StagingResult:
    """Score the stagers by subject, with all modalities and without each.

    Finished folds are kept in a directory.
    """
    return cross_validate_staging(
        stagers,
        X,
        X.hypnogram,
        cv=min(n_folds, len(np.unique(X.subject))),
        subsets="drop_one",
        directory=directory,
        n_jobs=count_jobs(),
        verbose=True,
    )


def fit_all(stagers: Iterable[Pipeline], X: EpochArray) -> list[Pipeline]:
    """Fit each stager on all nights."""
    stagers = list(stagers)
    fits = (delayed(_fit)(stager, X) for stager in stagers)
    n_jobs = min(count_jobs(), len(stagers))
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    progress = {"desc": "on all nights", "total": len(stagers), "disable": None}
    return list(tqdm(parallel(fits), **progress))


def count_jobs() -> int:
    """Count the fits to run side by side: a GPU takes one."""
    if find_device("auto").type != "cpu":
        return 1
    return min(int(joblib.cpu_count()), _MAX_JOBS)


def _fit(stager: Pipeline, X: EpochArray) -> Pipeline:
    """Fit, in another process perhaps."""
    return stager.fit(X, X.hypnogram)
