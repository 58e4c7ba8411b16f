"""Estimators on the same folds, scored with what is there and with what is left."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from sklearn.base import clone

from sleepkit.evaluation._conditions import Corruptions, Subsets, make_conditions
from sleepkit.evaluation._describe import describe_run
from sleepkit.evaluation._fold import Data
from sleepkit.evaluation._inputs import check_inputs
from sleepkit.evaluation._kept import KeptFolds
from sleepkit.evaluation._parts import parts_of, rows_of
from sleepkit.evaluation._result import StagingResult
from sleepkit.evaluation._splits import describe_fold, split
from sleepkit.evaluation._tasks import make_tasks, run_all
from sleepkit.evaluation._window import name_window
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
    """Score several estimators on the same people, none of whom they were trained on.

    Each estimator is fitted once a fold, and then stages the test nights with all
    modalities, with every subset and under every corruption that is asked for.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Classifiers or Pipelines, by the names they have in the result; they are cloned.
    X : EpochArray
        The rows to learn from and to score.
    y : array-like of int of shape (n_rows,)
        Their stages, 0 to 4.
    groups : array-like of shape (n_rows,), default=None
        What must stay on one side beside subjects and nights: families, for example, or
        hospitals. Given to the splitter in place of the subjects.
    cv : int, splitter or iterable of (train, test), default=5
        The folds; a number is that of `SubjectKFold`.
    subsets : {"drop_one", "every"} or iterable of sequence of str, default=None
        Modalities to stage by, such as ``[["eeg"], ["eog", "emg"]]``; ``"drop_one"``
        leaves out each in turn, ``"every"`` is every smaller subset. Rows that have
        none of them are not scored: the numbers of epochs tell.
    corruptions : mapping of str to callable, default=None
        Steps that spoil a test night, `Recording` to `Recording`, by name: see
        `EpochArray.map`.
    window : str, default=None
        What is scored, in words. None is ``"all scored epochs"`` where X has these; for
        fewer it must be named.
    directory : path-like, default=None
        A folder where each finished fold is kept. The same call goes on from there,
        and a fold with other rows, parameters, code or versions is fitted anew.
    n_jobs : int, default=None
        Fits at the same time, under any backend of joblib.
    random_state : int, default=None
        Seed for each ``random_state`` within the estimators that is None: another one
        for each fold, the same for each estimator.
    verbose : bool, default=False
        Whether to show a progress bar of the fits, in a terminal.

    Returns
    -------
    StagingResult
        Scores and predictions, and how they came about.

    Raises
    ------
    LeakageError
        If a fold has a subject, a night or a group in training and in test; or a
        classifier within an estimator has a ``cv`` that shares subjects or nights; or a
        parameter holds nights of the test, for validation for example.
    ValueError
        If a parameter cannot be used.
    TypeError
        If X is no `EpochArray`.

    See Also
    --------
    StagingResult : What comes out.
    sleepkit.model_selection.SubjectKFold : Folds by subject.

    Notes
    -----
    A night is known by its signals, whatever it is called; before these are loaded, by
    the file that they are read from, so that a copy of a file is another night. An
    estimator is given rows of the training subjects only, and all leaks are looked for
    before the first fit.
    What cannot be seen: whom a pretrained part has learnt from; that scikit-learn's
    early stopping holds out rows, not subjects, of the training set; and data that an
    estimator reads by itself.

    A change in the code of sleepkit is seen, and so is one in the classes and functions
    of your own that estimators and steps are made of, and in what these inherit. What
    functions of your own call is not: after a change there, name another directory.

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
        clone(estimator)  # says so if it is no estimator
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
    kept = KeptFolds(None if directory is None else Path(directory))
    outcomes = dict(run_all(tasks, data, kept, n_jobs, verbose=verbose))
    protocol["seconds"] = [
        {"estimator": task.name, "fold": task.fold.number, **outcomes[i].seconds()}
        for i, task in enumerate(tasks)
    ]
    parts = [
        part
        for i, task in enumerate(tasks)
        for part in parts_of(task.name, task.fold, outcomes[i].staged)
    ]
    return StagingResult(parts, rows_of(X, stages), protocol)
