"""The first convolution of a signal, normalised and pooled, never whole in memory.

Between its 3,000 samples and what is pooled, an epoch of one channel is five times as
many numbers. On a CPU these are made, and used up, for a few epochs at a time, so that
they stay in the caches; for the way back they are made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm

_SIZE: Final = 2**20  # numbers at a time


def pooled_convolution(
    x: Tensor, convolution: nn.Conv1d, norm: BatchNorm, pool: int
) -> Tensor:
    """Convolve (batch, n_in, n_times), normalise, and take the largest of each `pool`.

    Each stretch as long as the stride becomes the channels of one place: a kernel of
    400 with a stride of 50 is one of 8 places of 50 channels, with a stride of 1. Many
    channels and few places are what libraries are fast at.
    """
    kernel, bias = convolution.parameters()
    (stride,) = convolution.stride
    n_places = -(-kernel.shape[-1] // stride)
    n_frames = (x.shape[-1] - kernel.shape[-1]) // stride + 1
    x = _stretches(x, n_frames + n_places - 1, stride)
    if not norm.goes_by_batch(x):
        weight, shift = norm.within(kernel, bias)
        frames = functional.conv2d(x, _stretches(weight, n_places, stride), shift)
        return functional.max_pool2d(frames, (1, pool)).squeeze(2)
    # where it multiplies by less than zero the smallest counts: all is turned round
    sign = torch.where(norm.weight < 0, -1.0, 1.0)
    weight = _stretches(kernel * _rows(sign), n_places, stride)
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    maxima, mean, variance = _NormalMaxima.apply(  # type: ignore[no-untyped-call]
        x, weight, pool, norm.eps
    )
    norm.follow(mean * sign + bias, variance, len(x) * n_frames)
    # the mean takes the bias of the convolution away again: its gradient is zero
    gain, shift = norm.weight * sign, norm.bias + 0 * bias
    pooled: Tensor = maxima * _rows(gain) + _rows(shift)
    return pooled.squeeze(2)


class _NormalMaxima(torch.autograd.Function):
    """Convolution, normalisation by the batch, and the largest of so many frames."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, pool: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Find the largest, and normalise these; give mean and variance as well."""
        # any bias will do: one that makes numbers small, whose squares sum up well
        bias = -x.mean() * weight.sum((1, 2, 3))
        exact = torch.promote_types(x.dtype, torch.float32)
        sums = torch.zeros(2, len(weight), dtype=torch.float64)
        found, places, n = [], [], 0
        for frames, maxima, at in _pass(x, weight, bias, pool):
            rows = frames.transpose(1, 3).flatten(0, 2).to(exact)
            sums += torch.stack([rows.sum(0), rows.square().sum(0)])
            n += len(rows)
            found.append(maxima)
            places.append(at)
        mean, square = sums / n
        variance = (square - mean**2).clamp(min=0).to(exact)
        mean, scale = mean.to(exact), (variance + eps).rsqrt()
        normal = (torch.cat(found).to(exact) - _rows(mean)) * _rows(scale)
        ctx.n = n
        ctx.save_for_backward(x, weight, bias, mean, scale, normal, torch.cat(places))
        mean = mean - bias
        ctx.mark_non_differentiable(mean, variance)
        return normal, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Pass back to the largest; and to all, which mean and variance came from."""
        x, weight, bias, mean, scale, normal, places = ctx.saved_tensors
        slope = (gradient * normal).sum((0, 2, 3)) * -(scale**2) / ctx.n
        level = gradient.sum((0, 2, 3)) * -scale / ctx.n - slope * mean
        inner = (weight * slope[:, None, None, None]).to(weight.dtype)
        shift = (bias * slope + level).to(weight.dtype)
        gradient = (gradient * _rows(scale)).to(weight.dtype)
        size, of_x, of_weight = _count(x, weight), [], torch.zeros_like(weight)
        parts = (torch.split(a, size) for a in (x, gradient, places))
        for part, of_maxima, at in zip(*parts, strict=True):
            of_frames = functional.conv2d(part, inner, shift)
            of_frames.scatter_add_(3, at, of_maxima)
            of_part, more, _ = torch.ops.aten.convolution_backward(
                *(of_frames, part, weight, None),
                *((1, 1), (0, 0), (1, 1), False, (0, 0), 1),
                (ctx.needs_input_grad[0], True, False),
            )
            of_x.append(of_part)
            of_weight += more
        whole = torch.cat(of_x) if ctx.needs_input_grad[0] else None
        return whole, of_weight, None, None


def _pass(
    x: Tensor, weight: Tensor, bias: Tensor, pool: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Give the frames of some epochs at a time, the largest, and where these are."""
    for part in torch.split(x, _count(x, weight)):
        frames = functional.conv2d(part, weight, bias)
        yield frames, *functional.max_pool2d(frames, (1, pool), return_indices=True)


def _count(x: Tensor, weight: Tensor) -> int:
    """Count the epochs that are so many numbers after the convolution."""
    return max(1, _SIZE // (len(weight) * (x.shape[-1] - weight.shape[-1] + 1)))


def _stretches(x: Tensor, n_places: int, length: int) -> Tensor:
    """Cut (batch, n_in, n_times) into (batch, n_in * length, 1, n_places).

    Time is the second of two axes, as torch lays channels last in memory for no less.
    """
    lacking = n_places * length - x.shape[-1]
    if lacking:  # below zero, there are too many, which are left out
        x = functional.pad(x, (0, lacking))
    places = x.reshape(*x.shape[:2], n_places, length).transpose(1, 2)
    return places.flatten(2).transpose(1, 2).unsqueeze(2)


def _rows(values: Tensor) -> Tensor:
    """Lay values along the first but two of the axes."""
    return values[:, None, None]
