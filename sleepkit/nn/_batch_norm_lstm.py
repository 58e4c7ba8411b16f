"""LSTM with batch normalisation in its steps, in both directions."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._cpu._dropout import Dropout

_SCALE: Final = 0.1  # of what is normalised, so that no gate is saturated at first
_EPS: Final = 1e-5


class _Step(NamedTuple):
    """Rows of a step, the statistics of which step it takes, and how it moves them."""

    n_rows: int
    statistics: int
    momentum: float | None  # None: by the running statistics


class BatchNormBiLSTM(nn.Module):
    """A layer of LSTM forwards in time and one backwards, with recurrent batch norm.

    The products of the input and of the hidden state are normalised separately, and so
    is the cell before its tanh (Cooijmans et al. 2017). Each step has running
    statistics of its own, since the distribution of the state changes from its zero at
    the start; later steps than any in training take those of the last one. There is
    dropout after, and before unless `drops_input` is false. The weights of all four
    gates together start orthogonal, forget gates from a bias of 1.
    """

    n_batches: Tensor

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        n_steps: int,
        *,
        dropout: float,
        momentum: float,
        drops_input: bool = True,
    ) -> None:
        super().__init__()
        self.momentum = momentum
        self.drops_input = drops_input
        self.dropout = Dropout(dropout)
        # both directions; gates are input, forget, output and candidate
        self.weight_in = nn.Parameter(torch.empty(2, n_in, 4 * n_hidden))
        self.weight_hidden = nn.Parameter(torch.empty(2, n_hidden, 4 * n_hidden))
        offset = torch.zeros(2, 4, n_hidden)
        offset[:, 1] = 1  # forget nothing at first
        self.norm_in = StepNorm(n_steps, 8 * n_hidden)
        self.norm_hidden = StepNorm(n_steps, 8 * n_hidden, offset.flatten())
        self.norm_cell = StepNorm(n_steps, 2 * n_hidden, torch.zeros(2 * n_hidden))
        self.register_buffer("n_batches", torch.zeros(n_steps, dtype=torch.int64))
        for weight in (self.weight_in, self.weight_hidden):
            for direction in weight.detach():
                nn.init.orthogonal_(direction)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Read (batch, seq, n_in) as (batch, seq, 2 * n_hidden).

        Steps where `mask`, (batch, seq), is false are skipped in both directions, and
        count in no batch statistics; their own output means nothing. In evaluation all
        rows go through all steps, so that none depends on the others.
        """
        n_rows, n_steps = x.shape[:2]
        if mask is None:
            plan = self._plan([n_rows] * n_steps)
            ahead, back = self._run(torch.stack([x, x.flip(1)]), plan)
            return self._join(ahead, back.flip(1))
        rows = mask.sum(1).argsort(descending=True, stable=True)
        order = _order(mask[rows])
        plan = self._plan(_n_active(mask) if self.training else [n_rows] * n_steps)
        states = self._run(torch.stack([_take(x[rows], to) for to in order]), plan)
        ahead, back = (
            _take(part, to.argsort(1)) for part, to in zip(states, order, strict=True)
        )
        return self._join(ahead, back)[rows.argsort()]

    def _join(self, ahead: Tensor, back: Tensor) -> Tensor:
        """Both directions, after dropout."""
        joined: Tensor = self.dropout(torch.cat([ahead, back], dim=-1))
        return joined

    def _plan(self, n_active: list[int]) -> list[_Step]:
        """Plan steps by how many rows have them; count what moves the statistics."""
        counts, last = self.n_batches.tolist(), len(self.n_batches) - 1
        if not self.training:
            seen = max(sum(count > 0 for count in counts) - 1, 0)
            return [_Step(n, min(t, seen), None) for t, n in enumerate(n_active)]
        plan = []
        for t, n in enumerate(n_active):
            at = min(t, last)
            # the first batches count alike, or short trainings would know the start
            momentum = max(self.momentum, 1 / (counts[at] + 1)) if n > 1 else None
            plan.append(_Step(n, at, momentum))
            self.n_batches[at] += n > 1
        return plan

    def _run(self, steps: Tensor, plan: list[_Step]) -> Tensor:
        """Hidden states (2, batch, seq, n_hidden) of all steps (2, batch, seq, n_in).

        Rows are sorted so that those which have a step come first; where a row has
        ended, the state is 0 in training.
        """
        n_rows, n_hidden = steps.shape[1], self.weight_hidden.shape[1]
        # one product for all steps: (seq, batch, 2, 4 * n_hidden)
        steps = self.dropout(steps) if self.drops_input else steps
        products = steps.flatten(1, 2) @ self.weight_in
        products = products.view(*steps.shape[:3], -1).permute(2, 1, 0, 3)
        hidden = cell = products.new_zeros(n_rows, 2, n_hidden)
        states = []
        for product, step in zip(products, plan, strict=True):
            n = step.n_rows
            recurrent = hidden[:n].transpose(0, 1) @ self.weight_hidden
            gates = self.norm_in(product[:n], step)
            gates = gates + self.norm_hidden(recurrent.transpose(0, 1), step)
            opened, candidate = gates.split([3 * n_hidden, n_hidden], dim=-1)
            enter, forget, leave = opened.sigmoid().chunk(3, dim=-1)
            cell = forget * cell[:n] + enter * candidate.tanh()
            hidden = leave * self.norm_cell(cell, step).tanh()
            states.append(functional.pad(hidden, (0, 0, 0, 0, 0, n_rows - n)))
        return torch.stack(states).permute(2, 1, 0, 3)


class StepNorm(nn.Module):
    """Batch normalisation with running statistics of its own for each step."""

    running_mean: Tensor
    running_var: Tensor
    bias: nn.Parameter | None

    def __init__(
        self, n_steps: int, n_features: int, offset: Tensor | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((n_features,), _SCALE))
        self.bias = None if offset is None else nn.Parameter(offset)
        self.register_buffer("running_mean", torch.zeros(n_steps, n_features))
        self.register_buffer("running_var", torch.ones(n_steps, n_features))

    def forward(self, x: Tensor, step: _Step) -> Tensor:
        """Normalise the rows (n_rows, ...) of a step."""
        normalised = functional.batch_norm(
            x.flatten(1),
            self.running_mean[step.statistics],
            self.running_var[step.statistics],
            self.weight,
            self.bias,
            training=step.momentum is not None,
            momentum=step.momentum or 0.0,
            eps=_EPS,
        )
        return normalised.view(x.shape)


def _order(mask: Tensor) -> Tensor:
    """Order the steps in time, and back in time, real ones first: (2, batch, seq)."""
    skipped = mask.logical_not().to(torch.uint8)
    ahead = skipped.argsort(dim=1, stable=True)
    back = skipped.flip(1).argsort(dim=1, stable=True)
    return torch.stack([ahead, mask.shape[1] - 1 - back])


def _n_active(mask: Tensor) -> list[int]:
    """Count the rows that have each step, when their skipped steps are the last."""
    steps = torch.arange(mask.shape[1], device=mask.device)
    n_active: list[int] = (mask.sum(1, keepdim=True) > steps).sum(0).tolist()
    return n_active


def _take(x: Tensor, order: Tensor) -> Tensor:
    """Take the steps of (batch, seq, n) in an order of each row."""
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))
