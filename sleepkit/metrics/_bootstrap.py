"""Bootstrap intervals of the scores, by resampling subjects."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import FloatArray, IntArray, RandomState
from sleepkit.metrics._agreement import count_confusion_by, scores_of_confusion
from sleepkit.metrics._inputs import check_stagings, number_groups
from sleepkit.utils import check_count, check_random_state


def bootstrap_scores(
    y_true: Any,
    y_pred: Any,
    subject: Any,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: RandomState = None,
) -> dict[str, tuple[float, float]]:
    """Estimate bootstrap intervals of the pooled scores, by resampling subjects.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4. Unscored epochs are left out beforehand.
    y_pred : array-like of int, shape (n_epochs,)
        The predicted stages.
    subject : array-like, shape (n_epochs,)
        The subject of each epoch, at least two different ones.
    n_resamples : int, default=1000
        Number of resamples, each of as many subjects with replacement.
    level : float, default=0.95
        Share of the resamples that lies inside an interval, 0 to 1.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
            default=None
        Seed of the draws.

    Returns
    -------
    dict of str to (float, float)
        Lower and upper bound for each score of `staging_scores`.

    Raises
    ------
    ValueError
        If there is only one subject, the lengths differ, a code is not 0 to 4, or
        `n_resamples` or `level` is out of range.

    See Also
    --------
    compare_stagings : Interval for the difference of two stagings.
    staging_scores : Scores of all epochs.

    Notes
    -----
    Epochs of one night are correlated, so subjects are drawn, each with all of its
    nights. The bounds are percentiles of the resampled scores. With few subjects (fewer
    than about 20) such intervals are somewhat too narrow. Resamples in which a score is
    undefined are ignored for that score; without any other, its bounds are NaN: see
    `scores_of_confusion`.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import bootstrap_scores
    >>> rng = np.random.default_rng(0)
    >>> subject = np.repeat(np.arange(20), 100)
    >>> y_true = rng.integers(5, size=2000)
    >>> y_pred = np.where(rng.random(2000) < 0.8, y_true, 2)
    >>> intervals = bootstrap_scores(y_true, y_pred, subject, random_state=0)
    >>> low, high = intervals["accuracy"]
    >>> print(f"{low:.2f} to {high:.2f}")
    0.83 to 0.86
    """
    owner = "bootstrap_scores"
    y_true, y_pred = check_stagings(owner, y_true=y_true, y_pred=y_pred)
    _, number = number_groups(owner, "subject", subject, len(y_true))
    matrices = count_confusion_by(y_true, y_pred, number)
    resampled = resample_subjects(owner, matrices, n_resamples, random_state)
    return {
        name: percentile_interval(owner, scores, level)
        for name, scores in scores_of_confusion(resampled).items()
    }


def resample_subjects(
    owner: str, matrices: IntArray, n_resamples: int, random_state: RandomState
) -> IntArray:
    """Sum the matrices of subjects drawn with replacement, for each resample."""
    n_subjects = len(matrices)
    if n_subjects < 2:
        msg = f"{owner} resamples subjects and needs at least 2; got 1. "
        msg += "One subject cannot show how much the scores vary between subjects."
        raise ValueError(msg)
    size = check_count("n_resamples", n_resamples, owner=owner)
    rng = check_random_state(random_state)
    draws = rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), size)
    return np.tensordot(draws, matrices, axes=1)


def percentile_interval(
    owner: str, scores: FloatArray, level: float
) -> tuple[float, float]:
    """Return the central interval of the defined scores."""
    if not 0 < level < 1:
        msg = f"{owner} needs 0 < level < 1; got level={level}."
        raise ValueError(msg)
    defined = scores[np.isfinite(scores)]
    if not defined.size:
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
