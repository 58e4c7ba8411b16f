"""A strided convolution, batch-normalised and pooled, never whole in memory.

The frames of the first convolution are five times as many values as the epoch. On a CPU
they are computed, and used up, for a few epochs at a time, so that they stay in the
caches; in the backward pass they are computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._cpu import is_eager_cpu

_CHUNK: Final = 2**20  # values of frames at a time


def reference(
    x: Tensor, convolution: nn.Conv1d, norm: BatchNorm, pool: nn.MaxPool1d
) -> Tensor:
    """Convolve (batch, n_in, n_times), normalise, and take the maximum of frames."""
    pooled: Tensor = pool(norm(convolution(x)))
    return pooled


def pooled_convolution(
    x: Tensor, convolution: nn.Conv1d, norm: BatchNorm, pool: nn.MaxPool1d
) -> Tensor:
    """As `reference`, which it equals to rounding.

    Each stretch as long as the stride becomes the channels of one place: a kernel of
    400 with a stride of 50 is one of 8 places of 50 channels, with a stride of 1. Many
    channels and few places are what libraries are fast at.
    """
    kernel, bias = convolution.weight, convolution.bias
    if bias is None or not is_eager_cpu(x, kernel):
        return reference(x, convolution, norm, pool)
    (stride,), size = convolution.stride, kernel.shape[-1]
    n_places = -(-size // stride)
    n_frames = (x.shape[-1] - size) // stride + 1
    x = _stretches(x, n_frames + n_places - 1, stride)
    if not norm.uses_batch_statistics(x):
        weight, shift = norm.fold_into(kernel, bias)
        frames = functional.conv2d(x, _stretches(weight, n_places, stride), shift)
        return functional.max_pool2d(frames, (1, pool.kernel_size)).squeeze(2)  # type: ignore[arg-type]
    # where the norm multiplies by less than zero the minimum counts: flip the kernel
    sign = torch.where(norm.weight < 0, -1.0, 1.0).to(kernel.dtype)
    weight = _stretches(kernel * _rows(sign), n_places, stride)
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    maxima, mean, variance = _NormalisedMaxima.apply(  # type: ignore[no-untyped-call]
        x, weight, pool.kernel_size, norm.eps
    )
    norm.update_running_statistics(mean * sign + bias, variance, len(x) * n_frames)
    # normalisation removes the bias of the convolution: its gradient is zero
    gain, shift = norm.weight * sign, norm.bias + 0 * bias
    pooled: Tensor = maxima.to(gain.dtype) * _rows(gain) + _rows(shift)
    return pooled.squeeze(2)


class _NormalisedMaxima(torch.autograd.Function):
    """Convolution, normalisation by the batch, and maximum of `pool` frames."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, pool: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the normalised maxima, and the batch's mean and variance."""
        # any bias will do: this one centres the frames, so that squares sum accurately
        bias = -(weight * _rows(x.mean((0, 2, 3)))).sum((1, 2, 3))
        exact = torch.promote_types(x.dtype, torch.float32)
        sums = torch.zeros(2, len(weight), dtype=torch.float64)
        all_maxima, all_places, n = [], [], 0
        for frames, maxima, places in _frames(x, weight, bias, pool):
            rows = frames.transpose(1, 3).flatten(0, 2).to(exact)
            sums += torch.stack([rows.sum(0), rows.square().sum(0)])
            n += len(rows)
            all_maxima.append(maxima)
            all_places.append(places)
        mean, square = sums / n
        variance = (square - mean**2).clamp(min=0).to(exact)
        mean, scale = mean.to(exact), (variance + eps).rsqrt()
        normal = (torch.cat(all_maxima).to(exact) - _rows(mean)) * _rows(scale)
        ctx.n = n
        places = torch.cat(all_places)
        ctx.save_for_backward(x, weight, bias, mean, scale, normal, places)
        mean = mean - bias
        ctx.mark_non_differentiable(mean, variance)
        return normal, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients by way of the maxima, and of all frames by mean and variance."""
        x, weight, bias, mean, scale, normal, places = ctx.saved_tensors
        slope = (gradient * normal).sum((0, 2, 3)) * -(scale**2) / ctx.n
        level = gradient.sum((0, 2, 3)) * -scale / ctx.n - slope * mean
        inner = (weight * slope[:, None, None, None]).to(weight.dtype)
        shift = (bias * slope + level).to(weight.dtype)
        gradient = (gradient * _rows(scale)).to(weight.dtype)
        of_x, of_weight = [], torch.zeros_like(weight, dtype=mean.dtype)
        size = _chunk_size(x, weight)
        chunks = (torch.split(tensor, size) for tensor in (x, gradient, places))
        for part, of_maxima, at in zip(*chunks, strict=True):
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


def _frames(
    x: Tensor, weight: Tensor, bias: Tensor, pool: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Frames of some epochs at a time, their maxima, and the places of these."""
    for part in torch.split(x, _chunk_size(x, weight)):
        frames = functional.conv2d(part, weight, bias)
        yield frames, *functional.max_pool2d(frames, (1, pool), return_indices=True)


def _chunk_size(x: Tensor, weight: Tensor) -> int:
    """Epochs whose frames fit into a chunk."""
    return max(1, _CHUNK // (len(weight) * (x.shape[-1] - weight.shape[-1] + 1)))


def _stretches(x: Tensor, n_places: int, length: int) -> Tensor:
    """(batch, n_in, n_times) -> (batch, n_in * length, 1, n_places).

    Time is the second of two axes, as torch lays channels last in memory for no less.
    """
    missing = n_places * length - x.shape[-1]
    if missing:  # a negative number removes surplus samples
        x = functional.pad(x, (0, missing))
    places = x.reshape(*x.shape[:2], n_places, length).transpose(1, 2)
    return places.flatten(2).transpose(1, 2).unsqueeze(2)


def _rows(values: Tensor) -> Tensor:
    """Values along the last axis but two."""
    return values[:, None, None]
