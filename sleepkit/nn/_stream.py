"""The path of one modality through the net: frames, epochs, sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sleepkit.nn._transformer import Encoder


class Stream(nn.Module):
    """A modality's CLS token, its inner encoder of frames and its outer of epochs."""

    def __init__(
        self, shape: tuple[int, ...], d_model: int, inner: Encoder, outer: Encoder
    ) -> None:
        super().__init__()
        if len(shape) not in (1, 3) or min(shape) < 1:
            msg = (
                "MedFuseNet needs epochs of shape (n_channels, n_frames, n_bins) or "
                f"(n_features,); got {tuple(shape)}."
            )
            raise ValueError(msg)
        self.shape = tuple(shape)
        spectrogram = len(shape) > 1
        size = shape[0] * shape[-1] if spectrogram else shape[0]
        fits = spectrogram and size == d_model
        self.entry = nn.Identity() if fits else nn.Linear(size, d_model)
        self.cls = nn.Parameter(torch.randn(d_model))
        self.inner = inner
        self.outer = outer

    def tokens(self, epochs: Tensor, present: Tensor) -> Tensor:
        """(batch, seq, *shape) -> (batch * seq, 1 + n_frames, d_model), CLS first."""
        epochs = epochs.flatten(0, 1)
        if epochs.ndim == 2:
            epochs = epochs[:, None, None]  # features: one channel and one frame
        frames = epochs.transpose(1, 2).flatten(2)
        # what is absent may be NaN, which would reach the gradients
        frames = frames.masked_fill(~present.reshape(-1, 1, 1), 0)
        cls = self.cls.expand(len(frames), 1, -1)
        return torch.cat([cls, self.entry(frames)], 1)
