"""Gradients clipped value by value."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback
from torch.nn.utils import clip_grad_value_


class GradientValueClipping(Callback):
    """Clip each value of the gradients to a range around zero."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def on_grad_computed(self, net: Any, **kwargs: Any) -> None:
        """Clip the gradients of a batch."""
        clip_grad_value_(net.module_.parameters(), self.limit)
