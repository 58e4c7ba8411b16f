"""Staging: one prediction an epoch, from sequences that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.training._encoded import TwoStepModule, encoded_parts
from sleepkit.training._epochs import Epochs
from sleepkit.training._forward import Forward, Found
from sleepkit.training._sequences import PAD, cut_overlapping, find_runs
from sleepkit.training._workers import inference_workers

ReadOut = Callable[[Any, dict[str, Tensor]], Tensor]
Part = tuple[Callable[[IntArray], Found], Iterable[IntArray]]


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

    Sequences are laid out over whole nights, and so are batches, so that no result
    depends on which rows of these nights were asked for, not even its rounding. Other
    nights, or other rows of an array, may change the last bit. Where sequences
    overlap, log-probabilities are averaged. A module with the methods ``encode`` and
    ``decode``, such as `sleepkit.nn.MedFuseNet`, looks at each epoch once, however many
    sequences that is in; and if the read-out has a method ``heads``, which names what
    it will read, no other logits are computed. On a CPU with several threads, both
    methods and the read-out then run on several batches at once: hooks are called in
    any order, and a thread that begins to use torch meanwhile gets a share of the
    threads. `threads` with 1 prevents that.

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
        Sequences, or epochs, in a batch. Of what has been looked at, a module with two
        steps may be given more sequences at once.
    length : int or None, default=None
        Epochs in a sequence; None takes epochs alone.
    stride : int, default=1
        Epochs from one sequence to the next.
    device : torch.device, default=None
        Where to compute; None means the CPU.
    precision : str, default='float32'
        ``"float32"`` or ``"bfloat16"``, or ``"auto"``: the latter where the device is
        made for it. A copy of the module computes in bfloat16; where there are two
        steps, that is the first one, and the second one stays in float32.

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
    wanted: BoolArray = np.zeros(len(epochs.night), np.bool_)
    wanted[epochs.numbers] = True
    total = np.zeros((len(wanted), n_classes))
    count = np.zeros((len(wanted), 1))
    forward = Forward(module, device, precision)
    layout: tuple[Any, ...] = epochs, wanted, length, stride, batch_size
    two_steps = length is not None and isinstance(module, TwoStepModule)
    with (
        torch.inference_mode(),
        torch.autocast(forward.device.type, enabled=False),  # as in other threads
        inference_workers(forward.device) if two_steps else nullcontext(map) as each,
    ):
        if two_steps:
            parts = encoded_parts(forward, read_out, each, *layout)
        else:
            parts = _whole_parts(forward, *layout)
        for run, batches in parts:
            for index, read in each(partial(_read, read_out, run), batches):
                real = index != PAD
                np.add.at(total, index[real], read[real])
                np.add.at(count, index[real], 1)
    total[count[:, 0] == 0] = np.nan
    mean: FloatArray = total[epochs.numbers] / np.maximum(count[epochs.numbers], 1)
    return mean


def _read(
    read_out: ReadOut, run: Callable[[IntArray], Found], index: IntArray
) -> tuple[IntArray, FloatArray]:
    """Give the log-probabilities of a batch, and which one it is."""
    return index, read_out(*run(index)).float().cpu().numpy()


def _whole_parts(
    forward: Forward,
    epochs: Epochs,
    wanted: BoolArray,
    length: int | None,
    stride: int,
    batch_size: int,
) -> Iterator[Part]:
    """Give what runs the whole module, and the batches to run it on."""
    index: IntArray
    if length is None:
        index = np.flatnonzero(wanted & epochs.usable)
    else:
        runs = find_runs(epochs.night, epochs.usable)
        index = cut_overlapping(runs, length, stride, wanted)
    yield partial(forward, epochs), _batches(index, batch_size)


def _batches(index: IntArray, batch_size: int) -> Iterator[IntArray]:
    """Cut into batches of one shape; the last one is padded."""
    for first in range(0, len(index), batch_size):
        part = index[first : first + batch_size]
        padded = np.full((batch_size, *index.shape[1:]), PAD)
        padded[: len(part)] = part
        yield padded
