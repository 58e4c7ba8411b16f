"""A transformer whose layers run alone or listen to other modalities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._attention import RelativeAttention
from sleepkit.nn._dropout import Dropout
from sleepkit.nn._feed_forward import FeedForward


class Question(NamedTuple):
    """What another modality asks: its tokens, and where it is there to ask.

    `tokens` are (batch, n_tokens, d_model) or, one for all, (batch, 1, d_model);
    `present` is bool and broadcasts to (batch, n_tokens, 1).
    """

    tokens: Tensor
    present: Tensor


def questions_for(
    name: str, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
) -> dict[str, Question]:
    """Collect what all others ask of one modality: token by token, or by CLS alone.

    `tokens` of frames are (batch * seq, n_tokens, d_model) and of epochs
    (batch, seq, d_model); `present` is (batch, seq).
    """
    n_rows, n_tokens = tokens[name].shape[:2]
    return {
        other: Question(
            asking if asking.shape[1] == n_tokens else asking[:, :1],
            present[other].reshape(n_rows, -1, 1),
        )
        for other, asking in tokens.items()
        if other != name
    }


class FusionLayer(nn.Module):
    """A post-norm layer that serves the unimodal and the multimodal pass.

    Both passes share self-attention, feed-forward and their norms (eq. 1-5). In the
    multimodal pass, cross-modal attention comes between the two: each other modality
    asks, the layer's own stream answers with keys and values, and the answer is added
    to the own stream (eq. 6-7). Where no other modality is present, the multimodal
    pass is the unimodal one.

    The paper's figures have two modalities. With more, each other one has an attention
    of its own, and the answers are summed before the norm: our extension.
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
        questions: Mapping[str, Question] | None = None,
        read: Sequence[int] | None = None,
    ) -> Tensor:
        """Map tokens (batch, n_tokens, d_model); without questions: unimodal pass.

        `valid` is bool, (batch, n_tokens): the tokens that others may look at. `read`
        are the places of the only tokens to give; no more is computed than they need.
        """
        at = None if questions else read  # those who ask look at all tokens
        own = pick(x, at)
        x = self.attention_norm(own + self.dropout(self.attention(own, x, valid, at)))
        if questions:
            x = self._answer(x, valid, questions, read)
        update = self.feedforward(x)
        mapped: Tensor = self.feedforward_norm(x + self.dropout(update))
        return mapped

    def _answer(
        self,
        x: Tensor,
        valid: Tensor | None,
        questions: Mapping[str, Question],
        read: Sequence[int] | None,
    ) -> Tensor:
        """Cross-modal attention: the others' queries, own keys, values and residual."""
        summed = own = pick(x, read)
        for name, question in questions.items():
            at = None if question.tokens.shape[1] == 1 else read  # one asks for all
            asking = pick(question.tokens, at)
            answer = self.dropout(self.cross[name](asking, x, valid, at))
            summed = summed + answer.masked_fill(~question.present, 0)
        heard = torch.stack([q.present for q in questions.values()]).any(0)
        return torch.where(heard, self.cross_norm(summed), own)


class Encoder(nn.Module):
    """A stack of layers, all of which hear the same questions."""

    def __init__(self, layers: Iterable[FusionLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(
        self,
        x: Tensor,
        valid: Tensor | None = None,
        questions: Mapping[str, Question] | None = None,
        read: Sequence[int] | None = None,
    ) -> Tensor:
        """Map tokens (batch, n_tokens, d_model), as `FusionLayer` does."""
        *layers, last = self.layers
        for layer in layers:
            x = layer(x, valid, questions)
        mapped: Tensor = last(x, valid, questions, read)
        return mapped


def pick(tokens: Tensor, places: Sequence[int] | None) -> Tensor:
    """Take the tokens (batch, n_tokens, d_model) at some places, or all."""
    return tokens if places is None else tokens[:, list(places)]
