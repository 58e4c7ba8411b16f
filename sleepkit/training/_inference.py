"""Inference: one row of output for each epoch, from sequences that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._forward import Forward, Output
from sleepkit.training._parallel import inference_workers
from sleepkit.training._runtime import threads
from sleepkit.training._samplers import PAD, cut_overlapping, find_runs
from sleepkit.training._threads import choose_threads
from sleepkit.training._two_step_inference import TwoStepModule, encoded_parts

ReadOut = Callable[[Any, dict[str, Tensor]], Tensor]
Part = tuple[Callable[[IntArray], Output], Iterable[IntArray]]


def read_logits(
    output: Any,
    present: dict[str, Tensor],  # noqa: ARG001 - a read-out gets both
) -> Tensor:
    """Log-probabilities of a module that returns logits."""
    log_proba: Tensor = output.float().log_softmax(-1)
    return log_proba


def infer(
    module: nn.Module,
    read_out: ReadOut,
    source: EpochSource,
    *,
    n_columns: int,
    batch_size: int,
    length: int | None = None,
    stride: int = 1,
    device: torch.device | None = None,
    precision: str = "float32",
    n_threads: int | None = None,
) -> FloatArray:
    """Run a trained module, and read one row of output for each row of X.

    Sequences are laid out over whole nights, and so are batches, so that no result
    depends on which rows of these nights were requested, not even its rounding. Other
    nights, or other rows of an array, may change the last bit. Where sequences
    overlap, what is read is averaged. A `TwoStepModule` encodes each epoch once,
    however many sequences that is in; and if the read-out has a method ``heads``, which
    names what it will read, no other logits are computed. On a CPU with several
    threads, both steps and the read-out then run on several batches at once: hooks are
    called in any order, and a thread that begins to use torch meanwhile gets a share of
    the threads, which ``n_threads=1`` prevents.

    Parameters
    ----------
    module : torch.nn.Module
        The trained module, on the CPU.
    read_out : callable
        Makes log-probabilities (or other rows) of shape ``index.shape + (n_columns,)``
        out of what the module returned and what is present.
    source : EpochSource
        The epochs, and which of them are rows.
    n_columns : int
        Size of what is read of an epoch, such as the number of classes.
    batch_size : int
        Sequences, or epochs, in a batch. A module of two steps may be given more
        sequences of encoded epochs at once.
    length : int or None, default=None
        Epochs in a sequence; None takes epochs alone.
    stride : int, default=1
        Epochs from one sequence to the next.
    device : torch.device, default=None
        Where to compute; None means the CPU.
    precision : str, default='float32'
        ``"float32"`` or ``"bfloat16"``, or ``"auto"``: the latter where the device is
        made for it. A copy of the module computes in bfloat16; of two steps the first
        one does, and the second one stays in float32.
    n_threads : int, default=None
        Threads of torch. None chooses by the size of the work.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        What is read (of several sequences: the mean); NaN for epochs without signal.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sleepkit.training import ArraySource
    >>> from sleepkit.training._inference import infer
    >>> class Sign(torch.nn.Module):
    ...     def forward(self, inputs, present):
    ...         return inputs["eeg"] * torch.tensor([-1.0, 1.0])
    >>> def read_out(output, present):
    ...     return output.log_softmax(-1)
    >>> source = ArraySource({"eeg": np.array([[-2.0], [3.0]])})
    >>> infer(Sign(), read_out, source, n_columns=2, batch_size=4).argmax(axis=1)
    array([0, 1])
    """
    wanted: BoolArray = np.zeros(len(source.night), np.bool_)
    wanted[source.row_to_epoch] = True
    forward = Forward(module, device, precision)
    layout: tuple[Any, ...] = source, wanted, length, stride, batch_size
    two_steps = length is not None and isinstance(module, TwoStepModule)
    if n_threads is None and not two_steps:  # else whole batches run side by side
        n_threads = choose_threads(module, source, batch_size, length, forward.device)
    total, count = np.zeros((len(wanted), n_columns)), np.zeros((len(wanted), 1))
    with (
        threads(n_threads),
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
    return _mean(total, count, source.row_to_epoch)


def _mean(total: FloatArray, count: FloatArray, rows: IntArray) -> FloatArray:
    """Average what was read of the epochs behind some rows; NaN where nothing was."""
    total[count[:, 0] == 0] = np.nan
    mean: FloatArray = total[rows] / np.maximum(count[rows], 1)
    return mean


def _read(
    read_out: ReadOut, run: Callable[[IntArray], Output], index: IntArray
) -> tuple[IntArray, FloatArray]:
    """Epochs of a batch, and what is read of them."""
    return index, read_out(*run(index)).float().cpu().numpy()


def _whole_parts(
    forward: Forward,
    source: EpochSource,
    wanted: BoolArray,
    length: int | None,
    stride: int,
    batch_size: int,
) -> Iterator[Part]:
    """Return the whole module as a function of epochs, and the batches for it."""
    index: IntArray
    if length is None:
        index = np.flatnonzero(wanted & source.has_signal)
    else:
        runs = find_runs(source.night, source.has_signal)
        index = cut_overlapping(runs, length, stride, wanted)
    yield partial(forward, source), _batches(index, batch_size)


def _batches(index: IntArray, batch_size: int) -> Iterator[IntArray]:
    """Batches of one shape; the last one is padded."""
    for first in range(0, len(index), batch_size):
        part = index[first : first + batch_size]
        padded = np.full((batch_size, *index.shape[1:]), PAD)
        padded[: len(part)] = part
        yield padded
