"""Agreement of two stagings: all epochs pooled, or by subject or night."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sleepkit._stages import N_STAGES, STAGES
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.metrics._inputs import check_stagings, count_pairs, number_groups

METRICS: Final = ("accuracy", "kappa", "f1_macro", *(f"f1_{name}" for name in STAGES))


def staging_scores(y_true: Any, y_pred: Any) -> dict[str, float]:
    """Score a staging, all epochs pooled.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4. Unscored epochs are left out beforehand.
    y_pred : array-like of int, shape (n_epochs,)
        The predicted stages.

    Returns
    -------
    dict of str to float
        ``accuracy``, Cohen's ``kappa``, ``f1_macro`` and the F1 of each stage:
        ``f1_W``, ``f1_N1``, ``f1_N2``, ``f1_N3``, ``f1_REM``. NaN where undefined: see
        `scores_of_confusion`.

    Raises
    ------
    ValueError
        If the lengths differ, there is no epoch, or a code is not 0 to 4.

    See Also
    --------
    bootstrap_scores : Intervals for these scores.
    staging_scores_by : Scores of each subject or night.

    Examples
    --------
    >>> from sleepkit.metrics import staging_scores
    >>> scores = staging_scores([0, 0, 1, 2, 2, 2], [0, 0, 2, 2, 2, 4])
    >>> for name, score in scores.items():
    ...     print(f"{name:8} {score:.3f}")
    accuracy 0.667
    kappa    0.478
    f1_macro 0.417
    f1_W     1.000
    f1_N1    0.000
    f1_N2    0.667
    f1_N3    nan
    f1_REM   0.000
    """
    y_true, y_pred = check_stagings("staging_scores", y_true=y_true, y_pred=y_pred)
    scores = scores_of_confusion(count_pairs(y_true, y_pred))
    return {name: float(score) for name, score in scores.items()}


def staging_scores_by(y_true: Any, y_pred: Any, groups: Any) -> dict[str, Array]:
    """Score a staging separately for each subject or night.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4. Unscored epochs are left out beforehand.
    y_pred : array-like of int, shape (n_epochs,)
        The predicted stages.
    groups : array-like, shape (n_epochs,)
        The subject or the night of each epoch: ``X.subject`` or ``X.recording``.

    Returns
    -------
    dict of str to ndarray, shape (n_groups,)
        A table, column by column: ``group`` in sorted order, ``n_epochs`` and the
        scores of `staging_scores`, NaN where undefined.

    Raises
    ------
    ValueError
        If the lengths differ, there is no epoch, or a code is not 0 to 4.

    See Also
    --------
    staging_scores : All epochs pooled.

    Notes
    -----
    ``pandas.DataFrame(table).describe()`` gives the mean and the spread over subjects.
    It skips NaN; its row ``count`` is the number of subjects in each mean.

    Examples
    --------
    >>> from sleepkit.metrics import staging_scores_by
    >>> table = staging_scores_by([0, 2, 2, 0, 4], [0, 2, 0, 0, 4], list("aaabb"))
    >>> table["group"], table["n_epochs"]
    (array(['a', 'b'], dtype='<U1'), array([3, 2]))
    >>> table["kappa"]
    array([0.4, 1. ])
    """
    owner = "staging_scores_by"
    y_true, y_pred = check_stagings(owner, y_true=y_true, y_pred=y_pred)
    names, group = number_groups(owner, "groups", groups, len(y_true))
    matrices = count_confusion_by(y_true, y_pred, group)
    columns = {"group": names, "n_epochs": matrices.sum(axis=(-2, -1))}
    return columns | scores_of_confusion(matrices)


def scores_of_confusion(matrices: Any) -> dict[str, FloatArray]:
    """Compute the scores of one or more confusion matrices.

    Parameters
    ----------
    matrices : array-like, shape (..., 5, 5)
        Numbers of epochs, with true stages as rows and predicted ones as columns, as in
        ``sklearn.metrics.confusion_matrix(y_true, y_pred, labels=range(5))``.

    Returns
    -------
    dict of str to ndarray, shape (...)
        Scores of `staging_scores`, NaN where undefined.

    Raises
    ------
    ValueError
        If the last two axes are not 5 by 5.

    Notes
    -----
    The scores are those of ``accuracy_score``, ``cohen_kappa_score`` and ``f1_score``
    in scikit-learn, also in cases that the papers leave open:

    - The F1 of a stage in neither truth nor prediction is NaN, and ``f1_macro`` is the
      mean over the other stages.
    - The F1 of a stage that is predicted but does not occur, or occurs but is never
      predicted, is 0, and is included in ``f1_macro``.
    - Where truth and prediction are one and the same stage throughout, agreement by
      chance is complete: kappa is 0 / 0, hence NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import scores_of_confusion
    >>> nights = np.array([np.eye(5), np.ones((5, 5))])
    >>> scores_of_confusion(nights)["kappa"]
    array([1., 0.])
    >>> float(scores_of_confusion(nights.sum(axis=0))["accuracy"])
    0.3333333333333333
    """
    counts = np.asarray(matrices, dtype=np.float64)
    if counts.shape[-2:] != (N_STAGES, N_STAGES):
        msg = f"scores_of_confusion needs matrices of shape (..., {N_STAGES}, "
        msg += f"{N_STAGES}); got {counts.shape}."
        raise ValueError(msg)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    n_true, n_pred = counts.sum(axis=-1), counts.sum(axis=-2)
    n_epochs, n_hits = n_true.sum(axis=-1), hits.sum(axis=-1)
    by_chance = (n_true * n_pred).sum(axis=-1)
    f1 = _ratio(2 * hits, n_true + n_pred)
    columns = [
        _ratio(n_hits, n_epochs),
        # the usual (observed - chance) / (1 - chance) times n_epochs squared: the terms
        # are whole numbers, so that zero is zero and not a rounding error
        _ratio(n_epochs * n_hits - by_chance, n_epochs**2 - by_chance),
        _ratio(np.nansum(f1, axis=-1), np.isfinite(f1).sum(axis=-1)),
        *np.moveaxis(f1, -1, 0),
    ]
    return dict(zip(METRICS, columns, strict=True))


def count_confusion_by(y_true: IntArray, y_pred: IntArray, group: IntArray) -> IntArray:
    """Count the confusion matrix of each group, numbered from 0 without a gap."""
    n_groups = int(group.max()) + 1
    counts = np.zeros((n_groups, N_STAGES, N_STAGES), dtype=np.intp)
    np.add.at(counts, (group, y_true, y_pred), 1)
    return counts


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with NaN for zero by zero."""
    ratio = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator != 0)
    return ratio
