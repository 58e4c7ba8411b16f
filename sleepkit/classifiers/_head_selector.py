"""Log-probabilities of MedFuseSleep from its heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sleepkit.nn import MedFuseOutput


@dataclass(frozen=True)
class HeadSelector:
    """Stage each epoch by the fused head, or by the head of its only modality.

    The fused head stages epochs of `min_modalities_for_fusion` modalities or more. Of
    two or more modalities its log-probabilities are averaged, with weight 1, with those
    of the unimodal heads that have a weight in `unimodal_weights`.
    """

    min_modalities_for_fusion: int = 2
    unimodal_weights: Mapping[str, float] = field(default_factory=dict)

    def heads(self, present: Mapping[str, Tensor]) -> set[str]:
        """Names of the heads that stage epochs with these modalities."""
        number = _count(present)
        fused = number >= self.min_modalities_for_fusion
        heads = {"fused"} if fused.any() else set()
        for name, there in present.items():
            used = ~fused
            if self.unimodal_weights.get(name):
                used = used | (number > 1)
            if (there & used).any():
                heads.add(name)
        return heads

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Log-probabilities of shape (batch, seq, n_classes)."""
        logs = {n: x.float().log_softmax(-1) for n, x in output.logits.items()}
        chosen = next(iter(logs.values()))
        for name, there in present.items():
            if name in logs:
                chosen = torch.where(there[..., None], logs[name], chosen)
        if "fused" in logs:
            enough = (_count(present) >= self.min_modalities_for_fusion)[..., None]
            chosen = torch.where(enough, self._blend(logs, present), chosen)
        return chosen

    def _blend(
        self, logs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Tensor:
        """Weighted mean of the fused head and the unimodal heads with a weight."""
        total, count = logs["fused"], torch.ones(())
        several = _count(present) > 1
        for name, weight in self.unimodal_weights.items():
            if weight and name in logs:
                share = weight * (present[name] & several)[..., None]
                total, count = total + share * logs[name], count + share
        return (total / count).log_softmax(-1)


def _count(present: Mapping[str, Tensor]) -> Tensor:
    """Count the modalities that each epoch has."""
    return torch.stack(list(present.values())).sum(0)
