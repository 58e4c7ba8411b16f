"""The losses of the two methods, as skorch calls them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
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


_MAX_SCALE = 100.0  # of the cosines, as in CLIP: a temperature of 0.01


class MedFuseLoss(nn.Module):
    """Fused view, each modality's view, and modalities that agree.

    A learnt temperature is the exponential of a parameter, so that it stays above 0,
    and is kept from falling below 0.01, both as in CLIP.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Tensor | None,
        *,
        multi_view: float,
        alignment: float,
        temperature: float,
        negatives: Literal["sequence", "batch"],
        learn_temperature: bool = False,
        fused_from: int = 2,
    ) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)
        self.multi_view = multi_view
        self.alignment = alignment
        self.negatives = negatives
        self.fused_from = fused_from
        self._fixed_temperature = temperature
        scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.log_scale = scale if learn_temperature else None

    @property
    def temperature(self) -> float | Tensor:
        """What cosines are divided by."""
        if self.log_scale is None:
            return self._fixed_temperature
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(_MAX_SCALE))
        return torch.exp(-self.log_scale)

    def forward(self, output: MedFuseOutput, targets: Targets) -> Tensor:
        """Sum what the stages and the pairs of modalities ask for."""
        present = targets["present"]
        own = self.multi_view if "fused" in output.logits else 1.0
        loss = multi_view_loss(
            output.logits,
            targets["stages"],
            present,
            weights=dict.fromkeys(output.embeddings, own),
            class_weight=self.class_weight,
            fused_from=self.fused_from,
        )
        if not self.alignment:
            return loss
        temperature = self.temperature
        for a, b in combinations(output.embeddings, 2):
            loss = loss + self.alignment * alignment_loss(
                output.embeddings[a],
                output.embeddings[b],
                temperature=temperature,
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


@dataclass(frozen=True)
class ViewChoice:
    """Read each epoch from the fused view, or from the only modality that it has.

    The fused view is read where an epoch has `fused_from` modalities or more. Where it
    has two or more, that counts 1, and log-probabilities are averaged with those of
    each modality's own view to which `own` gives a weight.
    """

    fused_from: int = 2
    own: Mapping[str, float] = field(default_factory=dict)

    def views(self, present: Mapping[str, Tensor]) -> set[str]:
        """Name the views that are read of epochs of which this is present."""
        number = _count(present)
        views = {"fused"} if (number >= self.fused_from).any() else set()
        for name, there in present.items():
            read = number < self.fused_from
            if self.own.get(name):
                read = read | (number > 1)
            if (there & read).any():
                views.add(name)
        return views

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Give log-probabilities of shape (batch, seq, n_classes)."""
        logs = {n: x.float().log_softmax(-1) for n, x in output.logits.items()}
        chosen = next(iter(logs.values()))
        for name, there in present.items():
            if name in logs:
                chosen = torch.where(there[..., None], logs[name], chosen)
        if "fused" in logs:
            enough = (_count(present) >= self.fused_from)[..., None]
            chosen = torch.where(enough, self._blend(logs, present), chosen)
        return chosen

    def _blend(
        self, logs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Tensor:
        """Average the fused view with those of modalities that have a weight."""
        total, count = logs["fused"], torch.ones(())
        several = _count(present) > 1
        for name, weight in self.own.items():
            if weight and name in logs:
                share = weight * (present[name] & several)[..., None]
                total, count = total + share * logs[name], count + share
        return (total / count).log_softmax(-1)


def _count(present: Mapping[str, Tensor]) -> Tensor:
    """Count the modalities that each epoch has."""
    return torch.stack(list(present.values())).sum(0)
