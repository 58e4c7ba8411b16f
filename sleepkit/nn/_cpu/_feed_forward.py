"""Two linear layers with a ReLU and a dropout between them, in one function."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sleepkit.nn._cpu import is_eager_cpu
from sleepkit.nn._cpu._dropout import Dropout, can_use_bytes, draw_kept
from sleepkit.nn._cpu._linear import Linear, gradient_of_weight, linear

_CHUNK: Final = 2048  # rows whose hidden units stay in the caches


class FeedForward(nn.Sequential):
    """``W2 dropout(relu(W1 x + b1)) + b2`` for tokens of shape (..., d_model)."""

    def __init__(self, d_model: int, dim_feedforward: int, dropout: float) -> None:
        super().__init__(
            Linear(d_model, dim_feedforward),
            nn.ReLU(),
            Dropout(dropout),
            Linear(dim_feedforward, d_model),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens."""
        return feed_forward(x, *self)


def reference(
    x: Tensor, enter: Linear, relu: nn.ReLU, dropout: Dropout, leave: Linear
) -> Tensor:
    """Run the four layers one after the other."""
    mapped: Tensor = leave(dropout(relu(enter(x))))
    return mapped


def feed_forward(
    x: Tensor, enter: Linear, relu: nn.ReLU, dropout: Dropout, leave: Linear
) -> Tensor:
    """As `reference`; the hidden units, by far the most values, are written once.

    In training they are computed for some rows at a time, rectified and dropped out in
    place, and their zeros are all that the backward pass needs of ReLU and dropout.
    """
    if not is_eager_cpu(x, enter.weight, leave.weight):
        return reference(x, enter, relu, dropout, leave)
    if not torch.is_grad_enabled() and not dropout.training:
        mapped: Tensor = leave(enter(x).relu_())
        return mapped
    trains = torch.is_grad_enabled() and enter.training and dropout.training
    n_hidden = x.numel() // x.shape[-1] * enter.out_features
    if not trains or not can_use_bytes(n_hidden, dropout.p):
        return reference(x, enter, relu, dropout, leave)
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    factors = [rows, enter.weight, enter.bias, leave.weight, leave.bias]
    if torch.is_autocast_enabled("cpu"):  # once, for the backward pass as well
        dtype = torch.get_autocast_dtype("cpu")
        factors = [factor.to(dtype) for factor in factors]
    rows, *weights = factors
    chunks = [
        _FeedForward.apply(chunk, *weights, dropout.p)  # type: ignore[no-untyped-call]
        for chunk in torch.split(rows, _CHUNK)
    ]
    return torch.cat(chunks).view(x.shape)


class _FeedForward(torch.autograd.Function):
    """Both layers at once, for rows of shape (n, d_model)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, p: float
    ) -> Tensor:
        hidden = linear(x, w1, b1).relu_()
        ctx.scale = 1.0
        if p:
            kept, ctx.scale = draw_kept(hidden.shape, p)
            hidden.mul_(kept.to(hidden.dtype))
            w2 = w2 * ctx.scale  # instead of the hidden units, which are many more
        ctx.save_for_backward(x, w1, w2, hidden)
        return linear(hidden, w2, b2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, w1, w2, hidden = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_w2 = gradient_of_weight(gradient, hidden).mul_(ctx.scale)
        of_hidden = linear(gradient, w2.mT)
        torch.ops.aten.threshold_backward.grad_input(
            of_hidden, hidden, 0, grad_input=of_hidden
        )
        of_x = linear(of_hidden, w1.mT) if ctx.needs_input_grad[0] else None
        of_w1 = gradient_of_weight(of_hidden, x)
        return of_x, of_w1, of_hidden.sum(0), of_w2, gradient.sum(0), None
