"""Transformer encoder of SleepTransformer, with sinusoidal positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._feed_forward import FeedForward
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._sinusoids import sinusoids

_EPS = 1e-8  # of the layer norms


class PositionedEncoder(nn.Module):
    """Layers of self-attention over tokens, scaled and with their positions added."""

    def __init__(
        self,
        d_model: int,
        *,
        n_heads: int,
        n_layers: int,
        dim_feedforward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.positions = Positions()
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, n_heads, dim_feedforward, dropout)
            for _ in range(n_layers)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode (batch, n_tokens, d_model).

        Tokens where `mask`, (batch, n_tokens), is false are not attended to; their own
        output means nothing.
        """
        x = self.positions(x)
        if mask is not None:  # a token without others would attend to nothing
            itself = torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
            mask = (mask[:, None] | itself)[:, None]
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Positions(nn.Module):
    """``sqrt(d) x`` plus sines of the position at even features, cosines at odd."""

    def forward(self, x: Tensor) -> Tensor:
        """Add the positions of (..., n_tokens, d_model)."""
        n_tokens, d_model = x.shape[-2:]
        places = torch.arange(n_tokens, device=x.device)
        return x * math.sqrt(d_model) + sinusoids(places, d_model).to(x.dtype)


class EncoderLayer(nn.Module):
    """Post-norm layer: attention without an output layer, and dropout after the norm.

    There is dropout of the attention probabilities, and of the second norm's output.
    """

    def __init__(
        self, d_model: int, n_heads: int, dim_feedforward: int, dropout: float
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_key_value = Linear(d_model, 3 * d_model)
        self.attention_norm = nn.LayerNorm(d_model, eps=_EPS)
        self.feedforward = FeedForward(d_model, dim_feedforward, 0.0)
        self.feedforward_norm = nn.LayerNorm(d_model, eps=_EPS)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Map (batch, n_tokens, d_model); `mask` is that of the attention."""
        x = self.attention_norm(x + self._attend(x, mask))
        mapped: Tensor = self.dropout(self.feedforward_norm(x + self.feedforward(x)))
        return mapped

    def _attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of the heads, side by side."""
        batch, n_tokens, d_model = x.shape
        mixed = self.query_key_value(x).view(batch, n_tokens, 3, self.n_heads, -1)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        dropout = self.dropout.p if self.training else 0.0
        heads = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout
        )
        return heads.transpose(1, 2).reshape(batch, n_tokens, d_model)
