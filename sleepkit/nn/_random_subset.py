"""Random parts of the modalities of epochs, to train a head for subsets."""

from __future__ import annotations

import torch
from torch import Tensor


def random_subset(present: Tensor, least: int) -> Tensor:
    """Random part of the modalities of each epoch: bool (batch, seq, n_modalities).

    Epochs of a sequence that have the same modalities have the same part. Its size is
    anything from `least` to all but one, evenly; epochs that have no more than `least`
    keep theirs.
    """
    n_present = present.sum(-1, keepdim=True)
    sizes = (n_present - least).clamp(min=1)
    draw = torch.rand(len(present), 1, 1, device=present.device)
    size = least + (draw * sizes).long().clamp(max=sizes - 1)
    order = torch.rand(len(present), 1, present.shape[-1], device=present.device)
    order = order.expand_as(present).masked_fill(~present, 2)
    return present & (order.argsort(-1).argsort(-1) < size)
