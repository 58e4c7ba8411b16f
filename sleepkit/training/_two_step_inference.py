"""Inference in two steps: each epoch encoded once, then sequences of them decoded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from sleepkit._typing import BoolArray, IntArray
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._forward import Forward, Output
from sleepkit.training._parallel import Map
from sleepkit.training._samplers import PAD, Run, cut_overlapping, find_runs
from sleepkit.training._structure import leaves, map_tensors

_GROUP = 512  # epochs at least whose encoding is kept at a time
_CACHED = 96  # epochs whose tokens a processor can keep near
_ON_DEVICE = 2048  # epochs that an accelerator encodes at a time
_DECODED = 1000  # epochs at least that sequences have at a time: they are short of work
EncoderBatch = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]  # rows, inputs, ...


@runtime_checkable
class TwoStepModule(Protocol):
    """A module that encodes epochs one by one, and decodes sequences of them.

    `encode` gets its inputs in the precision of the inference, or in the type that the
    module has as ``input_dtype``.
    Where the read-out has a method ``heads`` (see `HeadReadOut`), both methods also get
    the names that it gives, as a third argument.
    """

    def encode(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Any:
        """Encode epochs: tensors (batch, seq, ...), or a nest of dicts and tuples."""

    def decode(self, encoded: Any, present: Mapping[str, Tensor]) -> Any:
        """Output of the module from encoded epochs, in sequences of any length."""


@runtime_checkable
class HeadReadOut(Protocol):
    """A read-out that knows beforehand which heads it will read."""

    def heads(self, present: Mapping[str, Tensor]) -> Collection[str]:
        """Names of the heads that are read where these modalities are present."""


def encoded_parts(
    forward: Forward,
    read_out: Any,
    each: Map,
    source: EpochSource,
    wanted: BoolArray,
    length: int,
    stride: int,
    batch_size: int,
) -> Iterator[tuple[Callable[[IntArray], Output], Iterable[IntArray]]]:
    """Encode some recordings at a time; give them, with the sequences to decode."""
    runs = find_runs(source.night, source.has_signal)
    everything = np.ones_like(wanted)
    cap = _CACHED if forward.device.type == "cpu" else _ON_DEVICE
    size = min(batch_size * length, cap)
    n_sequences = max(batch_size, _DECODED // length)
    for group in _groups(runs):
        night = slice(group[0][0], group[-1][1])
        if wanted[night].any():
            index = cut_overlapping(group, length, stride, everything)
            encoded = EncodedRuns(forward, read_out, source, group, size, each)
            yield encoded, np.array_split(index, -(-len(index) // n_sequences))


def _groups(runs: list[Run]) -> Iterator[list[Run]]:
    """Put neighbouring runs together until they have some epochs."""
    before = np.cumsum([0, *(stop - start for start, stop in runs)])
    number = dict(zip(runs, before // _GROUP, strict=False))
    for _, group in groupby(runs, number.__getitem__):
        yield list(group)


class EncodedRuns:
    """Neighbouring runs of epochs: encoded at once, decoded in sequences.

    `size` is the number of epochs to encode in one batch, and `each` maps batches.
    """

    def __init__(
        self,
        forward: Forward,
        read_out: Any,
        source: EpochSource,
        runs: list[Run],
        size: int,
        each: Map,
    ) -> None:
        self._forward = forward
        self._encoder: Any = forward.converted
        # the second step is short, but what it rounds would decide between stages
        self._decoder: Any = forward.module
        self._read_out = read_out
        self._first = runs[0][0]
        night = slice(self._first, runs[-1][1])
        there = {name: present[night] for name, present in source.present.items()}
        # what is absent from all of them is left out, if it is not going to be read
        needed = not isinstance(read_out, HeadReadOut)
        # the last row is padding
        self._present = forward.tensors(
            {n: np.append(p, False) for n, p in there.items() if p.any() or needed}
        )
        self._encoded: Any = None
        numbers = np.concatenate([np.arange(*run) for run in runs])
        self._heads = self._heads_read(self._present)
        parts = np.array_split(numbers, -(-len(numbers) // size))
        batches = (self._batch(source, part) for part in parts)
        for rows, encoded in each(self._encode, batches):
            self._keep(rows, encoded)

    def __call__(self, index: IntArray) -> Output:
        """Run on sequences; give the output, and what was present."""
        rows = self._rows(index)
        present = {name: there[rows] for name, there in self._present.items()}
        encoded = map_tensors(lambda kept: kept[rows], self._encoded)
        heads = self._heads_read(present)
        return self._decoder.decode(encoded, present, *heads), present

    def _batch(self, source: EpochSource, numbers: IntArray) -> EncoderBatch:
        """Input of the first step for some epochs."""
        rows = self._rows(numbers)
        batch = source.batch(numbers[:, np.newaxis])
        inputs = {name: batch["inputs"][name] for name in self._present}
        present = {name: there[rows, None] for name, there in self._present.items()}
        dtype = getattr(self._encoder, "input_dtype", self._forward.dtype)
        return rows, self._forward.tensors(inputs, dtype), present

    def _encode(self, batch: EncoderBatch) -> tuple[Tensor, Any]:
        """Encode some epochs; give their rows, too."""
        rows, inputs, present = batch
        return rows, self._encoder.encode(inputs, present, *self._heads)

    def _keep(self, rows: Tensor, encoded: Any) -> None:
        """Keep the encoding of some epochs."""
        n_rows = len(next(iter(self._present.values())))
        if self._encoded is None:
            _check_encoding(encoded, len(rows))
            self._encoded = map_tensors(
                lambda part: part.new_zeros(
                    (n_rows, *part.shape[2:]), dtype=torch.float32
                ),
                encoded,
            )

        def copy(kept: Tensor, part: Tensor) -> None:
            kept[rows] = part[:, 0].float()

        map_tensors(copy, self._encoded, encoded)

    def _rows(self, index: IntArray) -> Tensor:
        """Rows of the kept encodings."""
        rows = np.where(index == PAD, -1, index - self._first)
        return torch.from_numpy(rows).to(self._forward.device)

    def _heads_read(self, present: Mapping[str, Tensor]) -> tuple[Any, ...]:
        """Name the heads that will be read, as a further argument, if known."""
        if isinstance(self._read_out, HeadReadOut):
            return (self._read_out.heads(present),)
        return ()


def _check_encoding(encoded: Any, n_epochs: int) -> None:
    """Require tensors (batch, seq, ...) of epochs that were encoded one by one."""
    for part in leaves(encoded):
        if not isinstance(part, Tensor) or part.shape[:2] != (n_epochs, 1):
            shape = getattr(part, "shape", None)
            got = type(part).__name__ if shape is None else f"shape {tuple(shape)}"
            msg = (
                "The method encode of a module must return tensors (batch, seq, ...), "
                "or a nest of dicts and tuples of them, here with batch, seq = "
                f"{n_epochs}, 1. Got {got}."
            )
            raise ValueError(msg)
