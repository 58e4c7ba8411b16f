"""Base of the stagers whose publication weights the stages in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from sleepkit._typing import Array
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._stage_weights import published_weights


class PublishedWeightsClassifier(SleepClassifier):
    """Stager whose ``class_weight="published"`` takes the weights of its stages."""

    _stage_weights: ClassVar[Sequence[float]]  # W N1 N2 N3 REM
    _weightings = ("published", "balanced")

    def _class_weights(self, y: Array) -> Tensor | None:
        """Weights as published, or those of the parameter."""
        if self.class_weight == "published":
            return published_weights(self._stage_weights, self.classes_)
        return super()._class_weights(y)
