"""Performance of each modality, their imbalance, and gradient coefficients."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.utils import check_option, check_positive

_NO_DIFFERENCE: Final = 1e-12  # below this, differences of shares are rounding


def modality_performance(
    logits: Any, y: Any, *, score: Literal["true_prob", "correct_prob"] = "true_prob"
) -> FloatArray:
    """Score each modality by its mean probability of the true class.

    Parameters
    ----------
    logits : array-like, shape (n_modalities, n_samples, n_classes)
        Logits of the head for each modality, with the features of the others set to
        zero: see `sleepkit.nn.modality_logits`.
    y : array-like of int, shape (n_samples,)
        True classes, ``0`` to ``n_classes - 1``. Negative values mark samples without
        a label, which are ignored.
    score : {"true_prob", "correct_prob"}, default="true_prob"
        ``"true_prob"`` is the mean probability of the true class. ``"correct_prob"``
        sets it to zero where another class is more probable.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        Performance of each modality, 0 to 1.

    Raises
    ------
    ValueError
        If no sample has a label, or `score` is unknown.

    Notes
    -----
    Equation 4 of SleepMG [1]_. Its indicator compares with the class that the modality
    *predicts*, which would give its confidence, correct or not; the text says
    "correctly predicted", so both scores here use the *true* class.

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
    from scipy.special import softmax

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
    """Divide performances by their sum.

    Parameters
    ----------
    performance : array-like, shape (n_modalities,)
        Non-negative performances of the modalities.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        Shares, which sum to 1; equal where every performance is zero.

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
    """Measure the imbalance of modalities: squared distance from equal shares.

    Parameters
    ----------
    shares : array-like, shape (n_modalities,)
        Shares of the modalities, from `performance_shares`.

    Returns
    -------
    float
        Sum of the squared distances from ``1 / n_modalities``: 0 for equal shares,
        ``1 - 1 / n_modalities`` where one modality has a share of 1.

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
    """Compute SleepMG's coefficients for the gradients of the modalities.

    Parameters
    ----------
    shares : array-like, shape (n_modalities,)
        Shares of the modalities, from `performance_shares`.
    metric : {"squared", "signed"}, default="squared"
        Measure of imbalance: the squared distance from the mean share, as in the
        paper; or the distance below the mean share, not squared, and 0 above it.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        Coefficients, 0 to ``tanh(1)``; all ``tanh(1 / n_modalities)`` for equal
        shares.

    Raises
    ------
    ValueError
        If `metric` is unknown.

    Notes
    -----
    Equation 6 of SleepMG (`modality_performance` cites the paper) is the hyperbolic
    tangent of each modality's fraction of the imbalance. Consequences:

    - A single modality has the coefficient ``tanh(1) = 0.7616``.
    - Two modalities are equally far from one half, so both coefficients are
      ``tanh(0.5) = 0.4621`` for any data.
    - Equal shares give 0/0; all coefficients are then ``tanh(1 / n_modalities)``. This
      includes the case that every performance is zero.
    - Shares are not negative, so one modality has at most ``1 - 1 / n_modalities`` of
      the imbalance, and every coefficient reduces a gradient: those of four modalities
      lie between 0 and ``tanh(0.75) = 0.635``.
    - The square loses the sign: the *best* modality gets as large a coefficient as an
      equally distant worst one. ``metric="signed"``, which is not in the paper, favours
      weak modalities only: those at or above the mean get zero. Of two modalities the
      weaker gets ``tanh(1)``, and the stronger zero.

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


def modulation_coefficients(performance: Any, *, alpha: float = 0.1) -> FloatArray:
    """Compute the coefficients of OGM-GE for the gradients of the modalities.

    Parameters
    ----------
    performance : array-like, shape (n_modalities,)
        Non-negative performances of the modalities: see `modality_performance`.
    alpha : float, default=0.1
        Degree of the modulation; 0.1 to 0.8 in published experiments.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        ``1 - tanh(alpha * ratio)`` for a modality with a ratio above 1, 1 for all
        others.

    Raises
    ------
    ValueError
        If `alpha` is not a finite number above zero.

    See Also
    --------
    balance_coefficients : The coefficients of SleepMG.

    Notes
    -----
    OGM-GE [1]_ has two modalities, and the ratio is that of their performances. Here it
    is the mean of a modality's ratios to each of the others, as its author recommends
    for more than two. At a ratio of 1 the coefficient jumps from 1 to
    ``1 - tanh(alpha)``. With more than two modalities several can have a ratio above 1,
    but never the worst one.

    A single modality has the coefficient 1. If another modality has a performance of
    zero, the ratio is infinite and the coefficient is 0; two zeros count as equal.

    References
    ----------
    .. [1] Peng et al., "Balanced Multimodal Learning via On-the-fly Gradient
       Modulation". CVPR, 2022.

    Examples
    --------
    >>> from sleepkit.metrics import modulation_coefficients
    >>> modulation_coefficients([0.8, 0.4], alpha=0.5).round(3)
    array([0.238, 1.   ])
    """
    check_positive("alpha", alpha, owner="modulation_coefficients")
    performance = np.asarray(performance, dtype=np.float64)
    if len(performance) == 1:
        return np.ones(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = performance[:, np.newaxis] / performance
    equal = performance[:, np.newaxis] == performance
    ratios[equal] = 1
    np.fill_diagonal(ratios, 0)
    ratio = ratios.sum(axis=1) / (len(performance) - 1)
    return np.where(ratio > 1, 1 - np.tanh(alpha * ratio), 1.0)


def _deviations(shares: Any) -> FloatArray:
    """Subtract the mean share."""
    shares = np.asarray(shares, dtype=np.float64)
    return np.asarray(shares - 1 / len(shares))


def _normalized(values: FloatArray) -> FloatArray:
    """Divide by the sum; where that is zero, return equal shares."""
    total = values.sum()
    if total < _NO_DIFFERENCE:
        return np.full(len(values), 1 / len(values))
    return np.asarray(values / total)
