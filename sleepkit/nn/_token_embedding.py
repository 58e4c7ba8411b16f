"""Tokens of epochs, and the encoders of one modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._transformer import Encoder


class TokenEmbedding(nn.Module):
    """Map the epochs of a modality to tokens, with a CLS token in front.

    With `modality_token`, a trained token is added to each frame, for encoders that
    are shared between modalities.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        d_model: int,
        *,
        modality_token: bool = False,
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
        self.projection = nn.Identity() if fits else Linear(size, d_model)
        self.cls = nn.Parameter(torch.randn(d_model))
        self.modality_token = (
            nn.Parameter(torch.randn(d_model)) if modality_token else None
        )

    def tokens(self, epochs: Tensor, present: Tensor) -> Tensor:
        """(batch, seq, *shape) -> (batch * seq, 1 + n_frames, d_model), CLS first."""
        epochs = epochs.flatten(0, 1)
        if epochs.ndim == 2:
            epochs = epochs[:, None, None]  # features: one channel and one frame
        frames = epochs.transpose(1, 2).flatten(2)
        # values where the modality is absent may be NaN, which would reach gradients
        frames = self.projection(frames.masked_fill(~present.reshape(-1, 1, 1), 0))
        if self.modality_token is not None:
            frames = frames + self.modality_token
        cls = self.cls.expand(frames.shape[0], 1, -1)
        return torch.cat([cls, frames], 1)


class ModalityEncoder(TokenEmbedding):
    """Token embedding of a modality with its inner and outer encoder.

    The inner encoder attends to the frames of an epoch, the outer one to the epochs of
    a sequence.
    """

    def __init__(
        self, shape: tuple[int, ...], d_model: int, inner: Encoder, outer: Encoder
    ) -> None:
        super().__init__(shape, d_model)
        self.inner = inner
        self.outer = outer
