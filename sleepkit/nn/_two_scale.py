"""Two-scale CNN of raw epochs, with TensorFlow's SAME padding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm


def pad_same(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """Pad (..., n_times) so that a window gives ceil(n_times / stride) outputs.

    As in TensorFlow, the right side gets the odd sample.
    """
    n_times = x.shape[-1]
    total = max((math.ceil(n_times / stride) - 1) * stride + kernel - n_times, 0)
    return functional.pad(x, (total // 2, total - total // 2), value=value)


def he_truncated_(weight: Tensor) -> None:
    """Draw weights from He's normal distribution, cut off at two deviations."""
    std = math.sqrt(2 / weight[0].numel())
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


class SameConv1d(nn.Conv1d):
    """Convolution without bias and with SAME padding, also where it has a stride."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(n_in, n_out, kernel, stride, bias=False)
        he_truncated_(self.weight)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Convolve (batch, n_in, n_times)."""
        return super().forward(pad_same(input, *self.kernel_size, *self.stride))


class SameMaxPool1d(nn.Module):
    """Max-pooling with SAME padding; the padding is never the largest."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Pool (batch, n_filters, n_times)."""
        padded = pad_same(x, self.size, self.size, value=-math.inf)
        return functional.max_pool1d(padded, self.size)


class ScaleBranch(nn.Sequential):
    """One scale: a wide convolution with a stride, and narrow ones between two pools.

    `n_filters` and `kernels` are those of the wide convolution and of the narrow ones.
    """

    def __init__(
        self,
        n_channels: int,
        *,
        n_filters: tuple[int, int],
        kernels: tuple[int, int],
        stride: int,
        pools: tuple[int, int],
        depth: int = 3,
        dropout: float = 0.5,
        momentum: float = 0.1,
    ) -> None:
        wide, narrow = n_filters
        layers = _convolution(n_channels, wide, kernels[0], stride, momentum)
        layers += [SameMaxPool1d(pools[0]), nn.Dropout(dropout)]
        for n_in in [wide] + [narrow] * (depth - 1):
            layers += _convolution(n_in, narrow, kernels[1], 1, momentum)
        super().__init__(*layers, SameMaxPool1d(pools[1]), nn.Flatten())
        self.width = narrow
        self.strides = (stride, *pools)

    @property
    def first(self) -> SameConv1d:
        """The wide convolution."""
        first: SameConv1d = self[0]  # type: ignore[assignment]
        return first

    def n_features(self, n_times: int) -> int:
        """Features of an epoch of so many samples."""
        for stride in self.strides:
            n_times = math.ceil(n_times / stride)
        return self.width * n_times


class TwoScaleEncoder(nn.Module):
    """Two branches side by side, for fine and for slow patterns of the same epoch."""

    def __init__(self, small: ScaleBranch, large: ScaleBranch, dropout: float) -> None:
        super().__init__()
        self.small = small
        self.large = large
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Encode (batch, n_channels, n_times) as (batch, n_features)."""
        features = torch.cat([self.small(x), self.large(x)], dim=1)
        dropped: Tensor = self.dropout(features)
        return dropped

    def n_features(self, n_times: int) -> int:
        """Features of an epoch of so many samples."""
        return self.small.n_features(n_times) + self.large.n_features(n_times)


def rectified_norm(n_features: int, momentum: float) -> list[nn.Module]:
    """Batch normalisation with scales drawn around 1, and a rectifier."""
    norm = BatchNorm(n_features)
    norm.momentum = momentum
    nn.init.normal_(norm.weight, mean=1.0, std=0.002)
    return [norm, nn.ReLU()]


def _convolution(
    n_in: int, n_out: int, kernel: int, stride: int, momentum: float
) -> list[nn.Module]:
    """One convolution with its normalisation and rectifier."""
    convolution = SameConv1d(n_in, n_out, kernel, stride)
    return [convolution, *rectified_norm(n_out, momentum)]
