"""Whether 80 % sure is right in 80 % of the epochs, and how to make it so."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.metrics._inputs import check_predictions, check_probabilities
from sleepkit.utils import check_count, check_positive

_BOUNDS: Final = (math.log(0.01), math.log(100))  # of the logarithm of a temperature
_LEAST: Final = float(np.finfo(np.float32).tiny)  # a probability with a logarithm


def reliability_curve(y_true: Any, proba: Any, *, n_bins: int = 15) -> dict[str, Array]:
    """Compare how sure a classifier is with how often it is right.

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
        ``n_epochs`` whose highest probability lies above ``low`` and up to ``high``;
        ``confidence``, the mean of these probabilities; and ``accuracy``, the share of
        these epochs whose most probable stage is the true one. Empty bins have NaN.

    Raises
    ------
    ValueError
        If the arrays do not fit, or `n_bins` is no number of bins.

    See Also
    --------
    expected_calibration_error : The curve as one number.

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
    r"""Measure how far a classifier's confidence is from its accuracy.

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
        If the arrays do not fit, or `n_bins` is no number of bins.

    See Also
    --------
    reliability_curve : The bins, one by one.

    Notes
    -----
    With :math:`n_b` of :math:`n` epochs in bin :math:`b` of `reliability_curve`,

    .. math:: ECE = \sum_b \frac{n_b}{n} |accuracy_b - confidence_b|,

    as in [1]_. It depends on the bins, and on few epochs it is too high: compare only
    what has the same number of both.

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
    """Find the temperature that calibrates the probabilities of a classifier.

    Parameters
    ----------
    y_true : array-like of int, shape (n_epochs,)
        The expert's stages, 0 to 4.
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage, predicted of subjects that the classifier has not
        learnt from.

    Returns
    -------
    float
        The temperature, for `apply_temperature`: above 1 where the classifier is too
        sure, below 1 where it is not sure enough; 0.01 to 100.

    Raises
    ------
    ValueError
        If the arrays do not fit.

    See Also
    --------
    apply_temperature : What to do with it.

    Notes
    -----
    The temperature is the one with the lowest log-loss of `apply_temperature` [1]_.

    It has to be fitted on held-out *subjects*, and judged on yet others: on those that
    the classifier has learnt from it is too sure of being right, and the temperature
    comes out too low. ``cross_val_predict(method="predict_proba", cv=SubjectKFold())``
    on the training nights gives what it takes. With scikit-learn 1.8 or later,
    ``CalibratedClassifierCV(stager, method="temperature", cv=SubjectKFold())`` does all
    of that in one estimator.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML,
       2017.

    Examples
    --------
    >>> from sleepkit.metrics import apply_temperature, fit_temperature
    >>> too_sure = [[0.9, 0.1, 0, 0, 0]] * 4
    >>> temperature = fit_temperature([0, 0, 0, 1], too_sure)
    >>> round(temperature, 3)
    2.0
    >>> apply_temperature(too_sure, temperature)[0].round(3)
    array([0.75, 0.25, 0.  , 0.  , 0.  ])
    """
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
    """Make probabilities less sure, or surer.

    Parameters
    ----------
    proba : array-like, shape (n_epochs, 5)
        Probability of each stage.
    temperature : float
        Above 1 makes them less sure, below 1 surer; from `fit_temperature`.

    Returns
    -------
    ndarray of float64, shape (n_epochs, 5)
        Probabilities in proportion to ``proba ** (1 / temperature)``. The most probable
        stage stays the same.

    Raises
    ------
    ValueError
        If `proba` is no table of probabilities, or `temperature` not above zero.

    See Also
    --------
    fit_temperature : Find the temperature.

    Examples
    --------
    >>> from sleepkit.metrics import apply_temperature
    >>> apply_temperature([[0.64, 0.36, 0, 0, 0]], 2).round(3)
    array([[0.571, 0.429, 0.   , 0.   , 0.   ]])
    """
    owner = "apply_temperature"
    temperature = check_positive("temperature", temperature, owner=owner)
    logs = _logarithms(check_probabilities(proba, owner=owner))
    scaled: FloatArray = softmax(logs / temperature, axis=1)
    return scaled


def _curve(truth: IntArray, proba: FloatArray, n_bins: int) -> dict[str, Array]:
    """Average confidence and accuracy over bins of confidence."""
    edges = np.linspace(0, 1, n_bins + 1)
    confidence, hits = proba.max(axis=1), proba.argmax(axis=1) == truth
    # the first edge is out of reach; a sum of 1 + rounding belongs to the last bin
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
    """Take logarithms, of zero too."""
    logs: FloatArray = np.log(np.maximum(proba, _LEAST))
    return logs
