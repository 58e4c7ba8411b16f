"""What all stagers offer: fit, go on fitting, and stage."""

from __future__ import annotations

from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sleepkit._typing import Array, BoolArray, FloatArray
from sleepkit.classifiers._inputs import check_layout, check_rows
from sleepkit.classifiers._trainer import Trainer
from sleepkit.exceptions import SleepkitWarning
from sleepkit.training import ReadOut, find_device, stage, threads


class SleepClassifier(ClassifierMixin, Trainer):
    """A classifier of epochs that trains a torch module through skorch.

    Subclasses spell out their parameters, say how their module and loss are made, and
    how the output of the module is read.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes that were seen.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows: what is predicted for an epoch without any
        valid signal.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : StagingNet
        The skorch net, on the CPU, with the history of the last training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    Examples
    --------
    >>> from sleepkit.classifiers import MedFuseSleepClassifier, SleepClassifier
    >>> isinstance(MedFuseSleepClassifier(), SleepClassifier)
    True
    """

    # Subjects that a splitter gets are asked for, so that one array serves both.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}
    __metadata_request__partial_fit: ClassVar[dict[str, bool]] = {"groups": True}

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn to stage.

        Parameters
        ----------
        X : EpochArray or array-like
            Nights, or epochs that stand alone: see the parameter `modalities`.
        y : array-like of shape (n_rows,)
            Class of each row. Rows outside of an `EpochArray`'s training mask are not
            learnt, and an epoch that is in several rows is learnt once.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; an `EpochArray` knows its own.

        Returns
        -------
        object
            The classifier itself.

        Raises
        ------
        ValueError
            If a parameter or the input cannot be used.
        SleepkitError
            If the training diverges.

        Notes
        -----
        A fit that fails, or is interrupted, leaves the classifier without a net; one
        that went on from another fit, by `warm_start` or `partial_fit`, leaves that.
        """
        fresh = not (self.warm_start and hasattr(self, "net_"))
        return self._fit(X, y, groups, None, fresh=fresh)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, groups: Any = None
    ) -> Self:
        """Go on learning, for `max_epochs` passes at most, from new nights for example.

        Parameters
        ----------
        X : EpochArray or array-like
            As for `fit`; an `EpochArray` may lack some of the modalities.
        y : array-like of shape (n_rows,)
            Class of each row.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; read at the first call only, where None means
            those of ``y``.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row.

        Returns
        -------
        object
            The classifier itself.

        Raises
        ------
        ValueError
            If the input cannot be used, or has a class that was not named.
        SleepkitError
            If the training diverges.
        """
        return self._fit(X, y, groups, classes, fresh=not hasattr(self, "net_"))

    def predict(self, X: Any) -> Array:
        """Stage each epoch.

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
        """Give the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities.

        Raises
        ------
        ValueError
            If a parameter cannot be used, a modality is new or of another shape, no
            epoch has any signal, or values are beyond what the net can compute with.
        """
        check_is_fitted(self, "net_")
        log_proba, empty = self._run(X, self._read_out, len(self.classes_))
        proba: FloatArray = softmax(log_proba, axis=1)
        if empty.any():
            self._tell_empty(empty, "the shares of the classes in training")
            proba[empty] = self.class_prior_
        return proba

    def _run(
        self, X: Any, read_out: ReadOut, n_columns: int
    ) -> tuple[FloatArray, BoolArray]:
        """Run the net; return what is read of each row, and which have no signal."""
        self._check_params()
        checked = check_rows(self, X)
        with self._open(checked) as epochs, threads(self.n_threads):
            check_layout(epochs.layout, self.layout_, owner=self._name)
            length, stride = self._sequences(epochs)
            values = stage(
                self.module_,
                read_out,
                epochs,
                n_classes=n_columns,
                batch_size=self.batch_size,
                length=length,
                stride=stride,
                device=find_device(self.device),
                precision=self.precision,
            )
            empty: BoolArray = ~epochs.usable[epochs.numbers]
        if np.isnan(values[~empty]).any():
            msg = f"{self._name} cannot stage X: its values are too large."
            raise ValueError(msg)
        return values, empty

    def _tell_empty(self, empty: BoolArray, instead: str) -> None:
        """Say that epochs hold nothing, and refuse if all do."""
        n_empty, n_rows = int(empty.sum()), len(empty)
        if n_empty == n_rows:
            msg = f"{self._name} cannot stage X: no epoch has a valid signal."
            raise ValueError(msg)
        warn(
            f"{n_empty} of {n_rows} epochs have no valid signal in any modality; they "
            f"get {instead}.",
            SleepkitWarning,
            stacklevel=3,
        )

    @property
    def module_(self) -> nn.Module:
        """The trained torch module."""
        module: nn.Module = self.net_.module_
        return module

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn what plain arrays may hold."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags
