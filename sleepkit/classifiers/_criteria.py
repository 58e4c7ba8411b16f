"""The losses of the two methods, as skorch calls them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn import (
    MedFuseOutput,
    SleepMGOutput,
    alignment_loss,
    multi_view_loss,
)

Targets = Mapping[str, Any]  # stages, domains, and what is present of each modality


class MedFuseLoss(nn.Module):
    """Fused view, each modality's view, and modalities that agree."""

    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Tensor | None,
        *,
        multi_view: float,
        alignment: float,
        temperature: float,
        negatives: Literal["sequence", "batch"],
    ) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)
        self.multi_view = multi_view
        self.alignment = alignment
        self.temperature = temperature
        self.negatives = negatives

    def forward(self, output: MedFuseOutput, targets: Targets) -> Tensor:
        """Sum what the stages and the pairs of modalities ask for."""
        present = targets["present"]
        weights = {
            view: 1.0 if view == "fused" or len(present) == 1 else self.multi_view
            for view in output.logits
        }
        loss = multi_view_loss(
            output.logits,
            targets["stages"],
            present,
            weights=weights,
            class_weight=self.class_weight,
        )
        if not self.alignment:
            return loss
        for a, b in combinations(output.embeddings, 2):
            loss = loss + self.alignment * alignment_loss(
                output.embeddings[a],
                output.embeddings[b],
                temperature=self.temperature,
                negatives=self.negatives,
                mask=present[a] & present[b],
            )
        return loss


class SleepMGLoss(nn.Module):
    """Stages, and domains where they are known; the net reverses the gradient."""

    class_weight: Tensor | None

    def __init__(self, class_weight: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)

    def forward(self, output: SleepMGOutput, targets: Targets) -> Tensor:
        """Sum both cross-entropies."""
        stages, domains = targets["stages"], targets["domains"]
        loss = functional.cross_entropy(
            output.stage_logits, stages, weight=self.class_weight, ignore_index=-1
        )
        if output.domain_logits is not None and bool((domains >= 0).any()):
            loss = loss + functional.cross_entropy(
                output.domain_logits, domains, ignore_index=-1
            )
        return loss


def view_log_proba(logits: Mapping[str, Tensor], present: dict[str, Tensor]) -> Tensor:
    """Read each epoch from the fused view, or from the only modality that it has."""
    chosen = next(iter(logits.values()))
    for name, there in present.items():
        chosen = torch.where(there[..., None], logits[name], chosen)
    if "fused" in logits:
        several = torch.stack(list(present.values())).sum(0) > 1
        chosen = torch.where(several[..., None], logits["fused"], chosen)
    return chosen.log_softmax(-1)
