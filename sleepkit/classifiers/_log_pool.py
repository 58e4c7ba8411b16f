"""Pool of several stagers by their weighted log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from warnings import warn

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils.metaestimators import _BaseComposition, available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sleepkit._messages import of_nights
from sleepkit._typing import Array, FloatArray
from sleepkit.classifiers._inputs import (
    check_rows,
    check_rows_and_targets,
    encode_classes,
    ids_of,
)
from sleepkit.classifiers._member import common_classes, stage_all, train_further
from sleepkit.classifiers._pooling import fit_pool_weights, pool
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.recording import EpochArray
from sleepkit.utils import DocumentationLinkMixin, last_step


def _trains_further(self: Any) -> bool:
    """Whether all members can continue their training."""
    return all(hasattr(last_step(each), "partial_fit") for _, each in self.estimators)


class LogPoolClassifier(DocumentationLinkMixin, ClassifierMixin, _BaseComposition):
    """Logarithmic opinion pool: classifiers combined by weighted log-probabilities.

    The probabilities of an epoch are in proportion to ``exp(sum_i w_i log p_i)``, with
    the probabilities ``p_i`` of the members and their weights ``w_i``. Members may be
    whole Pipelines, with features and modalities of their own. Weights that sum to more
    than 1 make the pool more confident than its members, weights that sum to less make
    it less confident, so `fit_weights` calibrates it as well.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members, each with its name. Their parameters can be set as in
        ``set_params(name__parameter=value)``.
    weights : sequence of float, default=None
        Weight of each member, 0 or more. None gives all the same, which sum to 1.
    prefit : bool, default=False
        Whether the members are fitted already; `fit` takes them as they are. A clone
        has members without their fits, as clones have.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, the same for all members.
    estimators_ : list of estimator
        The fitted members.
    named_estimators_ : sklearn.utils.Bunch
        The fitted members by name.
    weights_ : ndarray of shape (n_members,)
        The weights that predictions use.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sklearn.ensemble.VotingClassifier : Means of probabilities, for plain arrays.
    sleepkit.metrics.expected_calibration_error : Whether confidence is accuracy.

    Notes
    -----
    A member is passed those modalities of an `EpochArray` that it was fitted on. It
    takes no part in epochs for which it has no signal; there, the other members take
    over its weight in proportion to theirs, so that the sum of weights stays.
    Epochs without a signal for any member get the pooled shares of the classes in
    training. Probabilities below 1e-7 count as 1e-7.

    References
    ----------
    .. [1] Genest, C. and Zidek, J. V. (1986). Combining probability distributions: a
       critique and an annotated bibliography. Statistical Science, 1(1), 114-135.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sleepkit.classifiers import LogPoolClassifier
    >>> y = np.arange(90) % 3
    >>> X = np.random.default_rng(0).normal(size=(90, 2)) + y[:, np.newaxis]
    >>> members = [("linear", LogisticRegression()), ("bayes", GaussianNB())]
    >>> stager = LogPoolClassifier(members).fit(X[:60], y[:60])
    >>> stager.weights_
    array([0.5, 0.5])
    >>> stager.fit_weights(X[60:], y[60:]).weights_.shape
    (2,)
    """

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]],
        weights: Sequence[float] | None = None,
        *,
        prefit: bool = False,
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.prefit = prefit

    # ---------------------------------------------------------------------- members

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, and those of the members.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the members, and their parameters, by name.

        Returns
        -------
        dict of str to object
            The parameters.
        """
        params: dict[str, Any] = self._get_params("estimators", deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, members by name, or parameters of members.

        Parameters
        ----------
        **params : object
            Values by name, such as ``weights=[1, 1]`` or ``eeg__max_epochs=5``.

        Returns
        -------
        object
            The pool itself.
        """
        self._set_params("estimators", **params)
        return self

    @property
    def named_estimators_(self) -> Bunch:
        """The fitted members by name."""
        names = [name for name, _ in self.estimators]
        return Bunch(**dict(zip(names, self.estimators_, strict=True)))

    @property
    def any_subset(self) -> bool:
        """Whether predictions take any non-empty subset of the modalities."""
        return any(
            getattr(last_step(e), "any_subset", True) for _, e in self.estimators
        )

    @property
    def modalities_(self) -> list[str]:
        """Modalities that any member takes, where all members are sleepkit's."""
        layouts = [last_step(member).layout_ for member in self.estimators_]
        return list(dict.fromkeys(name for layout in layouts for name in layout))

    # --------------------------------------------------------------------- training

    def fit(self, X: Any, y: Any) -> Self:
        """Fit a clone of each member, unless they are fitted.

        Parameters
        ----------
        X : EpochArray or array-like
            The epochs.
        y : array-like of shape (n_rows,)
            Class of each row.

        Returns
        -------
        object
            The pool itself.

        Raises
        ------
        ValueError
            If there is no member, a name occurs twice, a weight is not 0 or more, or
            fitted members differ in their classes.
        """
        weights = self._check_params()
        X, y = check_rows_and_targets(self, X, y, fresh=True)
        check_classification_targets(y)
        members = [each for _, each in self.estimators]
        if self.prefit:
            self.classes_ = common_classes(members)
        else:
            members = [clone(each).fit(X, y) for each in members]
            self.classes_ = common_classes(members)
        self.estimators_, self.weights_ = members, weights
        return self

    def fit_weights(self, X: Any, y: Any) -> Self:
        """Fit the weights by cross-entropy, on epochs of held-out subjects.

        Parameters
        ----------
        X : EpochArray or array-like
            Epochs that no member was trained on. Those that a member has no signal of
            are left out, and so are masked rows of an `EpochArray`.
        y : array-like of shape (n_rows,)
            Class of each row.

        Returns
        -------
        object
            The pool itself.

        Raises
        ------
        ValueError
            If no epoch has a signal for all members.
        """
        check_is_fitted(self, "estimators_")
        X, y = check_rows_and_targets(self, X, y, fresh=False)
        codes = encode_classes(y, self.classes_, owner=type(self).__name__)
        log_proba, known = stage_all(self.estimators_, X)
        rows = known.all(axis=0)
        if isinstance(X, EpochArray):
            rows &= X.train_mask
        if not rows.any():
            msg = "fit_weights needs epochs with a signal for all members; X has none."
            raise ValueError(msg)
        self.weights_ = fit_pool_weights(log_proba[:, rows], codes[rows])
        return self

    @available_if(_trains_further)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        replay: tuple[Any, Any] | None = None,
    ) -> Self:
        """Continue the training of each member; weights and transformers stay.

        Parameters
        ----------
        X : EpochArray or array-like
            The epochs.
        y : array-like of shape (n_rows,)
            Class of each row.
        classes : array-like of shape (n_classes,), default=None
            Ignored: the classes are those of `fit`.
        replay : tuple of (X, y), default=None
            Earlier epochs, mixed into each training pass; see
            `SleepClassifier.partial_fit`.

        Returns
        -------
        object
            The pool itself.
        """
        check_is_fitted(self, "estimators_")
        X, y = check_rows_and_targets(self, X, y, fresh=False)
        nets = [last_step(member) for member in self.estimators_]
        before = [dict(vars(net)) for net in nets]
        try:
            for member in self.estimators_:
                train_further(member, X, y, replay)
        except BaseException:  # no member is trained further than the others
            for net, state in zip(nets, before, strict=True):
                net.__dict__ = state
            raise
        return self

    # ------------------------------------------------------------------- prediction

    def predict(self, X: Any) -> Array:
        """Predict the most probable class of each epoch.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows,)
            The most probable class of each row.
        """
        proba = self.predict_proba(X)
        predicted: Array = self.classes_[proba.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> FloatArray:
        """Compute the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not. Modalities that no member was
            fitted on are left out.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities.

        Raises
        ------
        RecordingError
            If no epoch has a signal for any member.
        """
        check_is_fitted(self, "estimators_")
        log_proba, known = stage_all(self.estimators_, check_rows(self, X))
        n_unknown = int((~known.any(axis=0)).sum())
        if n_unknown == known.shape[1]:
            msg = (
                f"{type(self).__name__} cannot stage X: no epoch has a valid signal in "
                f"a modality of its members{of_nights(ids_of(X))}"
            )
            raise RecordingError(msg)
        if n_unknown:
            warn(
                f"{n_unknown} of {known.shape[1]} epochs have no valid signal in any "
                "modality; they get the shares of the classes in training.",
                SleepkitWarning,
                stacklevel=2,
            )
        return pool(log_proba, known, self.weights_)

    def _check_params(self) -> FloatArray:
        """Refuse members and weights that cannot be used; return the weights."""
        if not self.estimators:
            msg = "LogPoolClassifier needs at least one pair (name, estimator)."
            raise ValueError(msg)
        self._validate_names([name for name, _ in self.estimators])
        n_members = len(self.estimators)
        given = np.full(n_members, 1 / n_members)
        if self.weights is not None:
            given = np.array(self.weights, np.float64)
        finite = given.shape == (n_members,) and np.isfinite(given).all()
        if not finite or given.min() < 0 or given.max() == 0:
            msg = (
                f"The 'weights' parameter of LogPoolClassifier must be {n_members} "
                "numbers of 0 or more, one a member and not all 0. "
                f"Got {self.weights!r} instead."
            )
            raise ValueError(msg)
        return given

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: arrays that all members take."""
        tags = super().__sklearn_tags__()
        members = [get_tags(each).input_tags for _, each in self.estimators]
        tags.input_tags.allow_nan = all(each.allow_nan for each in members)
        tags.input_tags.three_d_array = all(each.three_d_array for each in members)
        return tags
