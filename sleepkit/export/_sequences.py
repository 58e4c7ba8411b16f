"""Sequences of epochs that a graph stages: where they are cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Final, Self

import numpy as np

from sleepkit._typing import BoolArray, IntArray
from sleepkit.training._samplers import cut_overlapping, find_runs, longest_run

_LONG: Final = 100_000  # epochs, longer than any sequence of a fixed length


@dataclass(frozen=True)
class Sequences:
    """Rule by which the epochs of a night are cut into sequences for a net.

    A `length` of None is the longest stretch without a gap. `needs_all` says whether an
    epoch without one of the `modalities` is a gap, rather than one without any.
    """

    modalities: tuple[str, ...]
    length: int | None
    stride: int = 1
    needs_all: bool = False

    @classmethod
    def of(cls, stager: Any) -> Self | None:
        """Rule of a fitted classifier; None where it stages epochs alone."""
        lengths = [stager._staging_sequences(_probe(n)) for n in (1, _LONG)]
        (short, _), (length, stride) = lengths
        if length is None:
            return None
        return cls(
            tuple(stager.layout_),
            length if short == length else None,
            stride,
            needs_all=not stager.any_subset,
        )

    def cut(self, present: Mapping[str, BoolArray]) -> IntArray:
        """Numbers of the epochs in each sequence of a night, (n, length); -1 pads."""
        combine = np.logical_and if self.needs_all else np.logical_or
        there = combine.reduce([present[name] for name in self.modalities])
        night = np.zeros(len(there), np.int64)
        length = self.length or longest_run(night, there)
        everything = np.ones_like(there)
        return cut_overlapping(find_runs(night, there), length, self.stride, everything)

    def to_json(self) -> dict[str, Any]:
        """Fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Rule from its fields."""
        return cls(**{**fields, "modalities": tuple(fields["modalities"])})


def _probe(n_epochs: int) -> Any:
    """Make a night of so many epochs, as far as sequences depend on it."""
    everywhere = np.ones(n_epochs, np.bool_)
    return SimpleNamespace(night=np.zeros(n_epochs, np.int64), has_signal=everywhere)
