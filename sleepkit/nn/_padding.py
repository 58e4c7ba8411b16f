"""Padding of sequences: where there is an epoch, and rows without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def is_epoch(present: Mapping[str, Tensor] | None) -> Tensor | None:
    """Where there is any modality, (batch, ...); elsewhere is padding."""
    return torch.stack(list(present.values())).any(0) if present else None


def by_rows(
    module: Callable[[Tensor], Tensor],
    rows: Tensor,
    mask: Tensor | None,
    *,
    training: bool,
) -> Tensor:
    """Run a module on (n, ...); padding gives zeros, and no batch statistics."""
    if mask is None:
        return module(rows)
    mask = mask.flatten()
    if not training:
        output = in_eights(module, rows)
        return torch.where(mask[:, None], output, 0)
    found = module(rows[mask])
    spread: Tensor = found.new_zeros(len(rows), found.shape[1])
    spread[mask] = found
    return spread


def in_eights(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Run on rows that are filled up to a multiple of eight, and return theirs.

    Products and vectorised functions round a few rows otherwise than many: so the
    result of a row does not depend on how many are in the batch.
    """
    n_rows = len(inputs[0])
    filled = [torch.cat([x, x.new_zeros(-n_rows % 8, *x.shape[1:])]) for x in inputs]
    return function(*filled)[:n_rows]
