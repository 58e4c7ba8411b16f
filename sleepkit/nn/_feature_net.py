"""A small and a large convolutional branch that turn an epoch into features."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.utils import check_count

_DEPTH: Final = 3  # convolutions between the two poolings of a branch
_WIDTH: Final = 64  # features that a branch gives per place in time
_SHORTEST: Final = 1950  # samples until the large branch has one place in time


class FeatureNet(nn.Module):
    """Extract features from raw epochs with two convolutional branches.

    The small branch (kernel 50, stride 6) follows the waves, the large one (kernel 400,
    stride 50) the rhythms. Kernels are counted in samples whatever the sampling rate.

    Parameters
    ----------
    n_channels : int, default=1
        Channels of an epoch.
    n_times : int, default=3000
        Samples of an epoch. Epochs of fewer than 1950 samples are filled up with zeros
        to that length, the shortest that leaves the large branch something.
    per_channel : bool, default=True
        Whether one and the same net reads each channel by itself, and the features of
        the channels are laid side by side. Otherwise the first convolutions read all
        channels at once, which gives the features of one channel.
    dropout : float, default=0.5
        Part of the values left out after the first pooling in training.

    Attributes
    ----------
    n_features : int
        Features of an epoch. A channel of 30 s has 256 at 100 Hz, 384 at 125 or 128 Hz,
        640 at 200 Hz and 832 at 256 Hz.

    See Also
    --------
    SleepMGNet : One such net for each modality.

    Notes
    -----
    The sizes are those of the published FeatureNet code [1]_; convolutions and
    normalisations have 184,288 parameters for one channel. A batch of one row cannot be
    normalised by itself: in training it goes by the running statistics, as it does in
    evaluation.

    References
    ----------
    .. [1] Jia et al., "Multi-View Spatial-Temporal Graph Convolutional Networks With
       Domain Generalization for Sleep Stage Classification". IEEE TNSRE 29, 2021.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import FeatureNet
    >>> net = FeatureNet(n_channels=2, n_times=3000)
    >>> net(torch.zeros(4, 2, 3000)).shape
    torch.Size([4, 512])
    """

    def __init__(
        self,
        n_channels: int = 1,
        n_times: int = 3000,
        *,
        per_channel: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_count("n_channels", n_channels, owner="FeatureNet")
        check_count("n_times", n_times, owner="FeatureNet")
        self.per_channel = per_channel
        channels_in = 1 if per_channel else n_channels
        self.small = nn.Sequential(
            *_convolution(channels_in, 32, kernel=50, stride=6),
            nn.MaxPool1d(16),
            nn.Dropout(dropout),
            *_convolutions(32, kernel=8),
            nn.MaxPool1d(8),
            nn.Flatten(),
        )
        self.large = nn.Sequential(
            *_convolution(channels_in, 64, kernel=400, stride=50),
            nn.MaxPool1d(8),
            nn.Dropout(dropout),
            *_convolutions(64, kernel=6),
            nn.MaxPool1d(4),
            nn.Flatten(),
        )
        n_times = max(n_times, _SHORTEST)
        n_small = ((n_times - 50) // 6 + 1) // 16 // 8
        n_large = ((n_times - 400) // 50 + 1) // 8 // 4
        n_readings = n_channels if per_channel else 1
        self.n_features = n_readings * _WIDTH * (n_small + n_large)

    def forward(self, x: Tensor) -> Tensor:
        """Extract the features.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Raw epochs.

        Returns
        -------
        Tensor, shape (batch, n_features)
            Features, channel by channel, the small branch before the large.
        """
        batch = len(x)
        x = nn.functional.pad(x, (0, max(_SHORTEST - x.shape[-1], 0)))
        if self.per_channel:
            x = x.flatten(0, 1).unsqueeze(1)  # (batch * n_channels, 1, n_times)
        features = torch.cat([self.small(x), self.large(x)], dim=1)
        return features.reshape(batch, self.n_features)


class VectorNet(nn.Module):
    """Encode epochs that are features already: linear, normalised, rectified."""

    def __init__(self, n_inputs: int, n_features: int = 128) -> None:
        super().__init__()
        check_count("n_inputs", n_inputs, owner="VectorNet")
        self.n_features = n_features
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, n_features, bias=False),
            _BatchNorm(n_features),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode (batch, n_inputs) as (batch, n_features)."""
        encoded: Tensor = self.layers(x)
        return encoded


class _BatchNorm(nn.BatchNorm1d):
    """Normalisation by the batch that takes a lone row by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Normalise (batch, features) or (batch, features, times)."""
        if len(input) > 1 or not self.training:
            return super().forward(input)
        return nn.functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            eps=self.eps,
        )


def _convolution(
    n_in: int, n_out: int, *, kernel: int, stride: int = 1
) -> list[nn.Module]:
    """List one convolution with its normalisation and rectifier."""
    convolution = nn.Conv1d(n_in, n_out, kernel, stride)
    return [convolution, _BatchNorm(n_out), nn.ReLU()]


def _convolutions(n_in: int, *, kernel: int) -> list[nn.Module]:
    """List the convolutions between two poolings, which keep the length."""
    # padding="same" of torch warns of a copy where the kernel is even
    pad = nn.ZeroPad1d(((kernel - 1) // 2, kernel // 2))
    widths = [n_in] + [_WIDTH] * (_DEPTH - 1)
    layers = [[pad, *_convolution(n, _WIDTH, kernel=kernel)] for n in widths]
    return [module for layer in layers for module in layer]
