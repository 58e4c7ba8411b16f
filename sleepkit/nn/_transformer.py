"""Transformer layers with self-attention, and cross-modal attention between streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._attention import RelativeAttention
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._feed_forward import FeedForward


class CrossQuery(NamedTuple):
    """Queries of another modality in cross-modal attention, and where it is present.

    `tokens` are (batch, n_tokens, d_model) or, one for all, (batch, 1, d_model);
    `present` is bool and broadcasts to (batch, n_tokens, 1).
    """

    tokens: Tensor
    present: Tensor


def queries_for(
    name: str, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
) -> dict[str, CrossQuery]:
    """Collect the queries of other modalities: their tokens, or the CLS token alone.

    `tokens` of frames are (batch * seq, n_tokens, d_model) and of epochs
    (batch, seq, d_model); `present` is (batch, seq).
    """
    n_rows, n_tokens = tokens[name].shape[:2]
    return {
        other: CrossQuery(
            query if query.shape[1] == n_tokens else query[:, :1],
            present[other].reshape(n_rows, -1, 1),
        )
        for other, query in tokens.items()
        if other != name
    }


class FusionLayer(nn.Module):
    """Post-norm transformer layer of the unimodal and the multimodal pass.

    Both passes share self-attention, feed-forward and their norms (eq. 1-5). In the
    multimodal pass, cross-modal attention comes between the two: queries are the other
    modality's tokens, keys, values and residual are the layer's own (eq. 6-7). Where no
    other modality is present, the multimodal pass is the unimodal one.

    The paper's figures have two modalities. With more, each other one has an attention
    module of its own, and the results are summed before the norm: our extension.
    """

    def __init__(
        self,
        others: Iterable[str],
        d_model: int,
        n_heads: int,
        dim_feedforward: int,
        dropout: float,
        max_relative_distance: int,
    ) -> None:
        super().__init__()
        attention = (d_model, n_heads, max_relative_distance)
        self.attention = RelativeAttention(*attention)
        self.attention_norm = nn.LayerNorm(d_model)
        self.cross = nn.ModuleDict({n: RelativeAttention(*attention) for n in others})
        self.cross_norm = nn.LayerNorm(d_model) if self.cross else nn.Identity()
        self.feedforward = FeedForward(d_model, dim_feedforward, dropout)
        self.feedforward_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        valid: Tensor | None = None,
        queries: Mapping[str, CrossQuery] | None = None,
        places: Sequence[int] | None = None,
    ) -> Tensor:
        """Map tokens (batch, n_tokens, d_model); without queries: unimodal pass.

        `valid` is bool, (batch, n_tokens): the tokens that are attended to. `places`
        are those of the only tokens to return; no more is computed than they need.
        """
        at = None if queries else places  # cross-modal attention needs all tokens
        own = take(x, at)
        x = self.attention_norm(own + self.dropout(self.attention(own, x, valid, at)))
        if queries:
            x = self._cross_attention(x, valid, queries, places)
        update = self.feedforward(x)
        mapped: Tensor = self.feedforward_norm(x + self.dropout(update))
        return mapped

    def _cross_attention(
        self,
        x: Tensor,
        valid: Tensor | None,
        queries: Mapping[str, CrossQuery],
        places: Sequence[int] | None,
    ) -> Tensor:
        """Others' queries; own keys, values and residual."""
        summed = own = take(x, places)
        for name, query in queries.items():
            at = None if query.tokens.shape[1] == 1 else places  # one query for all
            tokens = take(query.tokens, at)
            update = self.dropout(self.cross[name](tokens, x, valid, at))
            summed = summed + update.masked_fill(~query.present, 0)
        any_present = torch.stack([q.present for q in queries.values()]).any(0)
        return torch.where(any_present, self.cross_norm(summed), own)


class Encoder(nn.Module):
    """Stack of fusion layers, all of which get the same cross-modal queries."""

    def __init__(self, layers: Iterable[FusionLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(
        self,
        x: Tensor,
        valid: Tensor | None = None,
        queries: Mapping[str, CrossQuery] | None = None,
        places: Sequence[int] | None = None,
    ) -> Tensor:
        """Map tokens (batch, n_tokens, d_model), as `FusionLayer` does."""
        if not self.layers:
            return take(x, places)
        *layers, last = self.layers
        for layer in layers:
            x = layer(x, valid, queries)
        mapped: Tensor = last(x, valid, queries, places)
        return mapped


def take(tokens: Tensor, places: Sequence[int] | None) -> Tensor:
    """Tokens (batch, n_tokens, d_model) at some places, or all."""
    return tokens if places is None else tokens[:, list(places)]
