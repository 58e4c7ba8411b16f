"""Leave-one-out contrastive loss: each modality against the mean of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sleepkit.nn._temperature import TemperatureLoss


class LeaveOneOutLoss(TemperatureLoss):
    r"""Leave-one-out contrastive loss between modalities, which needs no stages.

    The embedding of an epoch by one modality should be more like the mean of the
    embeddings of the same epoch by its other modalities than like that of any other
    epoch of the batch, and the other way round.

    Parameters
    ----------
    temperature : float, default=0.1
        What cosines are divided by, or its first value if it is trained.
    learn_temperature : bool, default=False
        Whether the temperature is trained; it stays above 0.01.

    Raises
    ------
    ValueError
        If `temperature` is not above 0.

    See Also
    --------
    alignment_loss : InfoNCE of two modalities.
    ModalityProjector : The net whose output this takes.

    Notes
    -----
    With the unit vector :math:`z^m_i` of epoch :math:`i` by modality :math:`m`, the
    unit vector :math:`\bar z^m_i` in the direction of the mean of :math:`z^n_i` over
    the other modalities :math:`n` that the epoch has, the temperature :math:`t` and
    :math:`s^m_{ij} = z^m_i \cdot \bar z^m_j / t`, the loss is the mean over modalities
    of

    .. math::

        -\frac{1}{2N} \sum_i \left(
            \log \frac{\exp s^m_{ii}}{\sum_j \exp s^m_{ij}}
            + \log \frac{\exp s^m_{ii}}{\sum_j \exp s^m_{ji}} \right),

    over the :math:`N` epochs that have the modality and another one. Of two modalities
    it is InfoNCE of the pair, half of `alignment_loss` over the batch. The objective is
    that of SleepFM [1]_, but for the length of the mean, which is 1 here.

    References
    ----------
    .. [1] Thapa et al., "SleepFM: Multi-modal representation learning for sleep across
       brain activity, ECG and respiratory signals". ICML, 2024.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import LeaveOneOutLoss
    >>> epochs = torch.eye(4)
    >>> targets = {"present": {n: torch.ones(4).bool() for n in ("eeg", "eog")}}
    >>> bool(LeaveOneOutLoss()({"eeg": epochs, "eog": epochs}, targets) < 0.001)
    True
    >>> apart = {"eeg": epochs, "eog": epochs.roll(1, dims=0)}
    >>> round(LeaveOneOutLoss()(apart, targets).item(), 3)
    10.0
    """

    def __init__(
        self, temperature: float = 0.1, *, learn_temperature: bool = False
    ) -> None:
        super().__init__(temperature, learn_temperature=learn_temperature)

    def forward(
        self, output: Mapping[str, Tensor], targets: Mapping[str, Any]
    ) -> Tensor:
        """Loss of the embeddings of a batch.

        Parameters
        ----------
        output : mapping of str to Tensor, shape (batch, dim) or (batch, seq, dim)
            Embeddings of the epochs by each modality, of any length.
        targets : mapping
            ``"present"``, a dict of bool tensors, (batch,) or (batch, seq): the epochs
            that each modality has.

        Returns
        -------
        Tensor, shape ()
            The loss, 0 for a batch without an epoch of two modalities.
        """
        present = torch.stack([targets["present"][name].flatten() for name in output])
        rows = [
            functional.normalize(x.flatten(0, -2).float(), dim=-1)
            for x in output.values()
        ]
        units = torch.stack(rows).masked_fill(~present[..., None], 0)
        total, n_present = units.sum(0), present.sum(0)
        losses = []
        for own, there in zip(units, present, strict=True):
            counts = there & (n_present > 1)
            if bool(counts.any()):
                others = functional.normalize((total - own)[counts], dim=-1)
                losses.append(_both_ways(own[counts] @ others.T / self.temperature))
        return torch.stack(losses).mean() if losses else total.sum() * 0


def _both_ways(scores: Tensor) -> Tensor:
    """Cross-entropy of the diagonal, along the rows and along the columns."""
    own = torch.arange(len(scores), device=scores.device)
    along = functional.cross_entropy(scores, own)
    return (along + functional.cross_entropy(scores.T, own)) / 2
