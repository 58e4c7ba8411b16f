"""All fits of a cross-validation: checked for leakage, run in parallel, cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from sleepkit.evaluation._describe import (
    describe,
    fitted_values,
    hash_fitted,
    hash_rows,
)
from sleepkit.evaluation._fold import Data, Fold, FoldPrediction, FoldTask
from sleepkit.evaluation._fold_cache import FoldCache
from sleepkit.evaluation._splits import check_no_inner_leakage
from sleepkit.utils import draw_seed, hash_code, progress_bar


def make_tasks(
    estimators: Mapping[str, Any],
    folds: list[Fold],
    data: Data,
    record: Mapping[str, Any],
) -> list[FoldTask]:
    """Prepare the fits, fold by fold, and refuse those with leakage."""
    tasks = []
    fitted = {name: hash_fitted(clone(each)) for name, each in estimators.items()}
    for fold in folds:
        rows = [hash_rows(data.X[part], data.y[part]) for part in fold[1:]]
        for name, estimator in estimators.items():
            seeded = _seed(clone(estimator), record["random_state"], fold.number)
            check_no_inner_leakage(name, seeded, fold, data.X, data.y)
            identity = {
                "rows": rows,
                "estimator": describe(seeded),
                "fitted": fitted[name],
                "code": hash_code([seeded, data.conditions]),
                **{key: record[key] for key in ("versions", "conditions")},
            }
            tasks.append(FoldTask(name, seeded, fold, _cache_key(identity)))
    return tasks


def _seed(estimator: Any, random_state: int | None, fold: int) -> Any:
    """Set each ``random_state`` that is None to the seed of the fold.

    What is fitted in a clone, such as a teacher, is the user's own, and stays.
    """
    if random_state is None:
        return estimator
    seed = draw_seed(np.random.default_rng([random_state, fold]))
    params = estimator.get_params()
    wanted = {}
    for key, value in params.items():
        owner, _, name = key.rpartition("__")
        fitted = bool(owner) and bool(fitted_values(params[owner]))
        if name == "random_state" and value is None and not fitted:
            wanted[key] = seed
    return estimator.set_params(**wanted)


def _cache_key(identity: Mapping[str, Any]) -> str:
    """Hash all that the prediction of a task depends on."""
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def run_tasks(
    tasks: list[FoldTask],
    data: Data,
    cache: FoldCache,
    n_jobs: int | None,
    *,
    verbose: bool,
) -> list[FoldPrediction]:
    """Return the prediction of each task, from the cache or by a fit."""
    found = [cache.read(task) for task in tasks]
    missing = [i for i, prediction in enumerate(found) if prediction is None]
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    n_done = len(tasks) - len(missing)
    progress: dict[str, Any] = {"total": len(tasks), "initial": n_done}
    try:
        with progress_bar(desc="fits", verbose=verbose, **progress) as bar:
            for i, prediction in parallel(
                delayed(_run)(i, tasks[i], data) for i in missing
            ):
                cache.write(tasks[i], prediction)
                found[i] = prediction
                n_done += 1
                bar.update()
    except (Exception, KeyboardInterrupt) as stop:
        stop.add_note(_how_to_resume(n_done, len(tasks), cache))
        raise
    return [prediction for prediction in found if prediction is not None]


def _run(number: int, task: FoldTask, data: Data) -> tuple[int, FoldPrediction]:
    """Run a task, and return its number with it, for results come in any order."""
    return number, task.run(data)


def _how_to_resume(n_done: int, n_tasks: int, cache: FoldCache) -> str:
    """Describe what is finished and how to resume."""
    where = "none is stored, because 'directory' is None"
    if cache.directory is not None:
        where = f"they are in {cache.directory}, and the same call resumes"
    return f"{n_done} of {n_tasks} fits are finished; {where}."
