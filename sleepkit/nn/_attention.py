"""Multi-head attention with relative positions on the keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sleepkit.nn._linear import Linear, runs_plainly

_LOG2_E = math.log2(math.e)
_SMALL = 2.0**-60  # floats reach much farther, so what they lose beyond is nothing


def relative_scores(
    queries: Tensor, table: Tensor, n_keys: int, at: Sequence[int] | None = None
) -> Tensor:
    """Multiply query i with the position vector of key j: ``q_i . a_clip(j - i)``.

    `queries` are (batch, n_heads, n_queries, d_key), `table` holds a vector for each
    distance -k ... k, (n_heads, 2 k + 1, d_key), and keys farther away than k count as
    k away. Queries are at the places `at`, or else 0, 1, ... The result is
    (batch, n_heads, n_queries, n_keys), in float32 at least.
    """
    reach = table.shape[1] // 2
    places = range(queries.shape[-2]) if at is None else at
    i = torch.tensor(places, device=queries.device)
    j = torch.arange(n_keys, device=queries.device)
    row = (j - i[:, None]).clamp(-reach, reach) + reach
    # 2 k + 1 products for each query, and then each pair looks up its own
    by_distance = torch.einsum("bhid,hrd->bhir", queries, table)
    # a softmax is slow in lower precision, and so is summing what goes back to a pair
    by_distance = by_distance.to(torch.promote_types(by_distance.dtype, torch.float32))
    return by_distance.gather(-1, row.expand(*by_distance.shape[:2], -1, -1))


def average(values: Tensor, scores: Tensor) -> Tensor:
    """``softmax_j(scores) values``, for keys j along the last axis of the scores."""
    fast = runs_plainly(scores) and not torch.is_grad_enabled() and scores.numel()
    if fast and values.dtype != torch.float16:
        # without subtracting the largest first, and by powers of two, which are faster
        weights = (scores * _LOG2_E).exp2_()
        sums = weights.sum(-1, keepdim=True)
        least, most = sums.aminmax()
        if least > _SMALL and most < 1 / _SMALL:
            return ((weights.to(values.dtype) @ values) / sums).to(values.dtype)
    return scores.softmax(-1).to(values.dtype) @ values


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
        asking: Tensor,
        asked: Tensor,
        valid: Tensor | None,
        at: Sequence[int] | None = None,
    ) -> Tensor:
        """Let (batch, n_queries, d_model) look at (batch, n_keys, d_model).

        `valid` is bool, (batch, n_keys), and says which keys can be seen. Queries that
        can see none get a plain mean, which is of no use but finite. `at` are the
        places of the queries among the keys, if these are not the first ones.
        """
        # q has shape (batch, n_heads, n_queries, d_key); k and v have n_keys
        q = self._split(self.query(asking) / math.sqrt(self.positions.shape[-1]))
        k = self._split(self.key(asked))
        v = self._split(self.value(asked))
        scores = relative_scores(q, self.positions, k.shape[-2], at).add_(q @ k.mT)
        if valid is not None:
            lowest = torch.finfo(scores.dtype).min  # -inf in a whole row would be NaN
            scores = scores.masked_fill(~valid[:, None, None], lowest)
        answers = average(v, scores)
        seen: Tensor = self.output(answers.transpose(1, 2).flatten(-2))
        return seen

    def _split(self, tokens: Tensor) -> Tensor:
        """(batch, n_tokens, d_model) -> (batch, n_heads, n_tokens, d_key)."""
        return tokens.view(*tokens.shape[:2], self.n_heads, -1).transpose(1, 2)
