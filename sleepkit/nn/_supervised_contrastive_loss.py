"""Supervised contrastive loss: epochs of one stage close, of different ones apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.utils import check_positive


class SupervisedContrastiveLoss(nn.Module):
    """Supervised contrastive loss [1]_ of several views of labelled epochs.

    Each view of each epoch is an anchor; all other views of epochs of its stage are its
    positives. The loss is the cross-entropy of picking a positive by cosine similarity
    among all other views, averaged over positives and then over anchors.

    Parameters
    ----------
    temperature : float, default=0.07
        What similarities are divided by.

    See Also
    --------
    SleePyCo : A net that is trained with it first.

    References
    ----------
    .. [1] Khosla et al., "Supervised Contrastive Learning". NeurIPS 33, 2020.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SupervisedContrastiveLoss
    >>> stages = {"stages": torch.tensor([0, 1])}
    >>> apart = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> float(SupervisedContrastiveLoss()(apart, stages)) < 1e-4
    True
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = check_positive(
            "temperature", temperature, owner="SupervisedContrastiveLoss"
        )

    def forward(self, output: Tensor, targets: Mapping[str, Any]) -> Tensor:
        """Loss of the projections of a batch.

        Parameters
        ----------
        output : Tensor, shape (batch, n_views, n_dims) or (batch, seq, n_views, n_dims)
            Projections of the views of each epoch, of any length.
        targets : mapping of str to Tensor
            ``"stages"``, int of shape (batch,) or (batch, seq): the true classes, -1
            where there is none.

        Returns
        -------
        Tensor
            The loss, 0 for a batch without a labelled epoch.
        """
        stages, views = targets["stages"].flatten(), output.flatten(0, -3)
        views, stages = views[stages >= 0], stages[stages >= 0]
        if not len(stages):
            return output.sum() * 0
        n_views = views.shape[1]
        anchors = functional.normalize(views.flatten(0, 1).float(), dim=1)
        stages = stages.repeat_interleave(n_views)
        itself = torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)
        positive = (stages[:, None] == stages) & ~itself
        similarity = anchors @ anchors.T / self.temperature
        log_proba = similarity.masked_fill(itself, -torch.inf).log_softmax(dim=1)
        n_positive = positive.sum(dim=1)
        of_positives = torch.where(positive, log_proba, 0).sum(dim=1)
        mean = -of_positives[n_positive > 0] / n_positive[n_positive > 0]
        return mean.mean() if len(mean) else output.sum() * 0
