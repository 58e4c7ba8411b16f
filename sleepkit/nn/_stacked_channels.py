"""Epochs whose modalities are read together: channels stacked, padding left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Inputs = Mapping[str, Tensor]


class StackedChannels:
    """The channels of all modalities as one block, for nets that need all of them.

    `modalities` are the shapes (n_channels, n_times) of one epoch, with one n_times;
    `owner` is the net that messages name.
    """

    def __init__(
        self, modalities: Mapping[str, tuple[int, ...]], *, owner: str
    ) -> None:
        self.owner = owner
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        self.n_times = common_length(self.shapes, owner=owner)
        self.n_channels = sum(shape[0] for shape in self.shapes.values())

    def __call__(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stack epochs (..., n_channels, n_times), zero where one lacks a modality."""
        if inputs.keys() != self.shapes.keys():
            needed, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"{self.owner} needs all of its modalities, {needed}; got {given}."
            raise ValueError(msg)
        blocks = []
        for name, rule in self.shapes.items():
            x = inputs[name]
            check_shape(name, x.shape[-2:], rule, owner=self.owner)
            if present and name in present:
                x = torch.where(present[name][..., None, None], x, 0)
            blocks.append(x)
        return torch.cat(blocks, dim=-2)

    def check_sequences(self, inputs: Inputs) -> None:
        """Refuse inputs that are no sequences of epochs."""
        for name, x in inputs.items():
            if x.ndim != 4:
                msg = (
                    f"{self.owner} needs {name!r} of shape (batch, seq, n_channels, "
                    f"n_times); got {tuple(x.shape)}."
                )
                raise ValueError(msg)


def common_length(shapes: Mapping[str, tuple[int, ...]], *, owner: str) -> int:
    """Find the samples of an epoch, which all modalities must have in common."""
    lengths = {shape[-1] for shape in shapes.values() if len(shape) == 2}
    if len(lengths) != 1 or any(len(shape) != 2 for shape in shapes.values()):
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        msg = (
            f"{owner} needs epochs of shape (n_channels, n_times) with the same "
            f"n_times; got {given or 'none'}."
        )
        raise ValueError(msg)
    return lengths.pop()


def check_shape(
    name: str, shape: tuple[int, ...], rule: tuple[int, ...], *, owner: str
) -> None:
    """Refuse epochs of a modality that have another shape than those of the net."""
    if shape != rule:
        msg = f"{owner} needs {name!r} epochs of shape {rule}; got {tuple(shape)}."
        raise ValueError(msg)


def is_epoch(present: Inputs | None) -> Tensor | None:
    """Where there is any modality, (batch, ...); elsewhere is padding."""
    return torch.stack(list(present.values())).any(0) if present else None


def by_rows(
    module: Callable[[Tensor], Tensor],
    rows: Tensor,
    mask: Tensor | None,
    *,
    training: bool,
) -> Tensor:
    """Run a module on (n, ...); padding gives zeros, and no batch statistics."""
    if mask is None:
        return module(rows)
    mask = mask.flatten()
    if not training:
        output = in_sixteens(module, rows)
        return torch.where(mask[:, None], output, 0)
    found = module(rows[mask])
    spread: Tensor = found.new_zeros(len(rows), found.shape[1])
    spread[mask] = found
    return spread


def by_sequences(
    read: Callable[..., Tensor],
    *encoded: Tensor,
    present: Inputs | None,
    training: bool,
) -> Tensor:
    """Read encoded sequences (batch, seq, ...), and with them what is padding."""
    mask = is_epoch(present)
    sequences = encoded if mask is None else (*encoded, mask)
    return read(*sequences) if training else in_sixteens(read, *sequences)


def in_sixteens(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Run on rows that are filled up to a multiple of 16, and return theirs.

    Products and vectorised functions round a few rows otherwise than many: so the
    result of a row does not depend on how many are in the batch.
    """
    n_rows = len(inputs[0])
    filled = [torch.cat([x, x.new_zeros(-n_rows % 16, *x.shape[1:])]) for x in inputs]
    return function(*filled)[:n_rows]
