"""Any scikit-learn estimator, fitted on the rows that are for training."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sleepkit._typing import FloatArray, IntArray
from sleepkit.recording import EpochArray, as_epoch_array, is_epoch_like
from sleepkit.utils import check_no_unscored

_METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score",
)


def _delegated(name: str) -> Callable[[Any], bool]:
    """Make the check that the wrapped estimator has a method."""

    def check(self: Any) -> bool:
        """Raise the estimator's own AttributeError where it lacks the method."""
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class FitOnSelected(MetaEstimatorMixin, BaseEstimator):
    """Fit an estimator on the rows that are for training, and use it on all.

    sleepkit's classifiers take an `EpochArray`, and respect its training mask (see
    `EdgeTrimmer`), by themselves. Any other estimator gets plain arrays: for its
    ``fit`` the masked rows of `X`, `y` and all metadata are dropped together, every
    other method gets all rows. So this goes last in a ``Pipeline``, behind `BandPower`
    for instance. Plain arrays have no mask, and pass as they are.

    Parameters
    ----------
    estimator : estimator
        What to fit. It is cloned.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        The classes, where the estimator has them.
    n_features_in_ : int
        Number of features, where the estimator knows it.

    See Also
    --------
    EdgeTrimmer : Mask the surplus wake of training nights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.preprocessing import FitOnSelected
    >>> from sleepkit.recording import EpochArray
    >>> y = np.array([0, 0, 2, 2])
    >>> X = EpochArray.from_arrays([[9.0], [1.0], [2.0], [3.0]])
    >>> X = X.with_train_mask(np.array([False, True, True, True]))
    >>> FitOnSelected(LogisticRegression(C=100)).fit(X, y).predict(X)
    array([2, 0, 2, 2])
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit a clone of the estimator on the rows that are for training.

        Parameters
        ----------
        X : EpochArray or array-like
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their targets; stages of an `EpochArray` never hold -1.
        **params : object
            Metadata for the estimator's ``fit``, such as ``groups``. What has one entry
            a row is cut down to the same rows.

        Returns
        -------
        object
            The meta-estimator itself.

        Raises
        ------
        ValueError
            If no row is for training, or a stage is -1.
        """
        params = self._routed("fit", params)
        if is_epoch_like(X):
            X = as_epoch_array(X)
            check_no_unscored("y", y, owner="FitOnSelected")
            n_rows, rows = len(X), np.flatnonzero(X.train_mask)
            if not rows.size:
                msg = f"FitOnSelected needs rows to fit on; all {n_rows} are masked."
                raise ValueError(msg)
            check_consistent_length(X, y)
            X, y = _fill_empty_columns(np.asarray(X[rows])), _take(y, rows, n_rows)
            params = {name: _take(v, rows, n_rows) for name, v in params.items()}
        self.estimator_ = clone(self.estimator).fit(X, y, **params)
        return self

    @available_if(_delegated("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Predict all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        ndarray of shape (n_rows,)
            What the estimator predicts.
        """
        return self._delegate("predict", X, **params)

    @available_if(_delegated("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Predict the probabilities of all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities.
        """
        return self._delegate("predict_proba", X, **params)

    @available_if(_delegated("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> Any:
        """Give the decision values of all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        ndarray
            What the estimator's ``decision_function`` returns.
        """
        return self._delegate("decision_function", X, **params)

    @available_if(_delegated("transform"))
    def transform(self, X: Any, **params: Any) -> Any:
        """Transform all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        array-like
            What the estimator's ``transform`` returns.
        """
        return self._delegate("transform", X, **params)

    @available_if(_delegated("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit on the rows that are for training, then transform all of them.

        Parameters
        ----------
        X : EpochArray or array-like
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their targets.
        **params : object
            Metadata for the estimator's ``fit``.

        Returns
        -------
        array-like
            What the estimator's ``transform`` returns.
        """
        return self.fit(X, y, **params).transform(X)

    @available_if(_delegated("score"))
    def score(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Score the estimator on all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their targets.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        float
            What the estimator's ``score`` returns.
        """
        return self._delegate("score", X, y, **params)

    @property
    def classes_(self) -> Any:
        """The classes that the estimator saw."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of features that the estimator saw."""
        n_features: int = self.estimator_.n_features_in_
        return n_features

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn where metadata go: to the same method of the estimator.

        Returns
        -------
        MetadataRouter
            The routing.
        """
        mapping = MethodMapping().add(caller="fit_transform", callee="fit")
        for method in ("fit", *_METHODS):
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def _delegate(self, method: str, X: Any, *args: Any, **params: Any) -> Any:
        """Call a method of the fitted estimator with all rows."""
        check_is_fitted(self)
        rows = np.asarray(as_epoch_array(X)) if is_epoch_like(X) else X
        routed = self._routed(method, params)
        return getattr(self.estimator_, method)(rows, *args, **routed)

    def _routed(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Choose the metadata that the estimator asked for, all with routing off."""
        if not params or not get_config()["enable_metadata_routing"]:
            return params
        routed = process_routing(self, method, **params)
        return dict(routed.estimator[method])

    def __sklearn_tags__(self) -> Tags:
        """Be what the estimator is, on numpy arrays."""
        tags: Tags = deepcopy(get_tags(self.estimator))
        tags.array_api_support = False
        return tags


def _fill_empty_columns(X: FloatArray) -> FloatArray:
    """Make features that no row knows constant: some estimators fail on NaN alone."""
    if X.ndim == 2:
        X[:, np.isnan(X).all(axis=0)] = 0
    return X


def _take(values: Any, rows: IntArray, n_rows: int) -> Any:
    """Take the rows of what has one entry a row; return anything else as it is."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        return values
    if len(values) != n_rows:
        return values
    return values[rows] if isinstance(values, EpochArray) else np.asarray(values)[rows]
