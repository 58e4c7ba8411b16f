"""Calibration: reliability curve, calibration error, temperature scaling."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.metrics._inputs import check_predictions, check_probabilities
from sleepkit.utils import check_count, check_positive

_BOUNDS: Final = (math.log(0.01), math.log(100))  # of the logarithm of a temperature
_LEAST: Final = float(np.finfo(np.float32).tiny)  # positive, so that it has a logarithm


def reliability_curve(y_true: Any, proba: Any, *, n_bins: int = 15) -> dict[str, Array]:
    """Compute accuracy against confidence, over bins of the confidence.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    n_bins : int, default=15
        Number of bins of equal width, from 0 to 1.

    Returns
    -------
    dict of str to ndarray, shape (n_bins,)
        A table, column by column: ``low`` and ``high``, the bounds of the bin;
        ``n_epochs``, the number of epochs whose highest probability is above ``low``
        and at most ``high``; ``confidence``, the mean of these probabilities; and
        ``accuracy``, the share of these epochs whose most probable stage is the true
        one. NaN in empty bins.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or `n_bins` is not a positive integer.

    See Also
    --------
    expected_calibration_error : Mean distance of the curve from the diagonal.

    Examples
    --------
    >>> from sleepkit.metrics import reliability_curve
    >>> sure, unsure = [0.9, 0.1, 0, 0, 0], [0.1, 0, 0.6, 0.3, 0]
    >>> curve = reliability_curve([0, 0, 2, 3], [sure, sure, unsure, unsure], n_bins=2)
    >>> curve["n_epochs"], curve["confidence"], curve["accuracy"]
    (array([0, 4]), array([ nan, 0.75]), array([ nan, 0.75]))
    """
    owner = "reliability_curve"
    n_bins = check_count("n_bins", n_bins, owner=owner)
    return _curve(*check_predictions(y_true, proba, owner=owner), n_bins)


def expected_calibration_error(y_true: Any, proba: Any, *, n_bins: int = 15) -> float:
    r"""Compute the expected calibration error: mean gap of confidence and accuracy.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    n_bins : int, default=15
        Number of bins of equal width, from 0 to 1.

    Returns
    -------
    float
        The error, 0 to 1.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or `n_bins` is not a positive integer.

    See Also
    --------
    reliability_curve : Confidence and accuracy of each bin.

    Notes
    -----
    With :math:`n_b` of :math:`n` epochs in bin :math:`b` of `reliability_curve`,

    .. math:: ECE = \sum_b \frac{n_b}{n} |accuracy_b - confidence_b|,

    as in [1]_. It depends on the bins and is biased upwards for few epochs: compare
    only values with the same number of bins and of epochs.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML,
       2017.

    Examples
    --------
    >>> from sleepkit.metrics import expected_calibration_error
    >>> proba = [[0.9, 0.1, 0, 0, 0]] * 10
    >>> round(expected_calibration_error(9 * [0] + [1], proba), 6)
    0.0
    >>> round(expected_calibration_error(6 * [0] + 4 * [1], proba), 6)
    0.3
    """
    owner = "expected_calibration_error"
    n_bins = check_count("n_bins", n_bins, owner=owner)
    curve = _curve(*check_predictions(y_true, proba, owner=owner), n_bins)
    shares = curve["n_epochs"] / curve["n_epochs"].sum()
    gaps = np.abs(curve["accuracy"] - curve["confidence"])
    return float(np.nansum(shares * gaps))


def fit_temperature(y_true: Any, proba: Any) -> float:
    """Fit the temperature that calibrates the probabilities of a classifier.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage, predicted for held-out subjects.

    Returns
    -------
    float
        Temperature for `apply_temperature`, 0.01 to 100: above 1 where the classifier
        is overconfident, below 1 where it is underconfident.

    Raises
    ------
    ValueError
        If the arrays do not fit together.

    See Also
    --------
    apply_temperature : Scale probabilities by a temperature.

    Notes
    -----
    The temperature minimizes the log-loss of `apply_temperature` [1]_.

    Fit it on held-out *subjects*, and test it on others: on its training subjects the
    classifier is overconfident and right, so that the temperature is too low.
    ``cross_val_predict(method="predict_proba", cv=SubjectKFold())`` on the training
    nights gives such probabilities. With scikit-learn 1.8 or later,
    ``CalibratedClassifierCV(stager, method="temperature", cv=SubjectKFold())`` does all
    of this in one estimator.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML,
       2017.

    Examples
    --------
    >>> from sleepkit.metrics import apply_temperature, fit_temperature
    >>> overconfident = [[0.9, 0.1, 0, 0, 0]] * 4
    >>> temperature = fit_temperature([0, 0, 0, 1], overconfident)
    >>> round(temperature, 3)
    2.0
    >>> apply_temperature(overconfident, temperature)[0].round(3)
    array([0.75, 0.25, 0.  , 0.  , 0.  ])
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    truth, rows = check_predictions(y_true, proba, owner="fit_temperature")
    logs = _logarithms(rows)

    def loss(log_temperature: float) -> float:
        """Compute the mean log-loss."""
        scaled = log_softmax(logs / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(truth)), truth].mean())

    found = minimize_scalar(
        loss, bounds=_BOUNDS, method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def apply_temperature(proba: Any, temperature: float) -> FloatArray:
    """Scale probabilities by a temperature.

    Parameters
    ----------
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    temperature : float
        Above 1 reduces the confidence, below 1 raises it; from `fit_temperature`.

    Returns
    -------
    ndarray of float64, shape (n_epochs, 5)
        Probabilities in proportion to ``proba ** (1 / temperature)``. The most probable
        stage does not change.

    Raises
    ------
    ValueError
        If `proba` holds no probabilities, or `temperature` is not above zero.

    See Also
    --------
    fit_temperature : Fit a temperature to held-out subjects.

    Examples
    --------
    >>> from sleepkit.metrics import apply_temperature
    >>> apply_temperature([[0.64, 0.36, 0, 0, 0]], 2).round(3)
    array([[0.571, 0.429, 0.   , 0.   , 0.   ]])
    """
    from scipy.special import softmax

    owner = "apply_temperature"
    temperature = check_positive("temperature", temperature, owner=owner)
    logs = _logarithms(check_probabilities(proba, owner=owner))
    scaled: FloatArray = softmax(logs / temperature, axis=1)
    return scaled


def _curve(truth: IntArray, proba: FloatArray, n_bins: int) -> dict[str, Array]:
    """Average confidence and accuracy over bins of confidence."""
    edges = np.linspace(0, 1, n_bins + 1)
    confidence, hits = proba.max(axis=1), proba.argmax(axis=1) == truth
    # no confidence is at the first edge; 1 + rounding error belongs to the last bin
    bins = np.minimum(np.searchsorted(edges, confidence) - 1, n_bins - 1)
    n_epochs = np.bincount(bins, minlength=n_bins)
    columns: dict[str, Array] = {"low": edges[:-1], "high": edges[1:]}
    columns["n_epochs"] = n_epochs
    for name, values in {"confidence": confidence, "accuracy": hits}.items():
        sums = np.bincount(bins, weights=values, minlength=n_bins)
        empty = np.full(n_bins, np.nan)
        columns[name] = np.divide(sums, n_epochs, out=empty, where=n_epochs > 0)
    return columns


def _logarithms(proba: FloatArray) -> FloatArray:
    """Take logarithms, with zero clipped to the smallest positive float32."""
    logs: FloatArray = np.log(np.maximum(proba, _LEAST))
    return logs
