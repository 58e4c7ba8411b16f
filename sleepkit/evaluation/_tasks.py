"""All fits of an evaluation: prepared, run side by side, and kept when finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from tqdm import tqdm

from sleepkit.evaluation._describe import describe, hash_rows
from sleepkit.evaluation._fold import Data, Outcome, run
from sleepkit.evaluation._inner import refuse_inner_leaks
from sleepkit.evaluation._kept import KeptFolds
from sleepkit.evaluation._splits import Fold
from sleepkit.utils import draw_seed, hash_code


class Task(NamedTuple):
    """A fit that is to be done, and all that its outcome depends on."""

    name: str
    estimator: Any
    fold: Fold
    identity: Any

    def run(self, number: int, data: Data) -> tuple[int, Outcome]:
        """Do it, and say which it was."""
        try:
            return number, run(self.estimator, self.fold.train, self.fold.test, data)
        except Exception as error:
            error.add_note(f"This was {self.name!r} on fold {self.fold.number}.")
            raise


def make_tasks(
    estimators: Mapping[str, Any],
    folds: list[Fold],
    data: Data,
    record: Mapping[str, Any],
) -> list[Task]:
    """Prepare the fits, fold by fold, and refuse those that would leak."""
    tasks = []
    for fold in folds:
        rows = [hash_rows(data.X[part], data.y[part]) for part in fold[1:]]
        for name, estimator in estimators.items():
            seeded = _seed(clone(estimator), record["random_state"], fold.number)
            refuse_inner_leaks(name, seeded, fold, data.X, data.y)
            identity = {
                "rows": rows,
                "estimator": describe(seeded),
                "code": hash_code([seeded, data.conditions]),
                **{key: record[key] for key in ("versions", "conditions")},
            }
            tasks.append(Task(name, seeded, fold, json.loads(json.dumps(identity))))
    return tasks


def _seed(estimator: Any, random_state: int | None, fold: int) -> Any:
    """Seed what is not."""
    if random_state is None:
        return estimator
    seed = draw_seed(np.random.default_rng([random_state, fold]))
    wanted = {
        key: seed
        for key, value in estimator.get_params().items()
        if key.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**wanted)


def run_all(
    tasks: list[Task],
    data: Data,
    kept: KeptFolds,
    n_jobs: int | None,
    *,
    verbose: bool,
) -> Iterator[tuple[int, Outcome]]:
    """Give the outcomes as they come, those of earlier runs first."""
    done = {
        i: outcome
        for i, task in enumerate(tasks)
        if (outcome := kept.read(task.identity)) is not None
    }
    yield from done.items()
    missing = [i for i in range(len(tasks)) if i not in done]
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    finished = len(done)
    progress = {"total": len(tasks), "initial": finished}
    try:
        with tqdm(desc="fits", disable=None if verbose else True, **progress) as bar:
            for i, outcome in parallel(delayed(tasks[i].run)(i, data) for i in missing):
                kept.write(tasks[i].identity, outcome)
                finished += 1
                bar.update()
                yield i, outcome
    except (Exception, KeyboardInterrupt) as stop:
        stop.add_note(_how_to_go_on(finished, len(tasks), kept))
        raise


def _how_to_go_on(finished: int, n_tasks: int, kept: KeptFolds) -> str:
    """Say what is done, and how to go on."""
    where = "nothing is kept: there is no directory"
    if kept.directory is not None:
        where = f"these are in {kept.directory}, and the same call goes on"
    return f"{finished} of {n_tasks} fits are done; {where}."
