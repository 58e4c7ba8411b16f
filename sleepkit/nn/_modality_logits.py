"""What a linear head says of each modality, the others being absent."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def modality_logits(
    head: nn.Linear,
    features: Tensor,
    slices: Mapping[str, slice],
    *,
    bias_share: float = 1.0,
) -> dict[str, Tensor]:
    """Compute what a linear head says of each modality, the others being absent.

    Parameters
    ----------
    head : Linear
        A head of `SleepMGNet`.
    features : Tensor, shape (batch, n_features)
        What the head reads, in any precision.
    slices : mapping of str to slice
        Columns of each modality.
    bias_share : float, default=1.0
        Part of the bias that each modality gets: all of it in SleepMG, where the
        others' features are zero; in OGM-GE ``1 / n_modalities``.

    Returns
    -------
    dict of str to Tensor, shape (batch, n_out)
        Logits of each modality alone: without their biases, they sum to the logits of
        all modalities together.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleepMGNet, modality_logits
    >>> net = SleepMGNet({"eeg": (20,), "emg": (4,)})
    >>> output = net({"eeg": torch.zeros(3, 20), "emg": torch.zeros(3, 4)})
    >>> alone = modality_logits(net.stage_head, output.features, net.slices)
    >>> {name: logits.shape for name, logits in alone.items()}
    {'eeg': torch.Size([3, 5]), 'emg': torch.Size([3, 5])}
    """
    weight, bias = head.weight, head.bias * bias_share
    features = features.to(weight.dtype)  # that of mixed precision is a lower one
    return {
        name: nn.functional.linear(features[:, at], weight[:, at], bias)
        for name, at in slices.items()
    }
