"""Spectra whose modalities are read together: channels stacked."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sleepkit.nn._stacked_channels import Inputs

_SPECTRUM = 3  # axes of an epoch: n_channels, n_frames, n_bins


class StackedSpectra:
    """Spectra of all modalities, channel after channel, (n_channels, n_frames, n_bins).

    Features, (n_features,), are stacked as one channel with one frame. Where an epoch
    lacks a modality, there is zero.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], *, owner: str) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.owner = owner
        self.is_features = all(len(shape) == 1 for shape in self.shapes.values())
        sizes = [shape[0] for shape in self.shapes.values()]
        others = {shape[1:] for shape in self.shapes.values()}
        axes = {len(shape) for shape in self.shapes.values()}
        if len(others) != 1 or not axes <= {1, _SPECTRUM} or min(sizes) < 1:
            given = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
            msg = (
                f"{owner} stacks the channels of all modalities, and needs epochs of "
                "shape (n_channels, n_frames, n_bins) with the same frames and bins, "
                f"or of shape (n_features,); got {given or 'none'}."
            )
            raise ValueError(msg)
        n_frames, n_bins = others.pop() or (1, sum(sizes))
        self.shape = (1 if self.is_features else sum(sizes), n_frames, n_bins)

    def __call__(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """(batch, seq, ...) of each modality -> (batch, seq, *self.shape)."""
        if inputs.keys() != self.shapes.keys():
            needed, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"{self.owner} needs all of its modalities, {needed}; got {given}."
            raise ValueError(msg)
        blocks = []
        for name, shape in self.shapes.items():
            x = inputs[name]
            if x.ndim != 2 + len(shape) or x.shape[2:] != shape:
                msg = (
                    f"{self.owner} needs {name!r} of shape (batch, seq, "
                    f"{', '.join(map(str, shape))}); got {tuple(x.shape)}."
                )
                raise ValueError(msg)
            if present and name in present:
                there = present[name].reshape(*x.shape[:2], *(1 for _ in shape))
                x = torch.where(there, x, 0)
            blocks.append(x)
        return torch.cat(blocks, dim=2).reshape(*x.shape[:2], *self.shape)
