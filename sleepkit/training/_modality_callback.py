"""Base of the callbacks that act on the gradients of each modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import FloatArray
from sleepkit.metrics import modality_performance
from sleepkit.nn import modality_logits

TARGETS: Final = {"classifier": "stages", "discriminator": "domains"}  # of each head


class ModalityCallback(Callback):
    """Judges the modalities of a net with `BlockwiseHeads` batch by batch.

    Subclasses act in ``on_grad_computed``, in the epochs from `start` to `stop`, and
    record what they measure: each batch in the history, and the mean of each epoch.
    """

    start: int
    stop: int | None

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Start new means."""
        self.values_: dict[str, list[float]] = {}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the means of the epoch."""
        for key, values in self.values_.items():
            net.history.record(key, float(np.mean(values)))

    def _record(self, net: Any, key: str, value: float) -> None:
        """Record a value of this batch."""
        net.history.record_batch(key, value)
        self.values_.setdefault(key, []).append(value)

    def _record_each(self, net: Any, key: str, values: FloatArray) -> None:
        """Record a value of this batch for each modality."""
        for modality, value in zip(net.module_.slices, values, strict=True):
            self._record(net, f"{key}_{modality}", float(value))

    def _is_active(self, net: Any) -> bool:
        """Whether the current epoch, counted from zero, is one to act in."""
        epoch = len(net.history) - 1
        return epoch >= self.start and (self.stop is None or epoch < self.stop)

    def _performance(
        self, net: Any, head: str, *, score: Any = "true_prob", bias_share: float = 1.0
    ) -> FloatArray | None:
        """Score each modality alone by the last batch; None without head or labels."""
        module, labels = net.module_, _labels(net, TARGETS[head])
        if head not in module.heads or labels is None or bool((labels < 0).all()):
            return None
        features = net.last_batch_.output.features.flatten(0, -2)
        # a training that diverges is reported at its end
        with torch.no_grad(), np.errstate(invalid="ignore"):
            alone = modality_logits(
                module.heads[head], features, module.slices, bias_share=bias_share
            )
            logits = torch.stack(list(alone.values())).float().cpu().numpy()
            return modality_performance(logits, labels.cpu().numpy(), score=score)

    def _check_module(self, module: nn.Module, *, extractors: bool = False) -> None:
        """Require `BlockwiseHeads`, and perhaps an extractor for each modality."""
        owner, kind = type(self).__name__, type(module).__name__
        slices, heads = (getattr(module, name, None) for name in ("slices", "heads"))
        if slices is None or not _are_linear(heads):
            msg = (
                f"{owner} needs a module with `slices` and linear heads, such as "
                f"SleepMGNet; got {kind}. See sleepkit.nn.BlockwiseHeads."
            )
            raise ValueError(msg)
        if not slices:
            msg = (
                f"{owner} needs columns of the heads that belong to one modality each; "
                f"got {kind} without any `slices`. SleepMGNet needs fusion='concat': "
                "with attention every column mixes the modalities, and none can be "
                "judged alone. Take balance=() with it."
            )
            raise ValueError(msg)
        if extractors and not slices.keys() <= _names(module):
            msg = (
                f"{owner} needs `extractors` with a module for each modality; got "
                f"{kind}, where not every modality has one. Where all share one, take "
                "modality_specific=True."
            )
            raise ValueError(msg)


def _labels(net: Any, target: str) -> Tensor | None:
    """Labels of the last batch, one for each row of the features; None if it has none.

    Below zero where unknown.
    """
    labels = net.last_batch_.targets.get(target)
    return None if labels is None else labels.flatten()


def _are_linear(heads: Any) -> bool:
    """Whether these are linear layers, one of them the classifier."""
    if not isinstance(heads, (Mapping, nn.ModuleDict)) or "classifier" not in heads:
        return False
    return all(isinstance(head, nn.Linear) for head in heads.values())


def _names(module: nn.Module) -> set[str]:
    """Names of the modalities that have an extractor of their own."""
    extractors: Any = getattr(module, "extractors", None)
    named = isinstance(extractors, (Mapping, nn.ModuleDict))
    return set(extractors.keys()) if named else set()
