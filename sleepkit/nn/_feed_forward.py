"""Two linear layers, a ReLU and a dropout between them, in as few passes as can be."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sleepkit.nn._dropout import Dropout, draw_kept
from sleepkit.nn._linear import Linear, onednn_is_faster


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
        if not self.training:
            return self._rectify_in_place(x)
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)  # type: ignore[no-any-return, no-untyped-call]
        enter, _, dropout, leave = self
        factors: list[Any] = [x.reshape(-1, x.shape[-1])]
        factors += [enter.weight, enter.bias, leave.weight, leave.bias]
        if torch.is_autocast_enabled("cpu"):  # once, for the way back as well
            lower = torch.get_autocast_dtype("cpu")
            factors = [factor.to(lower) for factor in factors]
        rows: Tensor = _FeedForward.apply(  # type: ignore[no-untyped-call]
            *factors, dropout.p
        )
        return rows.view(x.shape)

    def _rectify_in_place(self, x: Tensor) -> Tensor:
        """Map tokens without dropout; the hidden units are written once."""
        enter, _, _, leave = self
        if onednn_is_faster(x):  # the hidden units stay in its layout
            return leave(enter(x.to_mkldnn()).relu_()).to_dense()  # type: ignore[no-any-return]
        return leave(enter(x).relu_())  # type: ignore[no-any-return]


class _FeedForward(torch.autograd.Function):
    """Both layers at once, for rows of shape (n, d_model)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, p: float
    ) -> Tensor:
        """Keep the hidden units, without those that are zero or dropped."""
        hidden = torch.addmm(b1, x, w1.T).relu_()
        if p:
            kept, scale = draw_kept(hidden.shape, p)
            hidden.mul_(kept.to(hidden.dtype))
            w2 = w2 * scale  # instead of the hidden units, which are many more
        else:
            scale = 1.0
        ctx.scale = scale
        ctx.save_for_backward(x, w1, w2, hidden)
        return torch.addmm(b2, hidden, w2.T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Pass the gradient back through what was kept."""
        x, w1, w2, hidden = ctx.saved_tensors
        of_w2 = (gradient.T @ hidden).mul_(ctx.scale)
        of_hidden = gradient @ w2
        torch.ops.aten.threshold_backward.grad_input(
            of_hidden, hidden, 0, grad_input=of_hidden
        )
        of_x = of_hidden @ w1 if ctx.needs_input_grad[0] else None
        return of_x, of_hidden.T @ x, of_hidden.sum(0), of_w2, gradient.sum(0), None
