"""Normalisation by the batch, for batches that may hold a single row."""

from __future__ import annotations

from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """Normalisation by the batch that takes a lone row by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Normalise (batch, features) or (batch, features, times)."""
        if len(input) > 1 or not self.training:
            return super().forward(input)
        return nn.functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            eps=self.eps,
        )
