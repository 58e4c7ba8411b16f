"""By how much OGM-GE slows down the modalities that are ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.utils import check_positive


def modulation_coefficients(performance: Any, *, alpha: float = 0.1) -> FloatArray:
    """Compute by how much OGM-GE scales the gradients of each modality.

    Parameters
    ----------
    performance : array-like, shape (n_modalities,)
        Performances of the modalities, none below zero: see `modality_performance`.
    alpha : float, default=0.1
        Degree of the modulation; published experiments have 0.1 to 0.8.

    Returns
    -------
    ndarray of float64, shape (n_modalities,)
        ``1 - tanh(alpha * ratio)`` for a modality that is ahead of the others, 1 for
        all others.

    Raises
    ------
    ValueError
        If `alpha` is no finite number above zero.

    See Also
    --------
    balance_coefficients : The coefficients of SleepMG.

    Notes
    -----
    OGM-GE [1]_ has two modalities, and the ratio is that of their performances. Here it
    is the mean of a modality's ratios to each of the others, as its author recommends
    for more than two. A modality is ahead where the ratio is above 1, where the
    coefficient jumps from 1 to ``1 - tanh(alpha)``. Several can be ahead of more than
    two, but never the worst.

    One modality has nothing to be ahead of: 1. A modality that performs infinitely
    better than another, which has zero, is not learnt at all: 0. Two zeros are equal.

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
