"""Epochs that a net encoded once, for all the sequences that they are in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from sleepkit._typing import BoolArray, IntArray
from sleepkit.training._epochs import Epochs
from sleepkit.training._forward import Forward, Found
from sleepkit.training._sequences import PAD, cut_overlapping, find_runs
from sleepkit.training._workers import Map

Heads = Collection[str] | None
_GROUP = 512  # epochs at least whose encoding is kept at a time
_CACHED = 96  # epochs whose tokens a processor can keep near
_DECODED = 1000  # epochs at least that sequences have at a time: they are short of work
EncoderBatch = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]  # rows, inputs, ...


@runtime_checkable
class TwoStepModule(Protocol):
    """A module that looks at epochs one by one, and then at what it found in sequences.

    What is kept of epochs is a named tuple of dictionaries of tensors, (batch, seq, n).
    """

    def encode(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor], heads: Heads
    ) -> Any:
        """Look at epochs."""

    def decode(self, encoded: Any, present: Mapping[str, Tensor], heads: Heads) -> Any:
        """Look at sequences of encoded epochs, and give the output."""


@runtime_checkable
class HeadReadOut(Protocol):
    """A read-out that knows beforehand which part of the output it will read."""

    def heads(self, present: Mapping[str, Tensor]) -> Collection[str]:
        """Name what is read of epochs of which this is present."""


def encoded_parts(
    forward: Forward,
    read_out: Any,
    each: Map,
    epochs: Epochs,
    wanted: BoolArray,
    length: int,
    stride: int,
    batch_size: int,
) -> Iterator[tuple[Callable[[IntArray], Found], Iterable[IntArray]]]:
    """Encode some nights at a time; give them, with the sequences to decode."""
    runs = find_runs(epochs.night, epochs.usable)
    everything = np.ones_like(wanted)
    size = batch_size * length
    if forward.device.type == "cpu":
        size = min(size, _CACHED)
    n_sequences = max(batch_size, _DECODED // length)
    for group in _groups(runs):
        night = slice(group[0][0], group[-1][1])
        if wanted[night].any():
            index = cut_overlapping(group, length, stride, everything)
            encoded = EncodedRuns(forward, read_out, epochs, group, size, each)
            yield encoded, np.array_split(index, -(-len(index) // n_sequences))


def _groups(runs: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
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
        epochs: Epochs,
        runs: list[tuple[int, int]],
        size: int,
        each: Map,
    ) -> None:
        self._forward = forward
        self._encoder: TwoStepModule = forward.converted  # type: ignore[assignment]
        # the second step is short, but what it rounds would decide between stages
        self._decoder: TwoStepModule = forward.module  # type: ignore[assignment]
        self._read_out = read_out
        self._first = runs[0][0]
        night = slice(self._first, runs[-1][1])
        there = {name: present[night] for name, present in epochs.present.items()}
        # what is absent from all of them is left out, if nobody will read it
        needed = not isinstance(read_out, HeadReadOut)
        # the last row is padding
        self._present = forward.tensors(
            {n: np.append(p, False) for n, p in there.items() if p.any() or needed}
        )
        self._kept: list[dict[str, Tensor]] = []
        self._make: Any = None
        numbers = np.concatenate([np.arange(*run) for run in runs])
        self._read_heads = self._heads(self._present)
        parts = np.array_split(numbers, -(-len(numbers) // size))
        batches = (self._batch(epochs, part) for part in parts)
        for rows, found in each(self._encode, batches):
            self._keep(rows, found)

    def __call__(self, index: IntArray) -> Found:
        """Run on sequences; give the output, and what was present."""
        rows = self._rows(index)
        present = {name: there[rows] for name, there in self._present.items()}
        encoded = self._make(
            {name: tokens[rows] for name, tokens in kept.items()} for kept in self._kept
        )
        output = self._decoder.decode(encoded, present, self._heads(present))
        return output, present

    def _batch(self, epochs: Epochs, numbers: IntArray) -> EncoderBatch:
        """Take some epochs."""
        rows = self._rows(numbers)
        batch = epochs.batch(numbers[:, np.newaxis])
        inputs = {name: batch["inputs"][name] for name in self._present}
        present = {name: there[rows, None] for name, there in self._present.items()}
        return rows, self._forward.tensors(inputs, self._forward.dtype), present

    def _encode(self, batch: EncoderBatch) -> tuple[Tensor, Any]:
        """Encode some epochs; give where to keep them, and what was found."""
        rows, inputs, present = batch
        return rows, self._encoder.encode(inputs, present, self._read_heads)

    def _keep(self, rows: Tensor, found: Any) -> None:
        """Keep what was found of some epochs."""
        if not self._kept:
            self._make = type(found)._make
            self._kept = [{} for _ in found]
        n_rows = len(next(iter(self._present.values())))
        for kept, part in zip(self._kept, found, strict=True):
            for name, tokens in part.items():
                if name not in kept:
                    shape = (n_rows, tokens.shape[-1])
                    kept[name] = tokens.new_zeros(shape, dtype=torch.float32)
                kept[name][rows] = tokens[:, 0].float()

    def _rows(self, index: IntArray) -> Tensor:
        """Give the rows of what is kept."""
        rows = np.where(index == PAD, -1, index - self._first)
        return torch.from_numpy(rows).to(self._forward.device)

    def _heads(self, present: Mapping[str, Tensor]) -> Heads:
        """Ask what is going to be read."""
        if isinstance(self._read_out, HeadReadOut):
            return self._read_out.heads(present)
        return None
