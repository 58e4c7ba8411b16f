"""Scorers for scikit-learn.

Each scorer of `STAGING_SCORERS` returns the score of the same name in
`sleepkit.metrics.staging_scores`. It is NaN for a fold where it is undefined, such as
``f1_N3`` where N3 neither occurs nor is predicted.

>>> import numpy as np
>>> from sklearn.model_selection import GroupKFold, cross_validate
>>> from sklearn.naive_bayes import GaussianNB
>>> from sleepkit.metrics import STAGING_SCORERS
>>> rng = np.random.default_rng(0)
>>> groups, y = np.repeat(["a", "b", "c", "d"], 50), rng.integers(5, size=200)
>>> X = y[:, np.newaxis] + rng.normal(scale=0.3, size=(200, 1))
>>> folds = cross_validate(
...     GaussianNB(), X, y, groups=groups, cv=GroupKFold(2), scoring=STAGING_SCORERS
... )
>>> folds["test_kappa"].round(2), folds["test_f1_N3"].round(2)
(array([0.89, 0.85]), array([0.87, 0.83]))
"""

from __future__ import annotations

from typing import Any, Final

from sklearn.metrics import make_scorer

from sleepkit.metrics._agreement import METRICS, staging_scores


def _score(y_true: Any, y_pred: Any, *, metric: str) -> float:
    """Return one score. A module-level function, so that scorers can be pickled."""
    return staging_scores(y_true, y_pred)[metric]


STAGING_SCORERS: Final[dict[str, Any]] = {
    metric: make_scorer(_score, metric=metric) for metric in METRICS
}
