"""Padding of sequences: where there is an epoch, and rows without it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def is_epoch(present: Mapping[str, Tensor] | None) -> Tensor | None:
    """Where there is any modality, (batch, ...); elsewhere is padding."""
    return torch.stack(list(present.values())).any(0) if present else None


def by_rows(
    module: nn.Module, rows: Tensor, mask: Tensor | None, *, training: bool
) -> Tensor:
    """Run a module on (n, ...); padding gives zeros, and no batch statistics."""
    if mask is None:
        output: Tensor = module(rows)
        return output
    mask = mask.flatten()
    if not training:  # rows of a batch of fixed size round the same
        output = module(rows)
        return torch.where(mask[:, None], output, 0)
    found = module(rows[mask])
    spread: Tensor = found.new_zeros(len(rows), found.shape[1])
    spread[mask] = found
    return spread
