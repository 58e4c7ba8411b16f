"""Group splitters of scikit-learn with the subjects of X as default groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedGroupKFold,
)
from sklearn.utils.validation import column_or_1d

from sleepkit._typing import Array, IntArray


class _BySubject:
    """Mixin for a group splitter: ``groups`` defaults to the subjects."""

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Split rows into training and test, without a shared subject.

        Parameters
        ----------
        X : EpochArray or array-like of shape (n_rows, ...)
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their stages; only a stratified split needs them.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; None takes ``X.subject``.

        Returns
        -------
        iterator of (ndarray of int, ndarray of int)
            Training and test rows of each split.

        Raises
        ------
        ValueError
            If the subjects are unknown, or fewer than the folds.
        """
        subjects = self._subjects(X, groups)
        splits: Iterator[tuple[IntArray, IntArray]]
        splits = super().split(X, y, subjects)  # type: ignore[misc]
        return splits

    def _subjects(self, X: Any, groups: Any) -> Array:
        """Return the subject of each row."""
        found = getattr(X, "subject", None) if groups is None else groups
        if found is None:
            msg = (
                f"{type(self).__name__} needs the subject of each row: an EpochArray, "
                f"which has them, or groups=; got {type(X).__name__} alone."
            )
            raise ValueError(msg)
        subjects: Array = column_or_1d(found)
        return subjects


class _FoldsBySubject(_BySubject):
    """Mixin for K folds, which need at least K subjects."""

    n_splits: int

    def _subjects(self, X: Any, groups: Any) -> Array:
        """Return the subject of each row; require enough subjects."""
        subjects = super()._subjects(X, groups)
        n_subjects = len(np.unique(subjects))
        if n_subjects < self.n_splits:
            msg = (
                f"{type(self).__name__} needs a subject for each of its "
                f"{self.n_splits} folds; got {n_subjects}."
            )
            raise ValueError(msg)
        return subjects


class SubjectKFold(_FoldsBySubject, GroupKFold):
    """K folds by subject, each with about the same number of rows.

    This is scikit-learn's ``GroupKFold``, whose ``groups`` default to the subjects that
    an `EpochArray` carries. So it prevents leakage also where no groups are passed on:
    in a search inside a cross-validation, in ``CalibratedClassifierCV`` or in
    ``StackingClassifier``.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to assign subjects at random; folds then have about the same number of
        subjects, not of rows.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed for ``shuffle``.

    See Also
    --------
    StratifiedSubjectKFold : Folds with similar shares of stages too.
    SubjectShuffleSplit : Random subjects in each test set.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.model_selection import SubjectKFold
    >>> X, y, _ = make_polysomnography(4, hours=0.1, random_state=0)
    >>> for train, test in SubjectKFold(2).split(X):
    ...     print(set(X.subject[train]) & set(X.subject[test]), len(test))
    set() 24
    set() 24
    """


class StratifiedSubjectKFold(_FoldsBySubject, StratifiedGroupKFold):
    """K folds by subject, with about the same shares of stages.

    This is scikit-learn's ``StratifiedGroupKFold``, whose ``groups`` default to the
    subjects that an `EpochArray` carries.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to break ties between subjects at random.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed for ``shuffle``.

    See Also
    --------
    SubjectKFold : Folds with about the same number of rows.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.model_selection import StratifiedSubjectKFold
    >>> X, y, _ = make_polysomnography(4, hours=0.5, random_state=0)
    >>> for train, test in StratifiedSubjectKFold(2).split(X, y):
    ...     print(set(X.subject[train]) & set(X.subject[test]))
    set()
    set()
    """


class SubjectShuffleSplit(_BySubject, GroupShuffleSplit):
    """Random splits by subject, independent of each other.

    This is scikit-learn's ``GroupShuffleSplit``, whose ``groups`` default to the
    subjects that an `EpochArray` carries.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits.
    test_size : float or int, default=None
        Fraction (rounded up) or number of subjects in the test set; None takes those
        that ``train_size`` leaves, or a fifth.
    train_size : float or int, default=None
        Fraction or number of subjects for training; None takes those that ``test_size``
        leaves.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of the draws.

    See Also
    --------
    SubjectKFold : Folds that test every subject once.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.model_selection import SubjectShuffleSplit
    >>> X, y, _ = make_polysomnography(5, hours=0.1, random_state=0)
    >>> train, test = next(SubjectShuffleSplit(1, random_state=0).split(X))
    >>> len(set(X.subject[train])), len(set(X.subject[test]))
    (4, 1)
    """
