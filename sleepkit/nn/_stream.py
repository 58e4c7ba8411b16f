"""The path of one modality through the net: frames, epochs, sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sleepkit.nn._linear import Linear
from sleepkit.nn._transformer import Encoder


class Entrance(nn.Module):
    """How the epochs of a modality become tokens, with its CLS token first.

    What is `marked` adds a modality token to each frame, for an encoder that is shared
    with other modalities and has to tell them apart.
    """

    def __init__(
        self, shape: tuple[int, ...], d_model: int, *, marked: bool = False
    ) -> None:
        super().__init__()
        if len(shape) not in (1, 3) or min(shape) < 1:
            msg = (
                "A net needs epochs of shape (n_channels, n_frames, n_bins) or "
                f"(n_features,); got {tuple(shape)}."
            )
            raise ValueError(msg)
        self.shape = tuple(shape)
        spectrogram = len(shape) > 1
        self.n_tokens = 1 + (shape[1] if spectrogram else 1)
        size = shape[0] * shape[-1] if spectrogram else shape[0]
        fits = spectrogram and size == d_model
        self.entry = nn.Identity() if fits else Linear(size, d_model)
        self.cls = nn.Parameter(torch.randn(d_model))
        self.mark = nn.Parameter(torch.randn(d_model)) if marked else None

    def tokens(self, epochs: Tensor, present: Tensor) -> Tensor:
        """(batch, seq, *shape) -> (batch * seq, 1 + n_frames, d_model), CLS first."""
        epochs = epochs.flatten(0, 1)
        if epochs.ndim == 2:
            epochs = epochs[:, None, None]  # features: one channel and one frame
        frames = epochs.transpose(1, 2).flatten(2)
        # what is absent may be NaN, which would reach the gradients
        frames = self.entry(frames.masked_fill(~present.reshape(-1, 1, 1), 0))
        if self.mark is not None:
            frames = frames + self.mark
        cls = self.cls.expand(len(frames), 1, -1)
        return torch.cat([cls, frames], 1)


class Stream(Entrance):
    """A modality's entrance, its inner encoder of frames and its outer of epochs."""

    def __init__(
        self, shape: tuple[int, ...], d_model: int, inner: Encoder, outer: Encoder
    ) -> None:
        super().__init__(shape, d_model)
        self.inner = inner
        self.outer = outer
