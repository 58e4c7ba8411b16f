"""Multi-head attention with relative positions on the keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sleepkit.nn._cpu._linear import Linear


def relative_scores(
    query: Tensor, table: Tensor, n_keys: int, places: Sequence[int] | None = None
) -> Tensor:
    """Products of query i with the position vector of key j: ``q_i . a_clip(j - i)``.

    `query` is (batch, n_heads, n_queries, d_key), `table` holds a vector for each
    distance -k ... k, (n_heads, 2 k + 1, d_key), and keys farther away than k count as
    k away. Queries are at `places`, by default 0, 1, ... The result is
    (batch, n_heads, n_queries, n_keys), in float32 at least.
    """
    reach = table.shape[1] // 2
    j = torch.arange(n_keys, device=query.device)
    if places is None:  # without numbers in Python, which an export would keep
        i = torch.arange(query.shape[-2], device=query.device)
    else:
        i = torch.tensor(places, device=query.device)
    row = (j - i[:, None]).clamp(-reach, reach) + reach
    # 2 k + 1 products for each query, from which each pair takes its own
    by_distance = torch.einsum("bhid,hrd->bhir", query, table)
    # softmax and the sum of gradients over pairs are slow in lower precision
    by_distance = by_distance.to(torch.promote_types(by_distance.dtype, torch.float32))
    return by_distance.gather(-1, row.expand(*by_distance.shape[:2], -1, -1))


class RelativeAttention(nn.Module):
    """Attention in several heads, each with its own relative positions.

    With queries i, keys j, d_key = d_model / n_heads and k = max_relative_distance::

        softmax_j(q_i . (k_j + a_clip(j - i, -k, k)) / sqrt(d_key)) v_j

    Positions are on the keys alone (Shaw et al. 2018), the attention probabilities see
    no dropout, and the output layer has no bias.
    """

    def __init__(self, d_model: int, n_heads: int, max_relative_distance: int) -> None:
        super().__init__()
        if d_model % n_heads:
            msg = f"d_model must be a multiple of n_heads={n_heads}; got {d_model}."
            raise ValueError(msg)
        d_key = d_model // n_heads
        n_distances = 2 * max_relative_distance + 1
        self.n_heads = n_heads
        self.query = Linear(d_model, d_model)
        self.key = Linear(d_model, d_model)
        self.value = Linear(d_model, d_model)
        self.output = Linear(d_model, d_model, bias=False)
        self.positions = nn.Parameter(
            torch.randn(n_heads, n_distances, d_key) / math.sqrt(d_key)
        )

    def forward(
        self,
        query: Tensor,
        key_value: Tensor,
        valid: Tensor | None,
        places: Sequence[int] | None = None,
    ) -> Tensor:
        """Attend from (batch, n_queries, d_model) to (batch, n_keys, d_model).

        `valid` is bool, (batch, n_keys): the keys that are attended to. Queries without
        a valid key get a plain mean, which is of no use but finite. `places` are those
        of the queries among the keys, if these are not the first ones.
        """
        v = self._split(self.value(key_value))
        heads = self.weights(query, key_value, valid, places).to(v.dtype) @ v
        attended: Tensor = self.output(heads.transpose(1, 2).flatten(-2))
        return attended

    def weights(
        self,
        query: Tensor,
        key_value: Tensor,
        valid: Tensor | None,
        places: Sequence[int] | None = None,
    ) -> Tensor:
        """Weights of the keys, (batch, n_heads, n_queries, n_keys), which sum to 1."""
        # q has shape (batch, n_heads, n_queries, d_key), and k has n_keys
        q = self._split(self.query(query) / math.sqrt(self.positions.shape[-1]))
        k = self._split(self.key(key_value))
        scores = relative_scores(q, self.positions, k.shape[-2], places).add_(q @ k.mT)
        if valid is not None:
            lowest = torch.finfo(scores.dtype).min  # -inf in a whole row would be NaN
            scores = scores.masked_fill(~valid[:, None, None], lowest)
        return scores.softmax(-1)

    def _split(self, tokens: Tensor) -> Tensor:
        """(batch, n_tokens, d_model) -> (batch, n_heads, n_tokens, d_key)."""
        return tokens.view(*tokens.shape[:2], self.n_heads, -1).transpose(1, 2)
