"""Two-scale CNN of raw epochs: the layers that the published nets have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm

Padding = int | Literal["same"]  # samples on each side, or TensorFlow's SAME
Pair = tuple[Padding, Padding]


def pad_same(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """Pad (..., n_times) so that a window gives ceil(n_times / stride) outputs.

    As in TensorFlow, the right side gets the odd sample.
    """
    n_times = x.shape[-1]
    total = max((math.ceil(n_times / stride) - 1) * stride + kernel - n_times, 0)
    return functional.pad(x, (total // 2, total - total // 2), value=value)


class SameConv1d(nn.Conv1d):
    """Convolution with SAME padding, also where it has a stride."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, stride: int = 1, *, bias: bool = False
    ) -> None:
        super().__init__(n_in, n_out, kernel, stride, bias=bias)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Convolve (batch, n_in, n_times)."""
        return super().forward(pad_same(input, *self.kernel_size, *self.stride))


class SameMaxPool1d(nn.Module):
    """Max-pooling with SAME padding; the padding is never the largest."""

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.stride = stride or size

    def forward(self, x: Tensor) -> Tensor:
        """Pool (batch, n_filters, n_times)."""
        padded = pad_same(x, self.size, self.stride, value=-math.inf)
        return functional.max_pool1d(padded, self.size, self.stride)


@dataclass(frozen=True)
class Style:
    """What the normalised convolutions of a net have in common.

    `initialise` draws the weights of a new convolution or normalisation; None leaves
    them to torch.
    """

    activation: Callable[[], nn.Module] = nn.ReLU
    momentum: float = 0.1
    eps: float = 1e-5
    initialise: Callable[[nn.Module], None] | None = None


class ScaleBranch(nn.Sequential):
    """One scale: a wide convolution with a stride, and narrow ones between two pools.

    Pairs are of the wide convolution and the narrow ones, or of the first pool and the
    second. `depth` counts the narrow convolutions. The result is (batch, n_features)
    or, without `flatten`, (batch, width, n_steps).
    """

    def __init__(
        self,
        n_channels: int,
        *,
        n_filters: tuple[int, int],
        kernels: tuple[int, int],
        stride: int,
        pools: tuple[int, int],
        pool_strides: tuple[int, int] | None = None,
        padding: Pair = ("same", "same"),
        pool_padding: Pair = ("same", "same"),
        depth: int = 3,
        bias: tuple[bool, bool] = (False, False),
        dropout: float = 0.5,
        style: Style = Style(),
        flatten: bool = True,
    ) -> None:
        wide, self.width = n_filters
        pool_strides = pool_strides or pools
        self._windows = [
            (kernels[0], stride, padding[0]),
            (pools[0], pool_strides[0], pool_padding[0]),
            *[(kernels[1], 1, padding[1])] * depth,
            (pools[1], pool_strides[1], pool_padding[1]),
        ]
        first, pool, *narrow, last = self._windows
        layers = _convolution(n_channels, wide, *first, bias=bias[0], style=style)
        layers += [_pool(*pool), nn.Dropout(dropout)]
        for n_in, window in zip([wide, *[self.width] * depth], narrow, strict=False):
            layers += _convolution(n_in, self.width, *window, bias=bias[1], style=style)
        super().__init__(*layers, _pool(*last), *[nn.Flatten()] * flatten)

    @property
    def first(self) -> nn.Conv1d:
        """The wide convolution."""
        first: nn.Conv1d = self[0]  # type: ignore[assignment]
        return first

    @property
    def shortest(self) -> int:
        """Samples that give one step."""
        n_times = 1
        for kernel, stride, padding in reversed(self._windows):
            outside = kernel - 1 if padding == "same" else 2 * padding
            n_times = max(1, (n_times - 1) * stride + kernel - outside)
        return n_times

    def n_steps(self, n_times: int) -> int:
        """Count the steps in time of an epoch of so many samples."""
        for kernel, stride, padding in self._windows:
            if padding == "same":
                n_times = math.ceil(n_times / stride)
            else:
                n_times = (n_times + 2 * padding - kernel) // stride + 1
        return n_times


class TwoScaleEncoder(nn.Module):
    """Two branches side by side, for fine and for slow patterns of the same epoch.

    Flat features stand one after the other, and so do steps in time. Epochs that are
    too short for one step, or shorter than `shortest`, are padded with zeros.
    """

    def __init__(
        self,
        small: ScaleBranch,
        large: ScaleBranch,
        dropout: float,
        *,
        shortest: int = 1,
    ) -> None:
        super().__init__()
        self.small = small
        self.large = large
        self.dropout = nn.Dropout(dropout)
        self._shortest = max(shortest, small.shortest, large.shortest)

    def forward(self, x: Tensor) -> Tensor:
        """Encode (batch, n_channels, n_times)."""
        missing = self._shortest - x.shape[-1]
        if missing > 0:
            x = functional.pad(x, (0, missing))
        features = torch.cat([self.small(x), self.large(x)], dim=-1)
        dropped: Tensor = self.dropout(features)
        return dropped

    def n_steps(self, n_times: int) -> int:
        """Count the steps of both branches, for an epoch of so many samples."""
        n_times = max(n_times, self._shortest)
        return self.small.n_steps(n_times) + self.large.n_steps(n_times)

    def n_features(self, n_times: int) -> int:
        """Count the values of an encoded epoch of so many samples."""
        n_times = max(n_times, self._shortest)
        branches = (self.small, self.large)
        return sum(branch.width * branch.n_steps(n_times) for branch in branches)


def he_truncated_(weight: Tensor) -> None:
    """Draw weights from He's normal distribution, cut off at two deviations."""
    std = math.sqrt(2 / weight[0].numel())
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def he_weights(module: nn.Module) -> None:
    """Draw the weights of a convolution by He's rule, and scales around 1."""
    if isinstance(module, nn.Conv1d):
        he_truncated_(module.weight)
    elif isinstance(module, nn.BatchNorm1d):
        nn.init.normal_(module.weight, mean=1.0, std=0.002)


def normalisation(n_features: int, style: Style) -> list[nn.Module]:
    """Batch normalisation and activation."""
    norm = BatchNorm(n_features)
    norm.momentum, norm.eps = style.momentum, style.eps
    if style.initialise is not None:
        style.initialise(norm)
    return [norm, style.activation()]


def _convolution(
    n_in: int,
    n_out: int,
    kernel: int,
    stride: int,
    padding: Padding,
    *,
    bias: bool,
    style: Style,
) -> list[nn.Module]:
    """One convolution with its normalisation and activation."""
    convolution: nn.Conv1d
    if padding == "same":
        convolution = SameConv1d(n_in, n_out, kernel, stride, bias=bias)
    else:
        convolution = nn.Conv1d(n_in, n_out, kernel, stride, padding, bias=bias)
    if style.initialise is not None:
        style.initialise(convolution)
    return [convolution, *normalisation(n_out, style)]


def _pool(size: int, stride: int, padding: Padding) -> nn.Module:
    """Max-pooling."""
    if padding == "same":
        return SameMaxPool1d(size, stride)
    return nn.MaxPool1d(size, stride, padding)
