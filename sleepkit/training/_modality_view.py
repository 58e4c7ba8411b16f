"""What callbacks that weigh modalities see of a net after a batch."""

from __future__ import annotations

from typing import Any, Final

import torch

from sleepkit._typing import FloatArray
from sleepkit.metrics import modality_performance
from sleepkit.nn import modality_logits

# head -> where the module keeps it, and where the batch keeps its labels
HEADS: Final = {
    "classifier": ("stage_head", "stages"),
    "discriminator": ("domain_head", "domains"),
}


def check_blocks(net: Any, *, owner: str, extractors: bool = False) -> None:
    """Require columns, and perhaps extractors, that belong to one modality each."""
    module = net.module_
    if module.fusion != "concat":
        msg = (
            f"{owner} needs fusion='concat', where a column of a head belongs to one "
            f"modality; after fusion={module.fusion!r} it holds what a modality saw in "
            "the others, and none can be judged alone. Take balance=() with it."
        )
        raise ValueError(msg)
    if extractors and not module.modality_specific:
        msg = (
            f"{owner} cannot scale the extractor of a modality where all share one; "
            "take modality_specific=True."
        )
        raise ValueError(msg)


def head_performance(
    net: Any, name: str, *, score: Any = "true_prob", bias_share: float = 1.0
) -> FloatArray | None:
    """Score each modality alone by the features of the last batch, None unlabelled."""
    attribute, labels_of = HEADS[name]
    head, batch = getattr(net.module_, attribute), net.last_batch_
    labels = batch.targets[labels_of].cpu().numpy()
    if head is None or (labels < 0).all():
        return None
    features, slices = batch.output.features, net.module_.slices
    with torch.no_grad():
        alone = modality_logits(head, features, slices, bias_share=bias_share)
        logits = torch.stack(list(alone.values())).float().cpu().numpy()
    return modality_performance(logits, labels, score=score)


def is_active(net: Any, start: int, stop: int | None) -> bool:
    """Tell whether the current epoch, counted from zero, is in a range."""
    epoch = len(net.history) - 1
    return epoch >= start and (stop is None or epoch < stop)
