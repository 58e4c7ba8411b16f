"""Linear layers: float32 products by oneDNN, which torch leaves to MKL on a CPU."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._cpu import is_eager_cpu

# Multiply-adds below which the call of oneDNN costs more than its product saves: it
# takes some 70 us, and torch's own product of 1e6 takes about as long.
_LEAST_WORK: Final = 4_000_000


class Linear(nn.Linear):
    """torch's linear layer, computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., n_in) -> (..., n_out)."""
        return linear(x, self.weight, self.bias)


def reference(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``W x + b`` by the library that torch chooses."""
    return functional.linear(x, weight, bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``W x + b`` for tokens of shape (..., n_in)."""
    if not can_use_onednn(x, weight):
        return reference(x, weight, bias)
    # packed rows: oneDNN is very slow at rows with gaps
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    if torch.is_grad_enabled():
        mapped: Tensor = _Product.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    else:
        mapped = _onednn_product(rows, weight, bias)
    return mapped.view(*x.shape[:-1], len(weight))


def gradient_of_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """``gradient^T x`` of two matrices of many rows."""
    if gradient.shape[-1] > x.shape[-1]:  # oneDNN takes half the time this way round
        return linear(x.mT, gradient.mT).mT
    return linear(gradient.mT, x.mT)


def can_use_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether a product goes through oneDNN.

    ``torch.backends.mkldnn.enabled = False`` switches that off as well. Operands that
    do not fit are left to torch, whose errors are clear.
    """
    return (
        _WORKS
        and is_eager_cpu(x, weight)
        and x.dtype == weight.dtype == torch.float32
        and x.shape[-1] == weight.shape[-1]
        and x.numel() * len(weight) >= _LEAST_WORK
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
    )


# A private operator, which torch has for its compiler and may change or remove.
_operator: Final = getattr(
    getattr(torch.ops, "mkldnn", None), "_linear_pointwise", None
)


def _onednn_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``W x + b`` of the rows of x, (n, n_in)."""
    if bias is not None:
        bias = bias.contiguous()  # the operator ignores its stride
    mapped: Tensor = _operator(x, weight, bias, "none", [], "")  # type: ignore[misc]
    return mapped


def _works() -> bool:
    """Whether this torch has the operator, and it computes a product."""
    x = torch.arange(-6, 6, dtype=torch.float32, device="cpu").view(3, 4)
    try:
        found = _onednn_product(x, x[:2], x[0, :2])
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return torch.equal(found, reference(x, x[:2], x[0, :2]))


_WORKS: Final = _works()


class _Product(torch.autograd.Function):
    """A product whose gradients are products of the same kind."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn_product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.mT) if needs_x else None,
            gradient_of_weight(gradient, x) if needs_weight else None,
            gradient.sum(0) if needs_bias else None,
        )
