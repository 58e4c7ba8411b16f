"""Comparison of two stagings, paired by subject."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray, IntArray, RandomState
from sleepkit.metrics._agreement import METRICS, count_confusion_by, scores_of_confusion
from sleepkit.metrics._bootstrap import percentile_interval, resample_subjects
from sleepkit.metrics._inputs import check_stagings, number_groups
from sleepkit.utils import check_option, html_table

_DECIMALS: Final = 12  # beyond these, differences of scores are rounding


class StagingComparison(NamedTuple):
    """Difference of two stagings, pooled and over subjects.

    Attributes
    ----------
    metric : str
        Score that is compared.
    difference : float
        Score of the first minus score of the second, all epochs pooled.
    interval : (float, float)
        Bootstrap interval of `difference`.
    mean_difference : float
        Mean over subjects of the difference of the subject's two scores.
    p_value : float
        p-value of the two-sided Wilcoxon signed-rank test over subjects.
    effect_size : float
        Cohen's d_z: `mean_difference` divided by the standard deviation of the
        subjects' differences. NaN where these are equal, but not zero.
    n_subjects : int
        Number of subjects in the last three, which are NaN without any.
    n_undefined : int
        Number of subjects left out of them, because a score is undefined.
    """

    metric: str
    difference: float
    interval: tuple[float, float]
    mean_difference: float
    p_value: float
    effect_size: float
    n_subjects: int
    n_undefined: int

    def _repr_html_(self) -> str:
        """Show the values in a notebook."""
        low, high = self.interval
        values = self._asdict() | {"interval": f"{low:.3f} to {high:.3f}"}
        columns = {"value": list(values), "first minus second": list(values.values())}
        return f"<div>{html_table(columns, caption='Comparison of two stagings')}</div>"


def compare_stagings(
    y_true: Any,
    first: Any,
    second: Any,
    subject: Any,
    *,
    metric: str = "kappa",
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: RandomState = None,
) -> StagingComparison:
    """Compare two stagings of the same epochs, subject by subject.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4. Unscored epochs are left out beforehand.
    first, second : array-like of int, shape (n_epochs,)
        The two predictions.
    subject : array-like, shape (n_epochs,)
        The subject of each epoch, at least two different ones.
    metric : str, default="kappa"
        One of the scores of `staging_scores`.
    n_resamples : int, default=1000
        Number of bootstrap resamples of the subjects.
    level : float, default=0.95
        Share of the resamples that lies inside the interval, 0 to 1.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
            default=None
        Seed of the draws.

    Returns
    -------
    StagingComparison
        Pooled difference with its interval; mean difference over subjects, with
        p-value and effect size.

    Raises
    ------
    ValueError
        If there is only one subject, the lengths differ, a code is not 0 to 4, or
        `metric`, `n_resamples` or `level` is invalid.

    See Also
    --------
    bootstrap_scores : Intervals for the scores of one staging.

    Notes
    -----
    Each resample draws the same subjects for both stagings, so that the difficulty of a
    subject cancels out. The interval is as in `bootstrap_scores`. The pooled difference
    and its interval use all subjects; the statistics over subjects leave out those with
    an undefined score. The test ignores differences of zero, as Wilcoxon did; its
    p-value is 1 where all are zero, and exact where at most 50 are not and no two of
    these have the same size. The effect size is d_z in [1]_.

    References
    ----------
    .. [1] D. Lakens. Calculating and reporting effect sizes to facilitate cumulative
       science. Frontiers in Psychology 4:863, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import compare_stagings
    >>> rng = np.random.default_rng(0)
    >>> subject = np.repeat(np.arange(20), 100)
    >>> y_true = rng.integers(5, size=2000)
    >>> better = np.where(rng.random(2000) < 0.8, y_true, 2)
    >>> worse = np.where(rng.random(2000) < 0.7, y_true, 2)
    >>> result = compare_stagings(y_true, better, worse, subject, random_state=0)
    >>> print(f"{result.difference:.2f}, {result.n_subjects} subjects")
    0.11, 20 subjects
    >>> result.interval[0] > 0 and result.p_value < 0.001
    True
    """
    owner = "compare_stagings"
    check_option("metric", metric, METRICS, owner=owner)
    y_true, *stagings = check_stagings(owner, y_true=y_true, first=first, second=second)
    _, number = number_groups(owner, "subject", subject, len(y_true))
    matrices = np.stack(
        [count_confusion_by(y_true, y_pred, number) for y_pred in stagings], axis=1
    )
    resampled = resample_subjects(owner, matrices, n_resamples, random_state)
    by_subject = _differences(matrices, metric).round(_DECIMALS)
    defined = by_subject[np.isfinite(by_subject)]
    mean, p_value, effect_size = _over_subjects(defined)
    return StagingComparison(
        metric=metric,
        difference=float(_differences(matrices.sum(axis=0), metric)),
        interval=percentile_interval(owner, _differences(resampled, metric), level),
        mean_difference=mean,
        p_value=p_value,
        effect_size=effect_size,
        n_subjects=len(defined),
        n_undefined=len(by_subject) - len(defined),
    )


def _differences(matrices: IntArray, metric: str) -> FloatArray:
    """Subtract the scores of the stagings, which are on the last axis but two."""
    scores = scores_of_confusion(matrices)[metric]
    return np.asarray(scores[..., 0] - scores[..., 1])


def _over_subjects(differences: FloatArray) -> tuple[float, float, float]:
    """Return mean, p-value and effect size."""
    from scipy.stats import wilcoxon

    if not differences.size:
        return np.nan, np.nan, np.nan
    changed = differences[differences != 0]
    if not changed.size:
        return 0.0, 1.0, 0.0
    mean = float(differences.mean())
    spread = np.ptp(differences) > 0  # exact, while std() has rounding errors
    effect_size = mean / float(differences.std(ddof=1)) if spread else np.nan
    return mean, float(wilcoxon(changed).pvalue), effect_size
