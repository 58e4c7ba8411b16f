"""Log-probabilities of MedFuseSleep from its heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sleepkit.nn import MedFuseOutput

FUSED = "fused"


@dataclass(frozen=True)
class HeadSelector:
    """Stage each epoch by the heads that fit the modalities that it has.

    `chosen` names weights of heads for some subsets of the modalities, such as
    ``{"eeg+eog": {"fused": 1, "eeg": 0.5}}``, whose log-probabilities are averaged.
    For others the fused head stages epochs of `min_modalities_for_fusion` modalities or
    more, in a mean with the unimodal heads that have a weight in `unimodal_weights`
    where there are several; and a unimodal head those with fewer.
    """

    min_modalities_for_fusion: int = 2
    unimodal_weights: Mapping[str, float] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def weights(self, subset: tuple[str, ...]) -> dict[str, float]:
        """Weights above 0 of the heads that stage epochs of these modalities."""
        weights = self.chosen.get("+".join(subset))
        if weights is None:
            if len(subset) < self.min_modalities_for_fusion:
                return {subset[-1]: 1.0}
            several = len(subset) > 1
            weights = {FUSED: 1.0} | (dict(self.unimodal_weights) if several else {})
        given = (FUSED, *subset)
        return {head: w for head, w in weights.items() if w and head in given}

    def heads(self, present: Mapping[str, Tensor]) -> set[str]:
        """Names of the heads that stage epochs with these modalities."""
        return {head for some, _ in _subsets(present) for head in self.weights(some)}

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Log-probabilities of shape (batch, seq, n_classes)."""
        logs = {n: x.float().log_softmax(-1) for n, x in output.logits.items()}
        read = next(iter(logs.values()))
        for subset, there in _subsets(present):
            weights = {n: w for n, w in self.weights(subset).items() if n in logs}
            read = torch.where(there[..., None], _mean(logs, weights), read)
        return read


def _mean(logs: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Log-probabilities in proportion to the weighted mean of those of some heads."""
    if len(weights) == 1:
        return logs[next(iter(weights))]
    total = torch.stack([weight * logs[head] for head, weight in weights.items()])
    return (total.sum(0) / sum(weights.values())).log_softmax(-1)


def _subsets(
    present: Mapping[str, Tensor],
) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    """Subsets of the modalities that epochs have, with the epochs of each."""
    there = torch.stack(list(present.values()), -1)
    rows: Any = there.flatten(0, -2)
    for row in rows[rows.any(1)].unique(dim=0):
        given = zip(present, row.tolist(), strict=True)
        yield tuple(name for name, has in given if has), (there == row).all(-1)
