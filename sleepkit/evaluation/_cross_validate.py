"""Cross-validation of several estimators on the same folds, without leakage."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from sklearn.base import clone

from sleepkit.evaluation._conditions import Corruptions, Subsets, make_conditions
from sleepkit.evaluation._describe import describe_rows, describe_run
from sleepkit.evaluation._fold import Data
from sleepkit.evaluation._fold_cache import FoldCache
from sleepkit.evaluation._inputs import check_inputs, name_window
from sleepkit.evaluation._result import StagingResult
from sleepkit.evaluation._run import make_tasks, run_tasks
from sleepkit.evaluation._splits import describe_fold, split
from sleepkit.recording import EpochArray
from sleepkit.utils import check_count

_OWNER = "cross_validate_staging"


def cross_validate_staging(
    estimators: Mapping[str, Any],
    X: EpochArray,
    y: Any,
    groups: Any = None,
    *,
    cv: Any = 5,
    subsets: Subsets = None,
    corruptions: Corruptions = None,
    window: str | None = None,
    directory: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    random_state: int | None = None,
    verbose: bool = False,
) -> StagingResult:
    """Cross-validate several estimators on the same held-out subjects.

    Each estimator is fitted once on each fold. It then predicts the test nights with
    all modalities, with each subset of them and under each corruption.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Classifiers or Pipelines, by their names in the result; they are cloned.
    X : EpochArray
        The rows for training and test.
    y : array-like of int of shape (n_rows,)
        Their stages, 0 to 4.
    groups : array-like of shape (n_rows,), default=None
        What must not be split, besides subjects and nights: families, for example, or
        hospitals. The splitter gets these groups instead of the subjects.
    cv : int, splitter or iterable of (train, test), default=5
        The folds; an int is the number of folds of `SubjectKFold`.
    subsets : {"drop_one", "every"} or iterable of sequence of str, default=None
        Modalities to keep in the test, such as ``[["eeg"], ["eog", "emg"]]``;
        ``"drop_one"`` leaves out each in turn, ``"every"`` is every smaller subset.
        Rows that have none of them are not scored, and not counted in ``n_epochs``.
    corruptions : mapping of str to callable, default=None
        Steps that corrupt a test night, `Recording` to `Recording`, by name: see
        `EpochArray.map`.
    window : str, default=None
        Description of the scored epochs. None is ``"all scored epochs"`` where X has
        them all; it is required where X lacks some.
    directory : path-like, default=None
        Folder for the predictions of finished folds. The same call resumes from there;
        a fold with other rows, parameters, code or versions is fitted again.
    n_jobs : int, default=None
        Number of parallel fits, under any backend of joblib.
    random_state : int, default=None
        Seed for each ``random_state`` within the estimators that is None. It differs
        between folds, not between estimators.
    verbose : bool, default=False
        Whether to show a progress bar of the fits.

    Returns
    -------
    StagingResult
        Predictions, scores and the protocol of the run.

    Raises
    ------
    LeakageError
        If a fold has a subject, a night or a group in training and in test; if a
        classifier within an estimator has a ``cv`` that shares subjects or nights; or
        if a parameter holds test nights, for example for validation.
    ValueError
        If a parameter has an invalid value.
    TypeError
        If X is no `EpochArray`.

    See Also
    --------
    evaluate_staging : Score estimators that are fitted already.
    StagingResult : Tables, intervals and comparisons of the result.
    sleepkit.model_selection.SubjectKFold : Folds by subject.

    Notes
    -----
    A night is identified by its signals, not by its id; before the signals are loaded,
    by the file that they are read from, so that a copy of a file is another night. All
    checks for leakage are done before the first fit. They cannot detect on which
    subjects a pretrained part was trained; that scikit-learn's early stopping holds out
    rows, not subjects, of the training set; and data that an estimator reads by itself.

    The key of a cached fold covers the code of sleepkit, and the classes and functions
    of your own that estimators and steps consist of, with the classes they inherit
    from. It does not cover what your functions call: after a change there, use another
    directory.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import cross_validate_staging
    >>> from sleepkit.preprocessing import BandPower
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y, _ = make_polysomnography(4, hours=0.5, random_state=0)
    >>> tree = make_pipeline(BandPower(), DecisionTreeClassifier(max_depth=3))
    >>> result = cross_validate_staging(
    ...     {"tree": tree}, X, y, cv=2, subsets=[["eeg"]], random_state=0)
    >>> table = result.scores()
    >>> table["condition"], table["n_epochs"]
    (['all', 'eeg'], [240, 240])
    >>> table["kappa"][0] > 0.3
    True
    """
    X, stages = check_inputs(estimators, X, y, owner=_OWNER)
    for estimator in estimators.values():
        clone(estimator)  # fail early on what is no estimator
    if random_state is not None:
        random_state = check_count(
            "random_state", random_state, owner=_OWNER, minimum=0
        )
    window = name_window(X, window)
    folds = list(split(cv, X, stages, groups))
    conditions = make_conditions(X, subsets, corruptions)
    protocol = {
        **describe_run(estimators, X, stages, conditions, window),
        "random_state": random_state,
        "splits": [describe_fold(fold, X) for fold in folds],
    }
    data = Data(X, stages, conditions)
    tasks = make_tasks(estimators, folds, data, protocol)
    cache = FoldCache(None if directory is None else Path(directory))
    predictions = run_tasks(tasks, data, cache, n_jobs, verbose=verbose)
    protocol["seconds"] = [
        {"estimator": found.estimator, "fold": found.fold, **found.seconds}
        for found in predictions
    ]
    return StagingResult(predictions, describe_rows(X, stages), protocol)
