"""Estimators that are fitted already, scored on nights of other people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sleepkit.evaluation._conditions import Corruptions, Subsets, make_conditions
from sleepkit.evaluation._describe import describe_run
from sleepkit.evaluation._fold import stage_under
from sleepkit.evaluation._inputs import check_inputs
from sleepkit.evaluation._parts import parts_of, rows_of
from sleepkit.evaluation._result import StagingResult
from sleepkit.evaluation._splits import Fold
from sleepkit.evaluation._window import name_window
from sleepkit.recording import EpochArray


def evaluate_staging(
    estimators: Mapping[str, Any],
    X: EpochArray,
    y: Any,
    *,
    subsets: Subsets = None,
    corruptions: Corruptions = None,
    window: str | None = None,
) -> StagingResult:
    """Score fitted estimators on nights that they were not trained on.

    Whom they were trained on they do not tell: that nobody is in both is for the
    caller to see to. `cross_validate_staging` does it by itself.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Fitted classifiers or Pipelines, by the names they have in the result.
    X : EpochArray
        The rows to stage and score.
    y : array-like of int of shape (n_rows,)
        Their stages, 0 to 4.
    subsets : {"drop_one", "every"} or iterable of sequence of str, default=None
        Modalities to stage by: see `cross_validate_staging`.
    corruptions : mapping of str to callable, default=None
        Steps that spoil a night: see `cross_validate_staging`.
    window : str, default=None
        What is scored, in words: see `cross_validate_staging`.

    Returns
    -------
    StagingResult
        Scores and predictions, all in fold 0.

    Raises
    ------
    ValueError
        If a parameter cannot be used.
    TypeError
        If X is no `EpochArray`.

    See Also
    --------
    cross_validate_staging : Fit and score, by subject.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sleepkit.evaluation import evaluate_staging
    >>> from sleepkit.recording import EpochArray
    >>> X = EpochArray.from_arrays(np.zeros((4, 3)), recording="night", subject="ann")
    >>> dummy = DummyClassifier(strategy="most_frequent").fit(X, [2, 2, 2, 0])
    >>> print(evaluate_staging({"always N2": dummy}, X, [2, 2, 0, 0]))
    stager     given  accuracy  kappa  macro-F1  epochs
    always N2  all       0.500  0.000     0.333       4
    Scored: all rows of X, of 1 night of 1 person.
    """
    X, stages = check_inputs(estimators, X, y, owner="evaluate_staging")
    window = name_window(X, window)
    conditions = make_conditions(X, subsets, corruptions)
    protocol = describe_run(estimators, X, stages, conditions, window)
    staged = {n: stage_under(e, X, conditions) for n, e in estimators.items()}
    protocol["seconds"] = [
        {"estimator": name, "stage": {n: found.seconds for n, found in each.items()}}
        for name, each in staged.items()
    ]
    everything = Fold(0, np.empty(0, np.intp), np.arange(len(X)))
    parts = [p for n, each in staged.items() for p in parts_of(n, everything, each)]
    return StagingResult(parts, rows_of(X, stages), protocol)
