"""Dropout that takes a byte of randomness a number, where torch is slow at it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sleepkit.nn._linear import runs_plainly

_VALUES = 256  # of a byte


class Dropout(nn.Module):
    """Drop out numbers at random while training, and scale up what is left.

    On a CPU, torch draws a float for each number, which takes longer than the layers
    around it. Here a byte decides, so the probability is rounded to a multiple of
    1/256, and what is left is scaled by that very probability. On other devices, and
    where torch compiles or transforms, this is torch's own.

    Parameters
    ----------
    p : float
        Probability of dropping a number out, from 0 to 1.

    Raises
    ------
    ValueError
        If the probability is none.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import Dropout
    >>> dropped = Dropout(0.5)(torch.ones(1000))
    >>> sorted(set(dropped.tolist()))
    [0.0, 2.0]
    >>> Dropout(0.5).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            msg = f"Dropout needs a probability from 0 to 1; got {p!r}."
            raise ValueError(msg)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop out of a tensor of any shape.

        Parameters
        ----------
        x : Tensor
            The numbers.

        Returns
        -------
        Tensor
            Of the same shape; outside of training, the numbers as they are.
        """
        if not self.training or self.p == 0:
            return x
        if not (runs_plainly(x) and fits_a_byte(self.p)):
            return functional.dropout(x, self.p)
        dropped: Tensor = _Drop.apply(x, self.p)  # type: ignore[no-untyped-call]
        return dropped

    def extra_repr(self) -> str:
        """Tell the probability.

        Returns
        -------
        str
            It.
        """
        return f"p={self.p}"


def fits_a_byte(p: float) -> bool:
    """Whether rounding to a multiple of 1/256 makes p neither 0 nor 1."""
    return 1 / _VALUES <= p <= 1 - 1 / _VALUES


def draw_kept(shape: torch.Size, p: float) -> tuple[Tensor, float]:
    """Draw bytes, 1 where a number is kept, else 0; and the scale of what is kept."""
    threshold = round(p * _VALUES)
    n = shape.numel()
    words = torch.empty(-(-n // 8), dtype=torch.int64)
    words.random_(-(2**63), None)  # all 64 bits
    # in place, since a comparison that gives bools takes ten times as long
    kept = words.view(torch.uint8)[:n].view(shape).ge_(threshold)
    return kept, _VALUES / (_VALUES - threshold)


class _Drop(torch.autograd.Function):
    """Multiply by what was drawn, both ways."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        """Draw, and keep that for the way back."""
        kept, ctx.scale = draw_kept(x.shape, p)
        ctx.save_for_backward(kept)
        # bytes become floats fast; multiplying by bytes would be many times as slow
        return kept.to(x.dtype).mul_(x).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Let through what was kept."""
        (kept,) = ctx.saved_tensors
        return kept.to(gradient.dtype).mul_(gradient).mul_(ctx.scale), None
