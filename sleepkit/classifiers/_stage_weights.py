"""Class weights of published trainings, by the stage that each class is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from sleepkit._stages import STAGES
from sleepkit._typing import Array

_CLASS_AWARE: Final = (1.5, 2.0, 1.5, 1.0, 1.5)  # of AttnSleep, in the order of STAGES


def published_weights(weights: Sequence[float], classes: Array) -> Tensor:
    """Weight of each class by its stage, W N1 N2 N3 REM; 1 for other classes."""
    return torch.tensor([_of_stage(weights, each) for each in classes.tolist()])


def class_aware_weights(classes: Array, y: Array) -> Tensor:
    """Weights of AttnSleep, from the classes of the training rows.

    With N_k rows of class k out of N and K classes, ``mu_k max(1, ln(mu_k N / N_k))``,
    rounded to two digits; mu_k is the factor of the stage over K.
    """
    weights = []
    for each in classes.tolist():
        mu = _of_stage(_CLASS_AWARE, each) / len(classes)
        share = float(np.mean(y == each))
        rarity = math.log(mu / share) if share else 1.0
        weights.append(round(mu * max(1.0, rarity), 2))
    return torch.tensor(weights)


def _of_stage(weights: Sequence[float], of: Any) -> float:
    """Weight of a class that is the code or the name of a stage, else 1."""
    by_code = dict(enumerate(weights))
    by_name = dict(zip(STAGES, weights, strict=True))
    return (by_code | by_name).get(of, 1.0)
