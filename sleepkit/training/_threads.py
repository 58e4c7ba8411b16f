"""Threads of torch by the size of the work."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from sleepkit.nn import fast_cpu
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._samplers import PAD

# Multiply-adds of an average product. Below, a second thread gains nothing on a free
# machine, and beside a busy process the threads wait for each other most of the time.
# See benchmarks/bench_threads.py.
_MIN_WORK: Final = 4e6
_N_ROWS: Final = 2  # of one alone, a module may squeeze out the first axis
_LAYERS: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Multiply-adds of a layer by module, and by the shapes of its batch: a count runs the
# module, which takes as long as some nights.
_COUNTS: WeakKeyDictionary[nn.Module, dict[Any, float]] = WeakKeyDictionary()


def choose_threads(
    module: nn.Module,
    source: EpochSource,
    batch_size: int,
    length: int | None,
    device: torch.device,
) -> int | None:
    """Choose 1 for small products on a CPU, else None: as many as torch has.

    The choice depends on the sizes alone, so that it is the same each time.
    """
    if device.type != "cpu" or torch.get_num_threads() == 1:
        return None
    index = np.flatnonzero(source.has_signal)[:_N_ROWS]
    if not index.size:  # nothing will be computed
        return None
    index = np.resize(index, _N_ROWS)
    if length is not None:
        index = np.pad(index[:, None], [(0, 0), (0, length - 1)], constant_values=PAD)
    work = batch_size / _N_ROWS * _known_work(module, source.batch(index))
    return 1 if work < _MIN_WORK else None


def _known_work(module: nn.Module, batch: Any) -> float:
    """Count the work of a module once for each shape of a batch."""
    counts = _COUNTS.setdefault(module, {})
    shapes = tuple(
        (kind, name, values.shape)
        for kind, part in batch.items()
        for name, values in part.items()
    )
    if shapes not in counts:
        counts[shapes] = _mean_work(module, batch)
    return counts[shapes]


def _mean_work(module: nn.Module, batch: Any) -> float:
    """Count the multiply-adds of an average layer, in a forward pass of a batch."""
    work: list[int] = []

    def count(layer: nn.Module, _: Any, output: Any) -> None:
        if isinstance(layer, _LAYERS):
            work.append(output.numel() // layer.weight.shape[0] * layer.weight.numel())
        elif isinstance(layer, nn.RNNBase):  # one product for each step
            work.append(_N_ROWS * sum(p.numel() for p in layer.parameters()))

    layers = list(module.modules())
    hooks = [layer.register_forward_hook(count) for layer in layers]
    modes = [layer.training for layer in layers]
    tensors = {
        kind: {name: torch.from_numpy(values) for name, values in part.items()}
        for kind, part in batch.items()
    }
    try:
        with torch.no_grad(), fast_cpu(False):  # fast paths pass over layers
            module.eval()(**tensors)
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training = mode  # a part may be frozen in evaluation mode
        for hook in hooks:
            hook.remove()
    return sum(work) / max(len(work), 1)
