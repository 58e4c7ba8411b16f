"""Graphs of fitted stagers: torch modules that stage one night."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sleepkit.export._facts import Layout
from sleepkit.export._nights import cut
from sleepkit.export._steps._step import Steps, Tensors
from sleepkit.training._structure import map_tensors
from sleepkit.training._two_step_inference import HeadReadOut, TwoStepModule


class Graph(nn.Module, ABC):
    """Log-probabilities of the epochs of a night, and which epochs it could stage."""

    @abstractmethod
    def forward(
        self, values: Tensors, present: Tensors, sequences: Tensors
    ) -> tuple[Tensor, Tensor]:
        """Stage a night.

        `values` are (n_epochs, ...), or (n_channels, n_times) of continuous signals,
        and `present` (n_epochs,) of each modality; `sequences` hold numbers of epochs,
        (n_sequences, length), by the name of a net that stages sequences.
        """


class NetGraph(Graph):
    """A net with its read-out, over epochs alone or in sequences that may overlap."""

    prior: Tensor

    def __init__(self, stager: Any, name: str | None, layout: Layout) -> None:
        super().__init__()
        self.net = stager.module_
        self.continuous = {n: f.n_times for n, f in layout.items() if f.sfreq}
        self.read_out = stager._build_read_out()
        self.modalities = list(stager.layout_)
        self.needs_all = not stager.any_subset
        self.name = name  # of its sequences; None: epochs alone
        prior = torch.from_numpy(stager.class_prior_).to(torch.float32)
        self.register_buffer("prior", prior.clamp(min=torch.finfo(prior.dtype).eps))

    def forward(
        self, values: Tensors, present: Tensors, sequences: Tensors
    ) -> tuple[Tensor, Tensor]:
        """Average the log-probabilities of an epoch in all sequences that hold it."""
        present = {name: present[name] for name in self.modalities}
        there = torch.stack(list(present.values()))
        known = there.all(0) if self.needs_all else there.any(0)
        inputs = {name: self._epochs(values[name], name, known) for name in present}
        if self.name is None:
            log_proba = self.read_out(self.net(inputs, present), present)
        else:
            log_proba = self._in_sequences(inputs, present, sequences[self.name])
        # the net's own normalisation may be lost in the mean
        log_proba = log_proba.log_softmax(-1)
        return torch.where(known[:, None], log_proba, self.prior.log()), known

    def _epochs(self, x: Tensor, name: str, known: Tensor) -> Tensor:
        """Epochs of a modality, 0 where values are missing."""
        if name in self.continuous:
            x = cut(x, known.shape[0], self.continuous[name])
        return torch.where(x.isnan(), 0.0, x)

    def _in_sequences(self, inputs: Tensors, present: Tensors, index: Tensor) -> Tensor:
        """Mean log-probabilities (n_epochs, n_classes) over sequences."""
        n_epochs = next(iter(present.values())).shape[0]
        index = torch.where(index < 0, n_epochs, index)  # the row that pads

        def take(x: Tensor) -> Tensor:
            padded = torch.cat([x, x.new_zeros(1, *x.shape[1:])])
            taken = padded.index_select(0, index.flatten())
            return taken.reshape(*index.shape, *x.shape[1:])

        there = {name: take(x) for name, x in present.items()}
        if isinstance(self.net, TwoStepModule):
            output = self._decode(inputs, present, there, take)
        else:
            output = self.net({n: take(x) for n, x in inputs.items()}, there)
        log_proba = self.read_out(output, there).flatten(0, 1)
        rows = index.flatten()
        zeros = log_proba.new_zeros(n_epochs + 1, log_proba.shape[1])
        total = zeros.index_add(0, rows, log_proba)[:-1]
        ones = torch.ones_like(log_proba[:, :1])
        count = zeros[:, :1].index_add(0, rows, ones)[:-1]
        mean: Tensor = total / count.clamp(min=1)
        return mean

    def _decode(
        self, inputs: Tensors, present: Tensors, there: Tensors, take: Any
    ) -> Any:
        """Encode each epoch once, and decode sequences of them."""
        net: Any = self.net
        alone = {name: x[:, None] for name, x in present.items()}
        heads: tuple[Any, ...] = ()
        if isinstance(self.read_out, HeadReadOut):
            heads = (self.read_out.heads(alone),)
        encoded = net.encode({n: x[:, None] for n, x in inputs.items()}, alone, *heads)
        return net.decode(map_tensors(lambda x: take(x[:, 0]), encoded), there, *heads)


class PoolGraph(Graph):
    """Pool of stagers by their weighted log-probabilities, as `LogPoolClassifier`."""

    weights: Tensor

    def __init__(self, members: list[Graph], weights: Any) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))

    def forward(
        self, values: Tensors, present: Tensors, sequences: Tensors
    ) -> tuple[Tensor, Tensor]:
        """Pool the members that could stage an epoch."""
        staged = [member(values, present, sequences) for member in self.members]
        least = torch.finfo(torch.float32).eps
        logs = torch.stack([log.exp().clamp(min=least).log() for log, _ in staged])
        known = torch.stack([known for _, known in staged])
        ones = torch.ones_like(known, dtype=torch.float32)
        weighted = self.weights[:, None]
        used = known * weighted
        for substitute in (known * ones, ones):
            used = torch.where(used.sum(0) > 0, used, substitute)
        used = used * (self.weights.sum() / used.sum(0))
        pooled = (used[..., None] * logs).sum(0)
        return pooled.log_softmax(-1), known.any(0)


class PipelineGraph(Graph):
    """Steps before a graph."""

    def __init__(self, steps: Steps, last: Graph) -> None:
        super().__init__()
        self.steps = steps
        self.last = last

    def forward(
        self, values: Tensors, present: Tensors, sequences: Tensors
    ) -> tuple[Tensor, Tensor]:
        """Transform the night, and stage it."""
        transformed = self.steps(values, present)
        staged: tuple[Tensor, Tensor] = self.last(transformed, present, sequences)
        return staged


class Staging(nn.Module):
    """Probabilities of a graph."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.root = graph  # a traced module has a `graph` of its own

    def forward(
        self,
        values: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        sequences: Mapping[str, Tensor],
    ) -> Tensor:
        """(n_epochs, n_classes)."""
        log_proba, _ = self.root(values, present, sequences)
        proba: Tensor = log_proba.exp()
        return proba
