"""Channels of `FixedChannels` in a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sleepkit.export._facts import Facts
from sleepkit.export._steps._step import Step


class Take(Step):
    """Channels, or columns of features, by number."""

    index: Tensor

    def __init__(self, index: Tensor, axis: int) -> None:
        super().__init__()
        self.register_buffer("index", index)
        self.axis = axis

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Select along the axis."""
        return x.index_select(self.axis, self.index)


def convert(transformer: Any, name: str, facts: Facts) -> tuple[list[Step], Facts]:
    """Select the channels of one modality."""
    count = transformer._count(name)
    if count is None:
        return [], facts
    features = facts.sfreq is None and len(facts.shape) == 1
    width = (transformer.n_features or facts.shape[0]) if features else 1
    first = torch.arange(count) % (facts.shape[0] // width)
    index = (first[:, None] * width + torch.arange(width)).flatten()
    axis = 0 if facts.sfreq is not None else 1
    shape = (len(index), *facts.shape[1:])
    return [Take(index, axis)], replace(facts, shape=shape)
