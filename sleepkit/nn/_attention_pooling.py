"""Attention pooling: one vector out of a sequence of them."""

from __future__ import annotations

from torch import Tensor, nn

from sleepkit.nn._cpu._linear import Linear

_START = 0.1  # standard deviation


class AttentionPooling(nn.Module):
    """Mean of the steps of a sequence, weighted by ``softmax(u . tanh(W x + b))``."""

    def __init__(self, n_features: int, attention_size: int) -> None:
        super().__init__()
        self.project = Linear(n_features, attention_size)
        self.score = nn.Linear(attention_size, 1, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias as the released code of SeqSleepNet does."""
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=_START)

    def forward(self, x: Tensor) -> Tensor:
        """Pool (..., n_steps, n_features) as (..., n_features)."""
        weights = self.score(self.project(x).tanh()).softmax(-2)
        pooled: Tensor = (weights.mT @ x).squeeze(-2)
        return pooled
