"""FeatureNet with its head: stages of single epochs."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from sleepkit.nn._epoch_net import EpochNet
from sleepkit.nn._feature_net import FeatureNet
from sleepkit.utils import check_count


class FeatureNetWithHead(EpochNet):
    """Stage single epochs with `FeatureNet` and two linear layers.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=100.0
        Sampling rate in hertz, by which kernels last as long as at 100 Hz. The
        published ones have a fixed number of samples at any rate, as with 100.
    per_channel : bool, default=True
        Whether each channel is encoded by itself with shared weights; see `FeatureNet`.
    d_head : int, default=64
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout in the encoder, and in front of the head.

    Attributes
    ----------
    encoder : FeatureNet
        The encoder of all channels.
    head : Module
        Dropout and two linear layers, nothing between these.

    See Also
    --------
    FeatureNet : The encoder alone.
    SleepMGNet : An encoder for each modality.

    Notes
    -----
    This is the feature extractor of MSTGCN [1]_ as it is trained there, with ten
    channels: 348,517 parameters, of which 184,288 are the encoder's.

    **Implementation differences.** None of the net. SleepMG's paper, which compares
    with it, does not state whether the channels of a modality share an encoder there.

    References
    ----------
    .. [1] Jia et al., "Multi-View Spatial-Temporal Graph Convolutional Networks With
       Domain Generalization for Sleep Stage Classification". IEEE TNSRE 29, 2021.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import FeatureNetWithHead
    >>> net = FeatureNetWithHead({"eeg": (2, 3000), "eog": (1, 3000)})
    >>> x = {"eeg": torch.zeros(4, 2, 3000), "eog": torch.zeros(4, 1, 3000)}
    >>> net(x).shape
    torch.Size([4, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 100.0,
        per_channel: bool = True,
        d_head: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(modalities, n_classes)
        check_count("d_head", d_head, owner="FeatureNetWithHead")
        self.encoder = FeatureNet(
            self.stack.n_channels,
            self.stack.n_times,
            sfreq=sfreq,
            per_channel=per_channel,
            dropout=dropout,
        )
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(self.encoder.n_features, d_head),
            nn.Linear(d_head, n_classes),
        )
