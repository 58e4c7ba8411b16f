"""Epochs that a net encoded once, for all the sequences that they are in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from sleepkit._typing import IntArray
from sleepkit.training._epochs import Epochs
from sleepkit.training._forward import Forward, Found
from sleepkit.training._sequences import PAD

Views = Collection[str] | None


@runtime_checkable
class TwoStepModule(Protocol):
    """A module that looks at epochs one by one, and then at what it found in sequences.

    What is kept of epochs is a named tuple of dictionaries of tensors, (batch, seq, n).
    """

    def encode(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor], views: Views
    ) -> Any:
        """Look at epochs."""

    def decode(self, encoded: Any, present: Mapping[str, Tensor], views: Views) -> Any:
        """Look at sequences of encoded epochs, and give the output."""


@runtime_checkable
class ViewReadOut(Protocol):
    """A read-out that knows beforehand which part of the output it will read."""

    def views(self, present: Mapping[str, Tensor]) -> Collection[str]:
        """Name what is read of epochs of which this is present."""


class EncodedRuns:
    """Neighbouring runs of epochs: encoded at once, decoded in sequences.

    `size` is the number of epochs to encode in one batch.
    """

    def __init__(
        self,
        forward: Forward,
        read_out: Any,
        epochs: Epochs,
        runs: list[tuple[int, int]],
        size: int,
    ) -> None:
        self._forward = forward
        self._encoder: TwoStepModule = forward.module  # type: ignore[assignment]
        # the second step is short, but what it rounds would decide between stages
        self._decoder: TwoStepModule = forward.exact  # type: ignore[assignment]
        self._read_out = read_out
        self._first = runs[0][0]
        night = slice(self._first, runs[-1][1])
        there = {name: present[night] for name, present in epochs.present.items()}
        # the last row is padding
        self._present = forward.tensors(
            {n: np.append(p, False) for n, p in there.items() if p.any()}
        )
        self._kept: list[dict[str, Tensor]] = []
        self._make: Any = None
        numbers = np.concatenate([np.arange(*run) for run in runs])
        views = self._views(self._present)
        for part in np.array_split(numbers, -(-len(numbers) // size)):
            self._encode(epochs, part, views)

    def __call__(self, index: IntArray) -> Found:
        """Run on sequences; give the output, and what was present."""
        rows = self._rows(index)
        present = {name: there[rows] for name, there in self._present.items()}
        encoded = self._make(
            {name: tokens[rows] for name, tokens in kept.items()} for kept in self._kept
        )
        output = self._decoder.decode(encoded, present, self._views(present))
        return output, present

    def _encode(self, epochs: Epochs, numbers: IntArray, views: Views) -> None:
        """Encode some epochs, and keep what was found."""
        rows = self._rows(numbers)
        batch = epochs.batch(numbers[:, np.newaxis])
        inputs = {name: batch["inputs"][name] for name in self._present}
        present = {name: there[rows, None] for name, there in self._present.items()}
        found = self._encoder.encode(self._forward.tensors(inputs), present, views)
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

    def _views(self, present: Mapping[str, Tensor]) -> Views:
        """Ask what is going to be read."""
        if isinstance(self._read_out, ViewReadOut):
            return self._read_out.views(present)
        return None
