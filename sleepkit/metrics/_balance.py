"""How well each modality does alone, and how unequal the modalities are."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from scipy.special import softmax

from sleepkit._typing import FloatArray
from sleepkit.utils import check_option

_NO_DIFFERENCE: Final = 1e-12  # below this, differences of shares are rounding


def modality_performance(
    logits: Any, y: Any, *, score: Literal["true_prob", "correct_prob"] = "true_prob"
) -> FloatArray:
    """Score each modality by the probability that it alone gives to the true class.

    Parameters
    ----------
    logits : array-like, shape (n_modalities, n_samples, n_classes)
        What the head says of each modality with the features of the others set to
        zero, before the softmax: see `sleepkit.nn.modality_logits`.
    y : array-like of int, shape (n_samples,)
        True classes, ``0`` to ``n_classes - 1``. Samples below zero have no label and
        are left out.
    score : {"true_prob", "correct_prob"}, default="true_prob"
        Mean probability of the true class, or that probability only where the true
        class is the most probable one and zero elsewhere.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        The performances, 0 to 1.

    Raises
    ------
    ValueError
        If no sample has a label, or `score` is unknown.

    Notes
    -----
    Equation 4 of SleepMG [1]_. Its indicator compares with the class that the modality
    *predicts*, which would be its confidence, right or wrong; the text says "correctly
    predicted", so both scores here go by the *true* class.

    References
    ----------
    .. [1] SleepMG: Multimodal Generalizable Sleep Staging with Inter-modal Balance of
       Classification and Domain Discrimination. ACM Multimedia, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import modality_performance
    >>> sure, unsure = [[np.log(9), 0.0]] * 2, [[0.0, 0.0]] * 2
    >>> modality_performance([sure, unsure], [0, 0])
    array([0.9, 0.5])
    """
    check_option(
        "score", score, ["true_prob", "correct_prob"], owner="modality_performance"
    )
    y = np.asarray(y)
    labelled = y >= 0
    if not labelled.any():
        msg = "modality_performance needs a sample with a label >= 0; got none."
        raise ValueError(msg)
    all_logits = np.asarray(logits, dtype=np.float64)[:, labelled]
    probabilities = softmax(all_logits, axis=-1)
    truth = y[labelled][np.newaxis, :, np.newaxis]
    of_truth = np.take_along_axis(probabilities, truth, axis=-1)[..., 0]
    if score == "correct_prob":
        of_truth = of_truth * (of_truth == probabilities.max(axis=-1))
    return np.asarray(of_truth.mean(axis=1))


def performance_shares(performance: Any) -> FloatArray:
    """Turn performances into shares of their sum.

    Parameters
    ----------
    performance : array-like, shape (n_modalities,)
        Performances of the modalities, none below zero.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        Shares, which sum to 1; all the same where every performance is zero.

    Notes
    -----
    Equation 5 of SleepMG (`modality_performance` cites the paper).

    Examples
    --------
    >>> from sleepkit.metrics import performance_shares
    >>> performance_shares([0.9, 0.3])
    array([0.75, 0.25])
    """
    return _normalized(np.asarray(performance, dtype=np.float64))


def imbalance_degree(shares: Any) -> float:
    """Measure how far the shares are from equal.

    Parameters
    ----------
    shares : array-like, shape (n_modalities,)
        Shares of the modalities, from `performance_shares`.

    Returns
    -------
    float
        Sum of the squared distances from ``1 / n_modalities``: 0 where all are equal,
        ``1 - 1 / n_modalities`` where one modality has it all.

    Notes
    -----
    Section 5.5 and figure 4 of SleepMG (`modality_performance` cites the paper).

    Examples
    --------
    >>> from sleepkit.metrics import imbalance_degree
    >>> imbalance_degree([0.75, 0.25])
    0.125
    """
    return float(np.square(_deviations(shares)).sum())


def balance_coefficients(
    shares: Any, *, metric: Literal["squared", "signed"] = "squared"
) -> FloatArray:
    """Compute by how much the gradient of each modality is to be scaled.

    Parameters
    ----------
    shares : array-like, shape (n_modalities,)
        Shares of the modalities, from `performance_shares`.
    metric : {"squared", "signed"}, default="squared"
        What counts as out of balance: any distance from the mean share, squared, as in
        the paper; or only what a modality lacks to the mean share, not squared.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        Coefficients, 0 to ``tanh(1)``. Where all shares are equal, all are
        ``tanh(1 / n_modalities)``.

    Raises
    ------
    ValueError
        If `metric` is unknown.

    Notes
    -----
    Equation 6 of SleepMG (`modality_performance` cites the paper) is the hyperbolic
    tangent of each modality's part in the imbalance. It has consequences that are worth
    knowing:

    - One modality is all there is, and has the coefficient ``tanh(1) = 0.7616``.
    - With two modalities both are equally far from one half, so both coefficients are
      ``tanh(0.5) = 0.4621`` whatever the data.
    - Equal shares would be 0/0; all coefficients are then ``tanh(1 / n_modalities)``.
      So it is where every performance is zero, which makes the shares equal.
    - No share is below zero, so one modality can have ``1 - 1 / n_modalities`` of the
      imbalance at most, and every coefficient makes a gradient smaller: those of four
      modalities lie between 0 and ``tanh(0.75) = 0.635``.
    - The square forgets the sign: the *best* modality gets as large a coefficient as an
      equally distant worst one. ``metric="signed"``, which is not in the paper, favours
      the weak modalities only: those at the mean or above it get zero. Of two, the
      weaker then gets ``tanh(1)``, and the stronger nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import balance_coefficients, performance_shares
    >>> best = performance_shares([0.9, 0.5, 0.5, 0.5])
    >>> worst = performance_shares([0.35, 0.6, 0.6, 0.6])
    >>> balance_coefficients(best).round(3)
    array([0.635, 0.083, 0.083, 0.083])
    >>> balance_coefficients(worst).round(3)
    array([0.635, 0.083, 0.083, 0.083])
    >>> balance_coefficients(worst, metric="signed").round(3)
    array([0.762, 0.   , 0.   , 0.   ])
    """
    check_option("metric", metric, ["squared", "signed"], owner="balance_coefficients")
    deviations = _deviations(shares)
    if metric == "squared":
        return np.asarray(np.tanh(_normalized(np.square(deviations))))
    return np.asarray(np.tanh(_normalized(np.maximum(-deviations, 0))))


def _deviations(shares: Any) -> FloatArray:
    """Subtract the mean share."""
    shares = np.asarray(shares, dtype=np.float64)
    return np.asarray(shares - 1 / len(shares))


def _normalized(values: FloatArray) -> FloatArray:
    """Divide by the sum; where that is nothing, everyone gets the same."""
    total = values.sum()
    if total < _NO_DIFFERENCE:
        return np.full(len(values), 1 / len(values))
    return np.asarray(values / total)
