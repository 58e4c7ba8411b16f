"""Bidirectional recurrent layers whose two directions are independent stacks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]  # hidden and cell, each (n_layers, batch, n_hidden)


class IndependentBiLSTM(nn.Module):
    """Two stacks of LSTM layers, one forwards in time and one backwards.

    Unlike ``nn.LSTM(bidirectional=True)``, each layer of a stack reads the layer below
    of the same stack only, so that the forward stack does not depend on later steps.
    Dropout follows every layer. The weights start from Glorot's uniform distribution,
    the biases of the forget gates from 1, as in TensorFlow.
    """

    def __init__(
        self, n_in: int, n_hidden: int, n_layers: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        between = dropout if n_layers > 1 else 0.0
        self.ahead, self.back = (
            nn.LSTM(n_in, n_hidden, n_layers, batch_first=True, dropout=between)
            for _ in range(2)
        )
        self.dropout = nn.Dropout(dropout)
        for stack in (self.ahead, self.back):
            initialise_stack(stack)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Read (batch, seq, n_in) as (batch, seq, 2 * n_hidden).

        Steps where `mask`, (batch, seq), is false are skipped in both directions; their
        own output means nothing. `state` is where the forward stack starts, and where
        it ended is returned; the state of a row that ends with skipped steps is not
        defined. The backward stack always starts from zero.
        """
        read, state = run_both(self.ahead, self.back, x, mask, state)
        return self.dropout(read), state


def run_both(
    ahead: nn.RNNBase,
    back: nn.RNNBase,
    x: Tensor,
    mask: Tensor | None,
    state: Any = None,
) -> tuple[Tensor, Any]:
    """Run one stack forwards in time from `state`, and one backwards from zero.

    The outputs stand side by side, (batch, seq, 2 * n_hidden); the state is that of the
    forward stack. Steps where `mask`, (batch, seq), is false are skipped in both.
    """
    forwards, state = run_stack(ahead, x, mask, state)
    flipped = None if mask is None else mask.flip(1)
    backwards, _ = run_stack(back, x.flip(1), flipped, None)
    return torch.cat([forwards, backwards.flip(1)], dim=-1), state


def run_stack(
    stack: nn.RNNBase, x: Tensor, mask: Tensor | None, state: Any
) -> tuple[Tensor, Any]:
    """Run one stack, with the steps to be skipped after all others."""
    if mask is None:
        output, state = stack(x, state)
        return output, state
    order = mask.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
    output, state = stack(_take(x, order), state)
    return _take(output, order.argsort(dim=1)), state


def _take(x: Tensor, order: Tensor) -> Tensor:
    """Take the steps of (batch, seq, n) in an order of each row."""
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))


def initialise_stack(stack: nn.LSTM) -> None:
    """Draw weights as TensorFlow does for the kernel of all four gates at once."""
    n_hidden = stack.hidden_size
    for name, parameter in stack.named_parameters():
        if name.startswith("weight"):
            n_in = stack.input_size if name.endswith("l0") else n_hidden
            limit = math.sqrt(6 / (n_in + n_hidden + 4 * n_hidden))
            nn.init.uniform_(parameter, -limit, limit)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):  # gates: input, forget, cell, output
                nn.init.ones_(parameter[n_hidden : 2 * n_hidden])
