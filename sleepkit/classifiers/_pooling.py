"""Logarithmic pooling of the probabilities of several classifiers."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from sleepkit._typing import BoolArray, FloatArray, IntArray

_LEAST: Final = float(np.finfo(np.float32).eps)  # so that no class is impossible


def log_of(proba: FloatArray) -> FloatArray:
    """Logarithm of probabilities, of which none is 0."""
    return np.log(np.maximum(np.asarray(proba, np.float64), _LEAST))


def pool(log_proba: FloatArray, known: BoolArray, weights: FloatArray) -> FloatArray:
    """Pool log-probabilities (n_members, n_rows, n_classes) into probabilities.

    `known` (n_members, n_rows) marks the rows that a member has a signal of; the others
    share its weight in proportion to theirs. Members without a weight stand in where
    no other knows a row, and all of them alike where none does.
    """
    used = known * weights[:, np.newaxis]
    for substitute in (known, np.ones_like(known)):
        lacking = ~used.any(axis=0)
        used[:, lacking] = substitute[:, lacking]
    used *= weights.sum() / used.sum(axis=0)
    pooled: FloatArray = softmax(np.einsum("mr,mrc->rc", used, log_proba), axis=1)
    return pooled


def fit_pool_weights(log_proba: FloatArray, codes: IntArray) -> FloatArray:
    """Weights >= 0 with the least cross-entropy of pooled log-probabilities.

    `log_proba` has the shape (n_members, n_rows, n_classes), `codes` (n_rows,). The
    cross-entropy is convex in the weights.
    """
    n_members, n_rows, _ = log_proba.shape
    rows = np.arange(n_rows)
    of_true = log_proba[:, rows, codes]

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        pooled = log_softmax(np.tensordot(weights, log_proba, 1), axis=1)
        expected = np.einsum("rc,mrc->mr", np.exp(pooled), log_proba)
        slope: FloatArray = (expected - of_true).mean(axis=1)
        return -float(pooled[rows, codes].mean()), slope

    start = np.full(n_members, 1 / n_members)
    bounds = [(0, None)] * n_members
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    fitted: FloatArray = found.x
    return fitted
