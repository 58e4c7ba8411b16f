"""Selective prediction: defer uncertain epochs to a human scorer."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.metrics._agreement import scores_of_confusion
from sleepkit.metrics._inputs import check_predictions, count_pairs


def selective_staging(
    y_true: Any, proba: Any, *, shares: Any = None
) -> dict[str, Array]:
    """Score the epochs that remain when the least confident ones are deferred.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    shares : array-like of float, shape (n_shares,), default=None
        Largest shares of the epochs to defer to a human scorer, each in [0, 1). None
        means 0, 0.05, ..., 0.95.

    Returns
    -------
    dict of str to ndarray, shape (n_shares,)
        A table, column by column: ``share``, as given; ``deferred``, the actual share;
        ``confidence``, the lowest of the epochs that are kept; ``n_epochs``, the number
        of these; and their scores as in `staging_scores`, NaN where undefined.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or a share is not in [0, 1).

    See Also
    --------
    reliability_curve : Accuracy against confidence.

    Notes
    -----
    The confidence is the highest probability of the epoch. Epochs of equal confidence
    are deferred together or not at all, so that the result does not depend on their
    order; less than the share is deferred where they would exceed it. If the human
    scorer is always right, the joint accuracy is
    ``deferred + (1 - deferred) * accuracy``.

    Examples
    --------
    >>> from sleepkit.metrics import selective_staging
    >>> sure, unsure = [0.9, 0.1, 0, 0, 0], [0, 0.4, 0.6, 0, 0]
    >>> table = selective_staging(
    ...     [0, 0, 1, 2], [sure, sure, unsure, unsure], shares=[0, 0.25, 0.5]
    ... )
    >>> table["deferred"], table["confidence"], table["accuracy"]
    (array([0. , 0. , 0.5]), array([0.6, 0.6, 0.9]), array([0.75, 0.75, 1.  ]))
    """
    truth, rows = check_predictions(y_true, proba, owner="selective_staging")
    shares = _check_shares(np.arange(20) / 20 if shares is None else shares)
    confidence, predicted = rows.max(axis=1), rows.argmax(axis=1)
    n_allowed = np.floor(np.round(shares * len(truth), 6)).astype(int)
    lowest = np.sort(confidence)[n_allowed]
    kept = [confidence >= limit for limit in lowest]
    matrices = np.array([count_pairs(truth[keep], predicted[keep]) for keep in kept])
    n_epochs = matrices.sum(axis=(1, 2))
    columns: dict[str, Array] = {
        "share": shares,
        "deferred": 1 - n_epochs / len(truth),
        "confidence": lowest,
        "n_epochs": n_epochs,
    }
    return columns | scores_of_confusion(matrices)


def _check_shares(shares: Any) -> FloatArray:
    """Require shares in [0, 1)."""
    checked = np.asarray(shares, dtype=np.float64)
    if checked.ndim != 1 or not ((checked >= 0) & (checked < 1)).all():
        msg = f"selective_staging needs a row of shares >= 0 and < 1; got {shares!r}."
        raise ValueError(msg)
    return checked
