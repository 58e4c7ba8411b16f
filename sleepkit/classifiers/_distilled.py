"""Distillation: a small student that is trained on what larger stagers say."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted

from sleepkit._messages import of_nights
from sleepkit._typing import Array, BoolArray, FloatArray
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._distillation import Teacher
from sleepkit.classifiers._inputs import (
    check_rows_and_targets,
    check_unlabelled,
    ids_of,
)
from sleepkit.classifiers._medfuse import MedFuseSleepClassifier
from sleepkit.classifiers._member import common_classes, stage_all
from sleepkit.classifiers._pooling import log_of, pool
from sleepkit.exceptions import RecordingError
from sleepkit.utils import (
    DocumentationLinkMixin,
    check_fraction,
    check_positive,
    last_step,
)

_SMALL: Final[dict[str, Any]] = {  # a twentieth of the parameters of the default size
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "dim_feedforward": 128,
    "d_head": 128,
    "dropout": 0.1,
    "lr": 1e-3,
}


class DistilledClassifier(DocumentationLinkMixin, ClassifierMixin, BaseEstimator):
    r"""A small student, trained on the probabilities of larger teachers.

    The student is an ordinary stager that is trained on the stages of the epochs and on
    what one or more teachers say of them. It stages by itself: `student_` is all that
    is needed afterwards, and all that a model file holds.

    Parameters
    ----------
    teacher : estimator or sequence of estimator
        A classifier, or several, whose log-probabilities are averaged. Each may be a
        Pipeline with features of its own. Fitted ones are taken as they are, also by
        clones; others are fitted on the rows of `fit` first. Each takes those of the
        modalities of X that it was fitted on, and counts in the rows that it has a
        signal of.
    student : SleepClassifier or Pipeline, default=None
        The stager that is trained, or a Pipeline that ends with one. None is a
        `MedFuseSleepClassifier` of about a twentieth of the parameters of its default
        size: ``d_model=64, n_heads=4, n_layers=2, dim_feedforward=128, d_head=128,
        dropout=0.1, lr=1e-3``.
    temperature : float, default=2.0
        What log-probabilities of teacher and student are divided by; see
        `sleepkit.nn.distillation_loss`.
    weight : float, default=0.5
        Weight of the teacher from 0 to 1. The student's own loss has the rest, which
        alone trains the unimodal heads of a `MedFuseSleepClassifier`: with 1 they stay
        as they begin, and so do predictions from one modality.

    Attributes
    ----------
    student_ : SleepClassifier or Pipeline
        The fitted student.
    classes_ : ndarray of shape (n_classes,)
        The classes of the teachers.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.distillation_loss : The divergence from the teacher.
    LogPoolClassifier : Several stagers as one, without a training.

    Notes
    -----
    With the teachers' probabilities :math:`q`, the student's :math:`p`, its own loss
    :math:`L` (of `MedFuseSleepClassifier` that of all heads) and both temperatures
    :math:`t`, the loss is

    .. math:: w\, t^2\, \mathrm{KL}(q^{1/t} \,\|\, p^{1/t}) + (1 - w)\, L.

    The teachers stage the rows once, before the training. Where a method trains in
    several stages, those with another loss, such as a contrastive one, stay as they
    are. In a batch, :math:`w` shrinks by the share of rows that no teacher has a signal
    of; without `y` such rows are left out.

    **Leakage.** A teacher that is fitted already may know the subjects that a
    cross-validation holds out; then so does the student. Pass teachers that are not
    fitted, or those of the same fold.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.classifiers import DistilledClassifier, TemporalConvClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> teacher = LogisticRegression().fit(X, y)
    >>> student = TemporalConvClassifier(n_filters=8, max_epochs=8, random_state=0)
    >>> DistilledClassifier(teacher, student).fit(X).score(X, y)  # without stages
    1.0
    """

    student_: Any
    classes_: Array

    # Subjects that a splitter gets are requested, so that one array serves both.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012 - scikit-learn's way

    def __init__(
        self,
        teacher: Any,
        student: Any = None,
        *,
        temperature: float = 2.0,
        weight: float = 0.5,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.weight = weight

    def __sklearn_clone__(self) -> Self:
        """Clone with the same fitted teachers, whose fits a clone would lack."""
        copied: Self = super().__sklearn_clone__()
        if isinstance(self.teacher, (list, tuple)):
            both = zip(self.teacher, copied.teacher, strict=True)
            copied.teacher = type(self.teacher)(_fitted_of(*pair) for pair in both)
        else:
            copied.teacher = _fitted_of(self.teacher, copied.teacher)
        return copied

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Train the student.

        Parameters
        ----------
        X : EpochArray or array-like
            Epochs that teachers and student take.
        y : array-like of shape (n_rows,), default=None
            Class of each row. None takes those that the teachers choose, of epochs that
            nobody scored.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; an `EpochArray` has its own. Teachers of sleepkit that
            are fitted here get them, too.

        Returns
        -------
        DistilledClassifier
            The classifier itself.

        Raises
        ------
        ValueError
            If a parameter or the input cannot be used, teachers differ in their
            classes, lack one of `y`, or are not fitted where `y` is None.
        RecordingError
            If no teacher has a signal of any row.
        SleepkitError
            If the training diverges.
        """
        check_positive("temperature", self.temperature, owner=type(self).__name__)
        check_fraction("weight", self.weight, owner=type(self).__name__, one=True)
        self._check_teachers()
        student = self._new_student()
        X, y = self._check_input(X, y)
        teachers = self._fitted_teachers(X, y, groups)
        classes = common_classes(teachers, owner="The teachers of DistilledClassifier")
        log_proba, staged = _pooled(teachers, X)
        if y is None:
            X, groups, log_proba = _only(staged, X, groups, log_proba)
            y = classes[log_proba.argmax(axis=1)]
        self._check_classes(y, classes)
        teaching = Teacher(log_proba, self.temperature, self.weight)
        _fit_student(student, X, y, groups, classes, teaching)
        self.student_, self.classes_ = student, classes
        return self

    def predict(self, X: Any) -> Array:
        """Predict the most probable class of each epoch, by the student.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows,)
            The most probable class of each row.
        """
        check_is_fitted(self, "student_")
        predicted: Array = self.student_.predict(X)
        return predicted

    def predict_proba(self, X: Any) -> FloatArray:
        """Compute the probability of each class, by the student.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities, in the order of `classes_`.
        """
        check_is_fitted(self, "student_")
        proba: FloatArray = self.student_.predict_proba(X)
        return proba

    @property
    def any_subset(self) -> bool:
        """Whether predictions take any non-empty subset of the modalities."""
        student = getattr(self, "student_", self.student)
        return bool(getattr(last_step(student), "any_subset", True))

    def _check_input(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Check rows and targets; tables stay what they are, with their columns."""
        if y is None:
            checked = check_unlabelled(self, X)
        else:
            checked, y = check_rows_and_targets(self, X, y, fresh=True)
        return X if hasattr(self, "feature_names_in_") else checked, y

    def _new_student(self) -> Any:
        """Untrained student."""
        given = self.student
        student = MedFuseSleepClassifier(**_SMALL) if given is None else clone(given)
        if not isinstance(last_step(student), SleepClassifier):
            msg = (
                "The 'student' parameter of DistilledClassifier must be a stager of "
                "sleepkit with a net, a Pipeline that ends with one, or None. "
                f"Got {given!r} instead."
            )
            raise ValueError(msg)
        return student

    def _teachers(self) -> list[Any]:
        """List the teachers, of which there may be one."""
        several = isinstance(self.teacher, (list, tuple))
        return list(self.teacher) if several else [self.teacher]

    def _check_teachers(self) -> None:
        """Refuse what cannot teach."""
        teachers = self._teachers()
        if not teachers or not all(hasattr(each, "predict_proba") for each in teachers):
            msg = (
                "The 'teacher' parameter of DistilledClassifier must be a classifier "
                "that predicts probabilities, or a list of such. "
                f"Got {self.teacher!r} instead."
            )
            raise ValueError(msg)

    def _fitted_teachers(self, X: Any, y: Any, groups: Any) -> list[Any]:
        """Teachers as they are, or clones that are fitted here."""
        fitted = []
        for teacher in self._teachers():
            if _is_fitted(teacher):
                fitted.append(teacher)
                continue
            if y is None:
                msg = (
                    "DistilledClassifier requires y to be passed, but the target y is "
                    "None; that takes teachers that are fitted, and "
                    f"{type(last_step(teacher)).__name__} is not."
                )
                raise ValueError(msg)
            fitted.append(_fit_teacher(clone(teacher), X, y, groups))
        return fitted

    def _check_classes(self, y: Any, classes: Array) -> None:
        """Refuse a class that no teacher knows."""
        unknown = np.setdiff1d(y, classes)
        if unknown.size:
            msg = (
                f"The teachers of DistilledClassifier know the classes "
                f"{classes.tolist()}; y also has {unknown.tolist()}."
            )
            raise ValueError(msg)

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: arrays that the student takes."""
        tags = super().__sklearn_tags__()
        student = MedFuseSleepClassifier() if self.student is None else self.student
        of_student = get_tags(student).input_tags
        tags.input_tags.allow_nan = of_student.allow_nan
        tags.input_tags.three_d_array = of_student.three_d_array
        return tags


def _is_fitted(teacher: Any) -> bool:
    """Whether a teacher is a fitted estimator."""
    try:
        check_is_fitted(teacher)
    except (NotFittedError, TypeError):  # it may be no estimator
        return False
    return True


def _fitted_of(teacher: Any, copied: Any) -> Any:
    """Give the teacher itself, if it is fitted, and else its clone."""
    return teacher if _is_fitted(teacher) else copied


def _fit_teacher(teacher: Any, X: Any, y: Any, groups: Any) -> Any:
    """Fit a teacher, one of sleepkit with the subjects, for its inner split."""
    if groups is None or not isinstance(last_step(teacher), SleepClassifier):
        return teacher.fit(X, y)
    name = "groups"
    if isinstance(teacher, Pipeline) and not get_config()["enable_metadata_routing"]:
        name = f"{teacher.steps[-1][0]}__groups"
    return teacher.fit(X, y, **{name: groups})


def _pooled(teachers: list[Any], X: Any) -> tuple[FloatArray, BoolArray]:
    """Pooled log-probabilities of each row, NaN where no teacher has a signal."""
    log_proba, known = stage_all(teachers, X)
    staged: BoolArray = np.logical_or.reduce(known)
    if not staged.any():
        msg = (
            "The teachers of DistilledClassifier have no valid signal in any row of X"
            f"{of_nights(ids_of(X))}"
        )
        raise RecordingError(msg)
    pooled = log_of(pool(log_proba, known, np.full(len(teachers), 1 / len(teachers))))
    pooled[~staged] = np.nan
    return pooled, staged


def _only(rows: BoolArray, *arrays: Any) -> list[Any]:
    """Select rows of arrays, tables and nights, where there are any."""
    if rows.all():
        return list(arrays)
    return [None if a is None else _safe_indexing(a, rows) for a in arrays]


def _fit_student(
    student: Any, X: Any, y: Any, groups: Any, classes: Array, teacher: Teacher
) -> None:
    """Fit the steps of a student, the last one on the stages and the teacher."""
    if isinstance(student, Pipeline) and len(student) > 1:
        before = student[:-1]
        X = before.fit_transform(X, y)
        student.steps = [*before.steps, student.steps[-1]]  # a memory fits clones
    last = last_step(student)
    last._fit(X, y, groups, classes, fresh=True, teacher=teacher)
