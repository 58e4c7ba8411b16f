"""Gradient reversal, for adversarial training against a second head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def gradient_reversal(x: Tensor, strength: float = 1.0) -> Tensor:
    """Identity whose gradient is multiplied by a negative factor.

    Between an encoder and a domain classifier, one gradient descent trains the
    classifier to discriminate domains, and the encoder to make them alike.

    Parameters
    ----------
    x : Tensor
        Features, of any shape.
    strength : float, default=1.0
        The gradient is multiplied by ``-strength``.

    Returns
    -------
    Tensor
        The same values.

    Notes
    -----
    With it a net *minimises* the sum of the losses of stages and domains. Equation 2 of
    the SleepMG paper, their difference, holds for the encoder only: taken for the whole
    net it would train the domain head to be wrong.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import gradient_reversal
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> gradient_reversal(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    reversed_: Tensor = _Reversal.apply(x, strength)  # type: ignore[no-untyped-call]
    return reversed_


class _Reversal(torch.autograd.Function):
    """Identity forwards, ``-strength`` times the gradient backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grads[0], None
