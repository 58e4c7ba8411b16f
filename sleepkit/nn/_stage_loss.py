"""Loss of nets with one head of stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class StageLoss(nn.Module):
    """Cross-entropy of the stages, averaged over the labelled epochs.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None, default=None
        Weight of each class; the mean is then the weighted one. None weighs all alike.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import StageLoss
    >>> logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
    >>> StageLoss()(logits, {"stages": torch.tensor([1, -1])})
    tensor(0.6931)
    """

    class_weight: Tensor | None

    def __init__(self, class_weight: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)

    def forward(self, output: Tensor, targets: Mapping[str, Any]) -> Tensor:
        """Loss of the logits of a batch.

        Parameters
        ----------
        output : Tensor, shape (batch, n_classes) or (batch, seq, n_classes)
            The logits.
        targets : mapping of str to Tensor
            ``"stages"``, int of shape (batch,) or (batch, seq): the true classes, -1
            where there is none.

        Returns
        -------
        Tensor
            The loss, 0 for a batch without a labelled epoch.
        """
        stages = targets["stages"].flatten()
        if not bool((stages >= 0).any()):
            return output.sum() * 0
        return functional.cross_entropy(
            output.flatten(0, -2), stages, weight=self.class_weight, ignore_index=-1
        )
