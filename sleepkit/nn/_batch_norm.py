"""Normalisation by the batch, for batches that may hold a single row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MOMENTUM = 0.1  # what a batch counts in the running statistics


class BatchNorm(nn.BatchNorm1d):
    """Normalisation by the batch that takes a lone row by the running statistics."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, momentum=_MOMENTUM)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Normalise (batch, features) or (batch, features, times)."""
        if self.goes_by_batch(input) or not self.training:
            return super().forward(input)
        return nn.functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            eps=self.eps,
        )

    def goes_by_batch(self, input: Tensor) -> bool:  # noqa: A002
        """Tell whether the batch itself gives mean and variance."""
        return self.training and len(input) > 1

    def within(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Put the normalisation into a convolution: what it multiplies, and adds.

        It is the one by the running statistics, which is the same for every batch.
        """
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return weight * scale[:, None, None], (
            bias - self.running_mean
        ) * scale + self.bias

    @torch.no_grad()
    def follow(self, mean: Tensor, variance: Tensor, n: int) -> None:
        """Let the running statistics go after those of ``n`` values a feature."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, _MOMENTUM)
        self.running_var.lerp_(variance * (n / (n - 1)), _MOMENTUM)
