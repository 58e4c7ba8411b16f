"""Probabilities of all stages, whichever of them an estimator knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import FloatArray
from sleepkit.utils import check_stages


def predict_stages(estimator: Any, X: Any) -> FloatArray:
    """Predict a probability of each stage, shape (n_epochs, 5); 0 of unknown ones."""
    classes = check_stages(
        "The classes of the estimator", estimator.classes_, owner=None, unscored=False
    )
    found = np.asarray(estimator.predict_proba(X), dtype=float)
    probabilities = np.zeros((len(found), N_STAGES))
    probabilities[:, classes] = found
    return probabilities
