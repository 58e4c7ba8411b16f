"""Linear layers through the faster of the two libraries for products that torch has."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Linear(nn.Linear):
    """``W x + b``, in float32 on a CPU through oneDNN.

    torch takes MKL there, which leaves half of what some processors can do.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape (..., n_in)."""
        if not onednn_takes(x, self.weight):
            return super().forward(x)
        mapped = product(as_rows(x), self.weight, self.bias)
        return mapped.view(*x.shape[:-1], -1)


def as_rows(tokens: Tensor) -> Tensor:
    """(..., n) -> (-1, n), packed: oneDNN is very slow at rows with gaps."""
    return tokens.reshape(-1, tokens.shape[-1]).contiguous()


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``W x + b`` of the rows of x, (n, n_in)."""
    if not torch.is_grad_enabled():
        return multiply(x, weight, bias)
    mapped: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return mapped


def multiply(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False
) -> Tensor:
    """Do the same without gradients, and rectify what comes, if asked to."""
    if onednn_takes(x, weight):
        return _multiply_by_onednn(x, weight, bias, relu)
    mapped = functional.linear(x, weight, bias)
    return mapped.relu_() if relu else mapped


def multiply_over_rows(x: Tensor, y: Tensor) -> Tensor:
    """``x^T y`` of two matrices of many rows."""
    if x.shape[-1] > y.shape[-1]:  # the other way would take oneDNN twice as long
        return product(y.mT, x.mT).mT
    return product(x.mT, y.mT)


def onednn_takes(x: Tensor, weight: Tensor) -> bool:
    """Tell whether a product goes through oneDNN.

    ``torch.backends.mkldnn.enabled = False`` switches that off.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.numel() > 0
        and torch._C._get_mkldnn_enabled()
        and not (x.dtype == torch.float32 and torch.is_autocast_enabled("cpu"))
        and not torch.compiler.is_compiling()
        and _works(x.dtype)
    )


@cache
def _works(dtype: torch.dtype) -> bool:
    """Try the operator, which torch has for its compiler and may change."""
    x = torch.arange(-6.0, 6).view(3, 4).to(dtype)
    try:
        found = _multiply_by_onednn(x, x[:2], x[0, :2], True)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.equal(found, functional.linear(x, x[:2], x[0, :2]).relu())


def _multiply_by_onednn(
    x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool
) -> Tensor:
    """``W x + b``, perhaps rectified, of tensors in torch's own layout."""
    attribute = "relu" if relu else "none"
    operator = torch.ops.mkldnn._linear_pointwise
    mapped: Tensor = operator(x, weight, bias, attribute, [], "")
    return mapped


class _Product(torch.autograd.Function):
    """A product whose gradients are products of the same kind."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Keep the factors."""
        ctx.save_for_backward(x, weight)
        return multiply(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Pass the gradient back to rows, weight and bias, if they ask for it."""
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        asked = ctx.needs_input_grad
        return (
            product(gradient, weight.mT) if asked[0] else None,
            multiply_over_rows(gradient, x) if asked[1] else None,
            gradient.sum(0) if asked[2] else None,
        )
