"""Batch normalisation for batches that may hold a single row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MOMENTUM = 0.1  # weight of a batch in the running statistics


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation; a batch of one row is normalised by running statistics."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, momentum=_MOMENTUM)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Normalise (batch, features) or (batch, features, times)."""
        if self.uses_batch_statistics(input) or not self.training:
            return super().forward(input)
        return nn.functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            eps=self.eps,
        )

    def uses_batch_statistics(self, input: Tensor) -> bool:  # noqa: A002
        """Whether mean and variance are those of the batch, not the running ones."""
        return self.training and len(input) > 1

    def fold_into(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias of a convolution with the norm in it.

        The norm is the one by the running statistics.
        """
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = (bias - self.running_mean) * scale + self.bias
        return weight * scale[:, None, None], shift

    @torch.no_grad()
    def update_running_statistics(self, mean: Tensor, variance: Tensor, n: int) -> None:
        """Move the running statistics towards those of n values per feature."""
        self.num_batches_tracked += 1
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / int(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean), momentum)
        variance = variance * (n / (n - 1))
        self.running_var.lerp_(variance.to(self.running_var), momentum)
