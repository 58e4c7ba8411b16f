"""Any scikit-learn estimator, fitted on the training rows."""

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

from sleepkit._messages import of_nights
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, as_epoch_array, is_epoch_like
from sleepkit.utils import DocumentationLinkMixin, check_no_unscored

_METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score",
)


def _delegated(name: str) -> Callable[[Any], bool]:
    """Return a check that the wrapped estimator has a method."""

    def check(self: Any) -> bool:
        """Raise the estimator's own AttributeError where it lacks the method."""
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class FitOnSelected(DocumentationLinkMixin, MetaEstimatorMixin, BaseEstimator):
    """Meta-estimator that fits on the training rows and predicts all rows.

    sleepkit's classifiers take an `EpochArray` and respect its training mask (see
    `EdgeTrimmer`). Other estimators need plain arrays: `fit` drops the masked rows of
    `X`, `y` and all metadata together, every other method passes all rows. So this is
    the last step of a ``Pipeline``, for instance behind `BandPower`. Plain arrays have
    no mask and pass unchanged.

    Parameters
    ----------
    estimator : estimator
        The estimator to fit. It is cloned.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        The classes, if the estimator has them.
    n_features_in_ : int
        Number of features, if the estimator has it.

    See Also
    --------
    EdgeTrimmer : Masks the surplus wake of training nights.

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
        """Fit a clone of the estimator on the training rows.

        Parameters
        ----------
        X : EpochArray or array-like
            The rows.
        y : array-like of shape (n_rows,), default=None
            Their targets; stages of an `EpochArray` never hold -1.
        **params : object
            Metadata for the estimator's ``fit``, such as ``groups``. Metadata with one
            entry a row are restricted to the same rows.

        Returns
        -------
        object
            The fitted meta-estimator.

        Raises
        ------
        RecordingError
            If all rows are masked, or have no valid signal.
        ValueError
            If a stage is -1.
        """
        params = self._routed("fit", params)
        if is_epoch_like(X):
            X = as_epoch_array(X)
            check_no_unscored("y", y, owner="FitOnSelected")
            n_rows, rows = len(X), np.flatnonzero(X.train_mask)
            if not rows.size:
                msg = f"FitOnSelected needs rows to fit on; all {n_rows} are masked."
                raise RecordingError(msg)
            check_consistent_length(X, y)
            X, y = _features(X[rows]), _take(y, rows, n_rows)
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
            The predictions of the estimator.
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
        """Compute the decision function of all rows.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The rows.
        **params : object
            Metadata for the estimator.

        Returns
        -------
        ndarray
            The decision function of the estimator.
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
            The output of the estimator.
        """
        return self._delegate("transform", X, **params)

    @available_if(_delegated("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit on the training rows, then transform all rows.

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
            The output of the estimator.
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
            The score of the estimator.
        """
        return self._delegate("score", X, y, **params)

    @property
    def classes_(self) -> Any:
        """The classes seen in `fit`."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in `fit`."""
        n_features: int = self.estimator_.n_features_in_
        return n_features

    def get_metadata_routing(self) -> MetadataRouter:
        """Metadata routing: each method passes metadata to that of the estimator.

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
        """Metadata requested by the estimator; all of them with routing off."""
        if not params or not get_config()["enable_metadata_routing"]:
            return params
        routed = process_routing(self, method, **params)
        return dict(routed.estimator[method])

    def __sklearn_tags__(self) -> Tags:
        """Tags of the estimator, on numpy arrays."""
        tags: Tags = deepcopy(get_tags(self.estimator))
        tags.array_api_support = False
        return tags


def _features(X: EpochArray) -> FloatArray:
    """Values to fit on; columns of nothing but NaN, on which some fail, are 0."""
    values = np.asarray(X)
    if np.isnan(values).all():
        nights = of_nights([night.id for night in X.recordings])
        msg = f"FitOnSelected needs rows to fit on; none has a valid signal{nights}"
        raise RecordingError(msg)
    if values.ndim == 2:
        values[:, np.isnan(values).all(axis=0)] = 0
    return values


def _take(values: Any, rows: IntArray, n_rows: int) -> Any:
    """Select rows of values with one entry a row; return other values unchanged."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        return values
    if len(values) != n_rows:
        return values
    return values[rows] if isinstance(values, EpochArray) else np.asarray(values)[rows]
