"""Two linear layers, a ReLU and a dropout between them, in as few passes as can be."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sleepkit.nn._dropout import Dropout, draw_kept, fits_a_byte
from sleepkit.nn._linear import (
    Linear,
    as_rows,
    product,
    product_over_rows,
    runs_plainly,
)

_CACHED = 2048  # rows whose hidden units a processor can keep near


class FeedForward(nn.Sequential):
    """``W2 dropout(relu(W1 x + b1)) + b2`` on tokens of shape (..., d_model).

    While training on a CPU the hidden units, many times as large as all else, are
    written once: rectified and dropped out in place, and what is zero among them tells
    the way back.
    """

    def __init__(self, d_model: int, dim_feedforward: int, dropout: float) -> None:
        super().__init__(
            Linear(d_model, dim_feedforward),
            nn.ReLU(),
            Dropout(dropout),
            Linear(dim_feedforward, d_model),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens."""
        enter, dropout, leave = self._layers()
        learning = torch.is_grad_enabled()
        if not (learning or dropout.training):  # the hidden units are written once
            mapped: Tensor = leave(enter(x).relu_())
            return mapped
        drawn = not dropout.p or fits_a_byte(dropout.p)
        if runs_plainly(x) and learning and self.training and drawn:
            return self._learn(x)
        return super().forward(x)  # type: ignore[no-any-return, no-untyped-call]

    def _learn(self, x: Tensor) -> Tensor:
        """Map tokens, some at a time, and keep what the way back needs."""
        enter, dropout, leave = self._layers()
        factors = [as_rows(x), enter.weight, enter.bias, leave.weight, leave.bias]
        if torch.is_autocast_enabled("cpu"):  # once, for the way back as well
            lower = torch.get_autocast_dtype("cpu")
            factors = [factor.to(lower) for factor in factors]
        rows, *rest = factors
        parts = [
            _FeedForward.apply(part, *rest, dropout.p)  # type: ignore[no-untyped-call]
            for part in torch.split(rows, _CACHED)
        ]
        return torch.cat(parts).view(x.shape)

    def _layers(self) -> tuple[Linear, Dropout, Linear]:
        """Name what this consists of."""
        enter, _, dropout, leave = self
        return enter, dropout, leave  # type: ignore[return-value]


class _FeedForward(torch.autograd.Function):
    """Both layers at once, for rows of shape (n, d_model)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, p: float
    ) -> Tensor:
        """Keep the hidden units, without those that are zero or dropped."""
        hidden = product(x, w1, b1).relu_()
        if p:
            kept, scale = draw_kept(hidden.shape, p)
            hidden.mul_(kept.to(hidden.dtype))
            w2 = w2 * scale  # instead of the hidden units, which are many more
        else:
            scale = 1.0
        ctx.scale = scale
        ctx.save_for_backward(x, w1, w2, hidden)
        return product(hidden, w2, b2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Pass the gradient back through what was kept."""
        x, w1, w2, hidden = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_w2 = product_over_rows(gradient, hidden).mul_(ctx.scale)
        of_hidden = product(gradient, w2.mT)
        torch.ops.aten.threshold_backward.grad_input(
            of_hidden, hidden, 0, grad_input=of_hidden
        )
        of_x = product(of_hidden, w1.mT) if ctx.needs_input_grad[0] else None
        of_w1 = product_over_rows(of_hidden, x)
        return of_x, of_w1, of_hidden.sum(0), of_w2, gradient.sum(0), None
