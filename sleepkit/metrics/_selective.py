"""What a human gains who stages only the epochs that the machine is least sure of."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.metrics._agreement import scores_of_confusion
from sleepkit.metrics._inputs import check_predictions, count_pairs


def selective_staging(
    y_true: Any, proba: Any, *, shares: Any = None
) -> dict[str, Array]:
    """Score what is left to the machine when a human takes the least sure epochs.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    shares : array-like of float, shape (n_shares,), default=None
        Shares of the epochs that the human can take, each from 0 to below 1. None means
        0, 0.05, ..., 0.95.

    Returns
    -------
    dict of str to ndarray, shape (n_shares,)
        A table, column by column: ``share`` that the human can take; ``sent``, the
        share that is sent; ``confidence``, the lowest that the machine keeps;
        ``n_epochs`` that it keeps; and the scores of `staging_scores` on these, NaN
        where undefined.

    Raises
    ------
    ValueError
        If the arrays do not fit, or a share is not from 0 to below 1.

    See Also
    --------
    reliability_curve : Whether the confidence is worth its name.

    Notes
    -----
    The confidence is the highest probability of the epoch. Epochs that are equally sure
    are sent together or not at all, so that nothing depends on their order: where the
    human cannot take them all, less is sent than the share. The accuracy of machine and
    human together, where the human is always right, is
    ``sent + (1 - sent) * accuracy``.

    Examples
    --------
    >>> from sleepkit.metrics import selective_staging
    >>> sure, unsure = [0.9, 0.1, 0, 0, 0], [0, 0.4, 0.6, 0, 0]
    >>> table = selective_staging(
    ...     [0, 0, 1, 2], [sure, sure, unsure, unsure], shares=[0, 0.25, 0.5]
    ... )
    >>> table["sent"], table["confidence"], table["accuracy"]
    (array([0. , 0. , 0.5]), array([0.6, 0.6, 0.9]), array([0.75, 0.75, 1.  ]))
    """
    truth, rows = check_predictions(y_true, proba, owner="selective_staging")
    shares = _check_shares(np.arange(20) / 20 if shares is None else shares)
    confidence, predicted = rows.max(axis=1), rows.argmax(axis=1)
    n_budget = np.floor(np.round(shares * len(truth), 6)).astype(int)
    lowest = np.sort(confidence)[n_budget]
    kept = [confidence >= limit for limit in lowest]
    matrices = np.array([count_pairs(truth[keep], predicted[keep]) for keep in kept])
    n_epochs = matrices.sum(axis=(1, 2))
    columns: dict[str, Array] = {
        "share": shares,
        "sent": 1 - n_epochs / len(truth),
        "confidence": lowest,
        "n_epochs": n_epochs,
    }
    return columns | scores_of_confusion(matrices)


def _check_shares(shares: Any) -> FloatArray:
    """Require shares that leave something to the machine."""
    checked = np.asarray(shares, dtype=np.float64)
    if checked.ndim != 1 or not ((checked >= 0) & (checked < 1)).all():
        msg = f"selective_staging needs a row of shares >= 0 and < 1; got {shares!r}."
        raise ValueError(msg)
    return checked
