"""Dropout decided by one random byte per value, where torch draws a float."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sleepkit.nn._cpu import is_eager_cpu

_N_BYTES: Final = 256  # values that a byte can take
_LEAST_VALUES: Final = 16_384  # below, a draw of torch takes no longer


class Dropout(nn.Dropout):
    """torch's dropout, computed by `dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop values out in training, and return x as it is otherwise."""
        return dropout(x, self.p) if self.training and self.p else x


def reference(x: Tensor, p: float) -> Tensor:
    """Zero each value with probability p, and divide the others by ``1 - p``."""
    return functional.dropout(x, p)


def dropout(x: Tensor, p: float) -> Tensor:
    """As `reference`, with p rounded to a multiple of 1/256, and scaled by that.

    Few values, and probabilities that would round to 0 or 1, are left to torch.
    """
    if not can_use_bytes(x.numel(), p) or not is_eager_cpu(x):
        return reference(x, p)
    dropped: Tensor = _Dropout.apply(x, p)  # type: ignore[no-untyped-call]
    return dropped


def can_use_bytes(n_values: int, p: float) -> bool:
    """Whether bytes are drawn: for many values, and a p that does not round to 0 or 1.

    A byte would then drop nothing or everything, though p is neither 0 nor 1.
    """
    return n_values >= _LEAST_VALUES and (p == 0 or 1 <= p * _N_BYTES <= _N_BYTES - 1)


def draw_kept(shape: torch.Size, p: float) -> tuple[Tensor, float]:
    """Bytes, 1 where a value is kept and 0 elsewhere; and the scale of those kept."""
    threshold = round(p * _N_BYTES)
    n = shape.numel()
    words = torch.empty(-(-n // 8), dtype=torch.int64)
    words.random_(-(2**63), None)  # all 64 bits
    # in place, since a comparison that gives bools takes ten times as long
    kept = words.view(torch.uint8)[:n].view(shape).ge_(threshold)
    return kept, _N_BYTES / (_N_BYTES - threshold)


class _Dropout(torch.autograd.Function):
    """Multiply values and gradients by the same draw."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        kept, ctx.scale = draw_kept(x.shape, p)
        ctx.save_for_backward(kept)
        # bytes become floats fast; multiplying by bytes would be many times as slow
        return kept.to(x.dtype).mul_(x).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return kept.to(gradient.dtype).mul_(gradient).mul_(ctx.scale), None
