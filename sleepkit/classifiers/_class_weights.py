"""The parameter `class_weight` of stagers: its check, and the weights that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from sleepkit._typing import Array
from sleepkit.utils import check_option, check_positive


def check_class_weight(class_weight: Any, words: Sequence[str], *, owner: str) -> None:
    """Require a word, or a mapping to numbers."""
    if isinstance(class_weight, Mapping):
        for name, weight in class_weight.items():
            check_positive(f"class_weight[{name!r}]", weight, owner=owner, zero=True)
    elif class_weight is not None:
        check_option("class_weight", class_weight, words, owner=owner)


def class_weights(
    class_weight: str | Mapping[Any, float] | None, classes: Array, y: Array
) -> Tensor | None:
    """Weight of each class in the loss; 1 where a class is not in y, or not named."""
    if class_weight is None:
        return None
    weights = np.ones(len(classes), np.float32)
    if isinstance(class_weight, Mapping):
        known = classes.tolist()
        unknown = [name for name in class_weight if name not in known]
        if unknown:
            msg = f"'class_weight' names {unknown}; the classes are {known}."
            raise ValueError(msg)
        weights[:] = [class_weight.get(name, 1) for name in known]
    else:
        found = np.isin(classes, y)
        balanced = compute_class_weight(class_weight, classes=classes[found], y=y)
        weights[found] = balanced
    return torch.from_numpy(weights)
