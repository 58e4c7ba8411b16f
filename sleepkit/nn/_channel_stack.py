"""Channels of all modalities as the input channels of one net."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Inputs = Mapping[str, Tensor]


class ChannelStack:
    """Stacks the channels of all modalities, zero where an epoch lacks one.

    All modalities need epochs of one length, and `owner` names the net in messages.
    """

    def __init__(
        self, modalities: Mapping[str, tuple[int, ...]], *, owner: str
    ) -> None:
        self.owner = owner
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        lengths = {shape[-1] for shape in self.shapes.values() if len(shape) == 2}
        axes = {len(shape) for shape in self.shapes.values()}
        if len(lengths) != 1 or axes != {2}:
            given = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
            msg = (
                f"{owner} stacks the channels of all modalities, and needs epochs of "
                "shape (n_channels, n_times) with the same n_times; got "
                f"{given or 'none'}."
            )
            raise ValueError(msg)
        self.n_channels = sum(shape[0] for shape in self.shapes.values())
        self.n_times = lengths.pop()

    def __call__(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stack epochs of (..., n_channels, n_times)."""
        if inputs.keys() != self.shapes.keys():
            needed, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"{self.owner} needs all of its modalities, {needed}; got {given}."
            raise ValueError(msg)
        present, blocks = present or {}, []
        for name, rule in self.shapes.items():
            x, shape = inputs[name], tuple(inputs[name].shape[-2:])
            if shape != rule:
                msg = (
                    f"{self.owner} needs {name!r} epochs of shape {rule}; got {shape}."
                )
                raise ValueError(msg)
            if name in present:
                x = torch.where(present[name][..., None, None], x, 0)
            blocks.append(x)
        return torch.cat(blocks, dim=-2)


def is_epoch(present: Inputs | None) -> Tensor | None:
    """Where there is any modality, (batch, ...); elsewhere is padding."""
    return torch.stack(list(present.values())).any(0) if present else None


def by_rows(
    read: Callable[[Tensor], Tensor],
    rows: Tensor,
    mask: Tensor | None,
    *,
    training: bool,
) -> Tensor:
    """Run a module on (n, ...); padding gives zeros, and no batch statistics."""
    if mask is None:
        return read(rows)
    mask = mask.flatten()
    if not training:  # rows of a batch of fixed size round the same
        output = read(rows)
        return torch.where(mask[:, *[None] * (output.ndim - 1)], output, 0)
    found = read(rows[mask])
    spread: Tensor = found.new_zeros(len(rows), *found.shape[1:])
    spread[mask] = found
    return spread
