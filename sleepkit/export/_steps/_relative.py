"""Relative features of `RelativeFeatures` in a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sleepkit.export._facts import Facts
from sleepkit.export._nights import quantiles
from sleepkit.export._steps._step import Step


class Relative(Step):
    """Append features less their median over the epochs that are present."""

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(n_epochs, n_features) -> (n_epochs, 2 * n_features)."""
        n_known = present.sum().reshape(1)
        (median,) = quantiles(x.T, present, n_known, [0.5]).unbind()
        return torch.cat([x, x - median], 1)


def convert(
    transformer: Any,  # noqa: ARG001 - all conversions get it
    name: str,  # noqa: ARG001 - all conversions get it
    facts: Facts,
) -> tuple[list[Step], Facts]:
    """Append to the features of one modality."""
    return [Relative()], replace(facts, shape=(2 * facts.shape[0],))
