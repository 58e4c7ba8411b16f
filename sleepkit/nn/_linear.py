"""Linear layers through the faster of the two libraries for products that torch has."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional


class Linear(nn.Linear):
    """``W x + b``, in float32 on a CPU through oneDNN.

    torch takes MKL there, which leaves half of what some processors can do. In lower
    precision it takes oneDNN by itself.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape (..., n_in)."""
        mapped = product(as_rows(x), self.weight, self.bias)
        return mapped.view(*x.shape[:-1], self.out_features)


def as_rows(tokens: Tensor) -> Tensor:
    """(..., n) -> (-1, n), packed: oneDNN is very slow at rows with gaps."""
    return tokens.reshape(-1, tokens.shape[-1]).contiguous()


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``W x + b`` of the rows of x, (n, n_in)."""
    if not onednn_takes(x, weight):
        return functional.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Product.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return _product_by_onednn(x, weight, bias)


def product_over_rows(x: Tensor, y: Tensor) -> Tensor:
    """``x^T y`` of two matrices of many rows."""
    if x.shape[-1] > y.shape[-1]:  # the other way would take oneDNN twice as long
        return product(y.mT, x.mT).mT
    return product(x.mT, y.mT)


def runs_plainly(x: Tensor) -> bool:
    """Tell whether this is computed here and now, and on a CPU.

    What traces, exports or transforms a net needs operations of torch, in one order.
    """
    return not (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or x.device.type != "cpu"
    )


def onednn_takes(x: Tensor, weight: Tensor) -> bool:
    """Tell whether a product goes through oneDNN.

    ``torch.backends.mkldnn.enabled = False`` switches that off. What does not fit is
    left to torch, whose errors are clear.
    """
    return (
        _WORKS
        and runs_plainly(x)
        and x.dtype == weight.dtype == torch.float32
        and x.device == weight.device
        and x.shape[-1] == weight.shape[-1]
        and x.numel() > 0
        and torch._C._get_mkldnn_enabled()
        and not torch.is_autocast_enabled("cpu")
    )


def _product_by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``W x + b`` of tensors in torch's own layout."""
    if bias is not None:
        bias = bias.contiguous()  # its stride is not looked at
    operator = torch.ops.mkldnn._linear_pointwise
    mapped: Tensor = operator(x, weight, bias, "none", [], "")
    return mapped


def _works() -> bool:
    """Try the operator, which torch has for its compiler and may change."""
    x = torch.arange(-6, 6, dtype=torch.float32, device="cpu").view(3, 4)
    try:
        found = _product_by_onednn(x, x[:2], x[0, :2])
        return torch.equal(found, functional.linear(x, x[:2], x[0, :2]))
    except (AttributeError, RuntimeError, TypeError):
        return False


_WORKS: Final = _works()


class _Product(torch.autograd.Function):
    """A product whose gradients are products of the same kind."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Keep the factors."""
        ctx.save_for_backward(x, weight)
        return _product_by_onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Pass the gradient back to rows, weight and bias, if they ask for it."""
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        asked = ctx.needs_input_grad
        return (
            product(gradient, weight.mT) if asked[0] else None,
            product_over_rows(gradient, x) if asked[1] else None,
            gradient.sum(0) if asked[2] else None,
        )
