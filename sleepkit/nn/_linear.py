"""A linear layer that takes the faster of the two products that torch has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def onednn_is_faster(x: Tensor) -> bool:
    """Tell whether to compute outside of torch's default library.

    In float32 on a CPU that is MKL, which leaves half of what some processors can do;
    oneDNN, which torch also has and takes in bfloat16, does not. Where gradients are
    asked for, layers stay as they are.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.numel() > 0
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
    )


class Linear(nn.Linear):
    """``W x + b``, of tensors in torch's layout or in that of oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape (..., n_in); the result is in the layout that came."""
        if x.is_mkldnn:
            bias = None if self.bias is None else self.bias.to_mkldnn()
            return functional.linear(x, self.weight.to_mkldnn(), bias)
        if onednn_is_faster(x):
            return self(x.to_mkldnn()).to_dense()  # type: ignore[no-any-return]
        return super().forward(x)
