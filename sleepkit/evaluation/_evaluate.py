"""Evaluation of fitted estimators on held-out subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sleepkit.evaluation._conditions import Corruptions, Subsets, make_conditions
from sleepkit.evaluation._describe import describe_rows, describe_run
from sleepkit.evaluation._fold import Data, Fold, predict_fold
from sleepkit.evaluation._inputs import check_inputs, name_window
from sleepkit.evaluation._result import StagingResult
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
    """Score fitted estimators on subjects that they were not trained on.

    A fitted estimator does not store its training subjects, so the caller must make
    sure that none of them is tested. `cross_validate_staging` checks that itself.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Fitted classifiers or Pipelines, by their names in the result.
    X : EpochArray
        The rows to predict and score.
    y : array-like of int of shape (n_rows,)
        Their stages, 0 to 4.
    subsets : {"drop_one", "every"} or iterable of sequence of str, default=None
        Modalities to keep: see `cross_validate_staging`.
    corruptions : mapping of str to callable, default=None
        Steps that corrupt a night: see `cross_validate_staging`.
    window : str, default=None
        Description of the scored epochs: see `cross_validate_staging`.

    Returns
    -------
    StagingResult
        Predictions, scores and the protocol of the run; all rows are in fold 0.

    Raises
    ------
    ValueError
        If a parameter has an invalid value.
    TypeError
        If X is no `EpochArray`.

    See Also
    --------
    cross_validate_staging : Fit and score on folds by subject.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sleepkit.evaluation import evaluate_staging
    >>> from sleepkit.recording import EpochArray
    >>> X = EpochArray.from_arrays(np.zeros((4, 3)), recording="night", subject="ann")
    >>> dummy = DummyClassifier(strategy="most_frequent").fit(X, [2, 2, 2, 0])
    >>> print(evaluate_staging({"always N2": dummy}, X, [2, 2, 0, 0]))
    stager     condition  accuracy  kappa  macro-F1  epochs
    always N2  all           0.500  0.000     0.333       4
    Scored: all rows of X, of 1 night of 1 subject.
    """
    X, stages = check_inputs(estimators, X, y, owner="evaluate_staging")
    window = name_window(X, window)
    conditions = make_conditions(X, subsets, corruptions)
    protocol = describe_run(estimators, X, stages, conditions, window)
    data = Data(X, stages, conditions)
    fold = Fold(0, train=np.empty(0, np.intp), test=np.arange(len(X)))
    predictions = [predict_fold(n, e, fold, data) for n, e in estimators.items()]
    protocol["seconds"] = [
        {"estimator": found.estimator, **found.seconds} for found in predictions
    ]
    return StagingResult(predictions, describe_rows(X, stages), protocol)
