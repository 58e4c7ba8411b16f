"""Sinusoidal positions of tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoids(places: Tensor, dim: int) -> Tensor:
    """Sines and cosines of the places in turn, (n_tokens, dim)."""
    evens = torch.arange(0, dim, 2, device=places.device)
    angles = places[:, None] * torch.exp(evens * (-math.log(10_000.0) / dim))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :dim]
