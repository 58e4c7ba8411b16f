"""Loss of XSleepNet: its three heads, by weights that may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sleepkit.nn._stage_loss import StageLoss
from sleepkit.nn._xsleepnet import XSleepNetOutput


class XSleepNetLoss(nn.Module):
    """Weighted sum of the cross-entropies of XSleepNet's three heads.

    In evaluation it is that of the joint head alone, which stages: by it the best
    weights of the net are selected, whatever the heads count at the time.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None, default=None
        Weight of each class, in each head. None weighs all alike.

    Attributes
    ----------
    heads : tuple of str
        Names of the heads.
    weights : Tensor of shape (3,)
        Weights of the raw, the spectral and the joint head: 1/3 each, until
        `sleepkit.training.GradientBlending` or the user changes them.

    See Also
    --------
    XSleepNet : The module.
    sleepkit.training.GradientBlending : What changes the weights.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import XSleepNetLoss, XSleepNetOutput
    >>> logits = torch.zeros(1, 4, 5)
    >>> output = XSleepNetOutput(raw=logits, spectral=logits, joint=logits)
    >>> XSleepNetLoss()(output, {"stages": torch.zeros(1, 4, dtype=torch.long)})
    tensor(1.6094)
    """

    heads = XSleepNetOutput._fields
    weights: Tensor

    def __init__(self, class_weight: Tensor | None = None) -> None:
        super().__init__()
        self.stage_loss = StageLoss(class_weight)
        self.register_buffer("weights", torch.full((3,), 1 / 3))

    def forward(self, output: XSleepNetOutput, targets: Mapping[str, Any]) -> Tensor:
        """Loss of the logits of a batch.

        Parameters
        ----------
        output : XSleepNetOutput
            The logits.
        targets : mapping of str to Tensor
            ``"stages"``, int of shape (batch, seq): the true classes, -1 where there is
            none.

        Returns
        -------
        Tensor
            The loss, 0 for a batch without a labelled epoch.
        """
        if self.training:
            return self.weights @ self.losses(output, targets)
        loss: Tensor = self.stage_loss(output.joint, targets)
        return loss

    def losses(self, output: XSleepNetOutput, targets: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of each head.

        Parameters
        ----------
        output : XSleepNetOutput
            The logits.
        targets : mapping of str to Tensor
            As above.

        Returns
        -------
        Tensor, shape (3,)
            Those of the raw, the spectral and the joint head.
        """
        return torch.stack([self.stage_loss(logits, targets) for logits in output])
