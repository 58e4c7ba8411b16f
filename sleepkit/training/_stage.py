"""Staging: one prediction an epoch, from sequences that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.training._epochs import Epochs
from sleepkit.training._sequences import PAD, cut_overlapping, find_runs

ReadOut = Callable[[Any, dict[str, Tensor]], Tensor]


def stage(
    module: nn.Module,
    read_out: ReadOut,
    epochs: Epochs,
    *,
    n_classes: int,
    batch_size: int,
    length: int | None = None,
    stride: int = 1,
    device: torch.device | None = None,
    precision: str = "float32",
) -> FloatArray:
    """Give the log-probabilities of the classes for every row.

    Sequences are laid out over whole nights, so that no result depends on which rows
    were asked for, and all batches have one shape, so that rounding does not either.
    Where sequences overlap, log-probabilities are averaged.

    Parameters
    ----------
    module : torch.nn.Module
        The trained module, on the CPU.
    read_out : callable
        Makes log-probabilities of shape ``index.shape + (n_classes,)`` out of what the
        module returned and what is present.
    epochs : Epochs
        The epochs, and which of them are rows.
    n_classes : int
        Number of classes.
    batch_size : int
        Sequences, or epochs, in a batch.
    length : int or None, default=None
        Epochs in a sequence; None takes epochs alone.
    stride : int, default=1
        Epochs from one sequence to the next.
    device : torch.device, default=None
        Where to compute; None means the CPU.
    precision : str, default='float32'
        ``"float32"`` or ``"bfloat16"``, or ``"auto"``: the latter where the device is
        made for it.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
        Log-probabilities (of several sequences: their mean, not normalised); NaN for
        epochs without any signal.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sleepkit.training import RowEpochs, stage
    >>> class Sign(torch.nn.Module):
    ...     def forward(self, inputs, present):
    ...         return inputs["eeg"] * torch.tensor([-1.0, 1.0])
    >>> def read_out(output, present):
    ...     return output.log_softmax(-1)
    >>> epochs = RowEpochs({"eeg": np.array([[-2.0], [3.0]])})
    >>> stage(Sign(), read_out, epochs, n_classes=2, batch_size=4).argmax(axis=1)
    array([0, 1])
    """
    target = torch.device("cpu") if device is None else device
    if target.type != "cpu":  # the original stays where it is: it may be in use
        module = deepcopy(module).to(target)
    wanted: BoolArray = np.zeros(len(epochs.night), np.bool_)
    wanted[epochs.numbers] = True
    total = np.zeros((len(wanted), n_classes))
    count = np.zeros((len(wanted), 1))
    module.eval()
    for index in _batches(_lay_out(epochs, wanted, length, stride), batch_size):
        batch = epochs.batch(index)
        with torch.inference_mode(), _precision(precision, target):
            moved = {
                part: {n: torch.from_numpy(v).to(target) for n, v in values.items()}
                for part, values in batch.items()
            }
            read = read_out(module(**moved), moved["present"])
        real = index != PAD
        np.add.at(total, index[real], read.float().cpu().numpy()[real])
        np.add.at(count, index[real], 1)
    total[count[:, 0] == 0] = np.nan
    mean: FloatArray = total[epochs.numbers] / np.maximum(count[epochs.numbers], 1)
    return mean


def _lay_out(
    epochs: Epochs, wanted: BoolArray, length: int | None, stride: int
) -> IntArray:
    """Lay out the items as numbers, shape (n,) or (n, length)."""
    if length is None:
        return np.flatnonzero(wanted & epochs.usable)
    runs = find_runs(epochs.night, epochs.usable)
    return cut_overlapping(runs, length, stride, wanted)


def _batches(index: IntArray, batch_size: int) -> Iterator[IntArray]:
    """Cut into batches of one shape; the last one is padded."""
    for first in range(0, len(index), batch_size):
        part = index[first : first + batch_size]
        padded = np.full((batch_size, *index.shape[1:]), PAD)
        padded[: len(part)] = part
        yield padded


def _precision(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where asked to, or where it is known to be faster."""
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bfloat16" if fast else "float32"
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
