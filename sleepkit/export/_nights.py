"""Operations of graphs on nights of any length, in words that every runtime has."""

from __future__ import annotations

import torch
from torch import Tensor


def first(x: Tensor, n: int) -> Tensor:
    """First samples along the last axis; `n` may depend on the input."""
    return x.index_select(-1, torch.arange(n))


def mirrored(x: Tensor, before: int, after: int) -> Tensor:
    """Extend (n_channels, n_times) by its mirror images, without the end samples."""
    return x.index_select(1, _mirror(x.shape[1], before, after)[1])


def mirrored_odd(x: Tensor, half: int) -> Tensor:
    """Extend (n_channels, n_times) at both ends by mirroring at the end samples."""
    n_times = x.shape[1]
    place, index = _mirror(n_times, half, half)
    inside = x.index_select(1, index)
    start, end = first(x, 1), x.index_select(1, torch.arange(1) + (n_times - 1))
    outside = torch.where(place < 0, start, end) * 2 - inside
    return torch.where((place < 0) | (place >= n_times), outside, inside)


def _mirror(n_times: int, before: int, after: int) -> tuple[Tensor, Tensor]:
    """Places from `before` samples before the start, and the samples found there."""
    place = torch.arange(before + n_times + after) - before
    last = n_times - 1
    return place, last - (last - place.abs()).abs()


def cut(x: Tensor, n_epochs: int, n_times: int) -> Tensor:
    """(n_channels, n_samples) -> (n_epochs, n_channels, n_times)."""
    samples = first(x, n_epochs * n_times)
    return samples.reshape(x.shape[0], n_epochs, n_times).movedim(1, 0)


def frames(x: Tensor, n_times: int, n_window: int, step: int) -> Tensor:
    """(..., n_times) -> (..., n_frames, n_window)."""
    n_frames = (n_times - n_window) // step + 1
    at = torch.arange(n_frames)[:, None] * step + torch.arange(n_window)
    taken = x.index_select(-1, at.flatten())
    return taken.reshape(*x.shape[:-1], n_frames, n_window)


def power_spectrum(x: Tensor, n_window: int, n_fft: int) -> Tensor:
    """Squared magnitudes (..., n_fft // 2 + 1) of frames (..., n_window).

    By a matrix that is computed in the graph: not every runtime has a transform, and
    the matrix would be larger than the weights of a small net.
    """
    turns = torch.arange(n_window)[:, None] * torch.arange(n_fft // 2 + 1) % n_fft
    angle = turns.to(torch.float64) * (2 * torch.pi / n_fft)
    x = x.to(torch.float64)  # a weak bin beside a strong one is a small difference
    power = (x @ angle.cos()).square() + (x @ angle.sin()).square()
    return power.to(torch.float32)


def quantiles(x: Tensor, known: Tensor, n_known: Tensor, shares: list[float]) -> Tensor:
    """Quantiles of the known values along the last axis, (n_shares, ...).

    `known` broadcasts to `x`; `n_known`, of shape (1,), counts those of a row.
    """
    ordered = torch.where(known, x, torch.inf).sort(-1).values
    last = (n_known - 1).clamp(min=0)
    found = []
    for share in shares:
        place = last.to(torch.float64) * share
        low = place.floor()
        at = low.to(torch.int64)
        below = ordered.index_select(-1, at)[..., 0]
        above = ordered.index_select(-1, torch.minimum(at + 1, last))[..., 0]
        found.append(below + (above - below) * (place - low).to(x.dtype))
    return torch.stack(found)


def moments(x: Tensor, known: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
    """Mean and SD of the known values, in double precision; the axes stay.

    `known` broadcasts to `x` and has its number of axes.
    """
    count = known.to(torch.float64).expand(x.shape).sum(axes, keepdim=True).clamp(min=1)
    mean = torch.where(known, x, 0).to(torch.float64).sum(axes, keepdim=True) / count
    shift = mean.to(x.dtype)
    centred = torch.where(known, x - shift, 0).to(torch.float64)
    variance = centred.square().sum(axes, keepdim=True) / count
    return mean, (variance - (mean - shift).square()).clamp(min=0).sqrt()


def scaled(x: Tensor, center: Tensor, scale: Tensor) -> Tensor:
    """Subtract the centre and divide by the scale; without spread, divide by 1."""
    rounding = 10 * torch.finfo(torch.float64).eps * center.abs()
    divisor = torch.where(scale <= rounding, 1.0, scale)
    return (x - center.to(x.dtype)) / divisor.to(x.dtype)
