"""Steps of a Pipeline."""

from __future__ import annotations

from typing import Any


def last_step(estimator: Any) -> Any:
    """Estimator at the end of a Pipeline, or the estimator itself.

    Parameters
    ----------
    estimator : estimator
        An estimator, which may be a Pipeline.

    Returns
    -------
    estimator
        Its last step.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sleepkit.utils import last_step
    >>> last_step(make_pipeline(StandardScaler(), GaussianNB()))
    GaussianNB()
    """
    # known by its attribute: the packages below scikit-learn import this one
    return estimator[-1] if hasattr(estimator, "named_steps") else estimator
