"""Normalised convolutions out of training: norms folded in, few epochs at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._cpu import is_eager_cpu

_CHUNK: Final = 128  # epochs of one channel, whose features fit into the caches


def reference(x: Tensor, layers: Iterable[nn.Module]) -> Tensor:
    """Run one layer after the other on (batch, n_in, n_times)."""
    for layer in layers:
        x = layer(x)
    return x


def run_convolutions(x: Tensor, layers: Iterable[nn.Module]) -> Tensor:
    """As `reference`; each convolution must stand in front of its `BatchNorm`.

    A norm by the running statistics is part of the convolution's weight and bias. Time
    is the second of two axes: torch lays channels last in memory for no less.
    """
    layers = list(layers)
    if not is_eager_cpu(x) or _any_training(layers):
        return reference(x, layers)
    x, remaining = x.unsqueeze(2), iter(layers)
    for layer in remaining:
        if isinstance(layer, nn.Conv1d):
            weight, bias = next(remaining).fold_into(layer.weight, layer.bias)  # type: ignore[operator]
            x = functional.conv2d(x, weight.unsqueeze(2), bias)
        elif isinstance(layer, nn.MaxPool1d):
            x = functional.max_pool2d(x, (1, layer.kernel_size))  # type: ignore[arg-type]
        else:
            x = layer(x)
    return x


def in_chunks(read: Callable[[Tensor], Tensor], x: Tensor, net: nn.Module) -> Tensor:
    """``read(x)``, in chunks of rows where the norms of the net let rows be apart."""
    if not is_eager_cpu(x) or _any_training(net.modules()):
        return read(x)
    return torch.cat([read(part) for part in torch.split(x, _CHUNK)])


def _any_training(modules: Iterable[nn.Module]) -> bool:
    """Whether one of the norms is in training, as those of a branch are together."""
    return any(isinstance(m, BatchNorm) and m.training for m in modules)
