"""Log-probabilities of MedFuseSleep from its heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sleepkit._typing import FloatArray
from sleepkit.nn import MedFuseOutput
from sleepkit.nn._exporting import is_exporting
from sleepkit.training import EpochSource
from sleepkit.utils import check_positive

FUSED = "fused"
SUBSET = "subset"
Weights = Mapping[str, float]
Read = Callable[[EpochSource, Any, int], FloatArray]  # rows of some heads, n_columns


@dataclass(frozen=True)
class HeadSelector:
    """Stage each epoch by the heads that fit the modalities that it has.

    `chosen` has weights of heads for some subsets of the modalities, whose
    log-probabilities are averaged. For others the fused head stages epochs of
    `min_modalities_for_fusion` modalities or more, those of fewer than `complete`
    together with the subset head, in a mean with the unimodal heads that have a weight
    in `unimodal_weights` where there are several; and a unimodal head the others.
    """

    min_modalities_for_fusion: int = 2
    unimodal_weights: Weights = field(default_factory=dict)
    chosen: Mapping[frozenset[str], Weights] = field(default_factory=dict)
    complete: int = 0

    def weights(self, subset: tuple[str, ...]) -> dict[str, float]:
        """Weights above 0 of the heads that stage epochs of these modalities."""
        if chosen := self.chosen.get(frozenset(subset)):
            return dict(chosen)
        if len(subset) < self.min_modalities_for_fusion:
            return {subset[-1]: 1.0}
        joint = {FUSED: 1.0}
        if len(subset) < self.complete:
            joint[SUBSET] = 1.0
        beside = self.unimodal_weights if len(subset) > 1 else {}
        return joint | {n: w for n, w in beside.items() if w and n in subset}

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


@dataclass(frozen=True)
class SeparateHeads:
    """Read the log-probabilities of each of some heads, side by side.

    Where a modality has no head, all stages are alike.
    """

    names: tuple[str, ...]

    def heads(self, present: Mapping[str, Tensor]) -> set[str]:
        """Names of the heads that are read with these modalities."""
        return set(self.names) & {FUSED, SUBSET, *present}

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Log-probabilities of shape (batch, seq, n_names * n_classes)."""
        logits = output.logits
        nothing = torch.zeros_like(next(iter(logits.values())))
        read = [logits.get(name, nothing).float() for name in self.names]
        return torch.cat([x.log_softmax(-1) for x in read], dim=-1)

    def split(self, columns: FloatArray) -> dict[str, FloatArray]:
        """Log-probabilities of each head, (n_rows, n_classes), from what was read."""
        parts = np.split(columns, len(self.names), axis=1)
        return dict(zip(self.names, parts, strict=True))


def read_each(
    read: Read, source: EpochSource, names: tuple[str, ...], n_classes: int
) -> dict[str, FloatArray]:
    """Log-probabilities of the rows of a source by each of some heads."""
    heads = SeparateHeads(names)
    return heads.split(read(source, heads, len(names) * n_classes))


def checked_weights(stager: Any) -> dict[str, float]:
    """Return the weights of unimodal heads beside the fused one of a stager."""
    owner, given = type(stager).__name__, stager.unimodal_weights
    weights = {} if given is None else given
    if not isinstance(weights, Mapping) or set(weights) - set(stager.layout_):
        msg = (
            f"The 'unimodal_weights' parameter of {owner} must map modalities, here "
            f"{', '.join(stager.layout_)}, to numbers. Got {given!r} instead."
        )
        raise ValueError(msg)
    for name, weight in weights.items():
        check_positive(f"unimodal_weights[{name!r}]", weight, owner=owner, zero=True)
    return dict(weights)


def _mean(logs: Mapping[str, Tensor], weights: Weights) -> Tensor:
    """Weighted mean of the log-probabilities of some heads, normalised."""
    if len(weights) == 1:
        return logs[next(iter(weights))]
    total = torch.stack([weight * logs[head] for head, weight in weights.items()])
    return (total.sum(0) / sum(weights.values())).log_softmax(-1)


def _subsets(
    present: Mapping[str, Tensor],
) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    """Subsets of the modalities that epochs have, with the epochs of each."""
    # one bit for each modality: not every device finds unique rows
    bits = [there.long() << i for i, there in enumerate(present.values())]
    codes: Any = torch.stack(bits).sum(0)
    # an exported graph is for any epochs: all subsets
    exporting = is_exporting()
    found = range(2 ** len(bits)) if exporting else codes.unique().tolist()
    for code in found:
        subset = tuple(name for i, name in enumerate(present) if code >> i & 1)
        if subset:
            yield subset, codes == code
