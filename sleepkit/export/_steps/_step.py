"""What the steps of a graph have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

Tensors = Mapping[str, Tensor]


class Step(nn.Module, ABC):
    """Transform one modality of a night.

    Continuous signals are (n_channels, n_times), epochs (n_epochs, ...).
    """

    @abstractmethod
    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Transform values; `present`, (n_epochs,), marks the epochs that count."""


class Steps(nn.Module):
    """Transform the modalities of a night, each by steps of its own."""

    def __init__(self, steps: Mapping[str, list[Step]]) -> None:
        super().__init__()
        self.steps = nn.ModuleDict(
            {n: nn.ModuleList(each) for n, each in steps.items()}
        )

    def forward(self, values: Tensors, present: Tensors) -> dict[str, Tensor]:
        """Transform the modalities that have steps."""
        changed = {}
        for name, steps in self.steps.items():
            x = values[name]
            for step in cast("nn.ModuleList", steps):
                x = step(x, present[name])
            changed[name] = x
        return changed
