"""FeatureNet: features of raw epochs by a small and a large convolutional branch."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._cpu._convolutions import in_chunks, run_convolutions
from sleepkit.nn._cpu._pooled_convolution import pooled_convolution
from sleepkit.utils import check_count, check_positive

_DEPTH: Final = 3  # convolutions between the two poolings of a branch
_WIDTH: Final = 64  # features of a branch per place in time
_SFREQ: Final = 100.0  # hertz, of the published kernels


class FeatureNet(nn.Module):
    """Extract features from raw epochs with two convolutional branches.

    The small branch (kernel 50, stride 6) resolves single waves, the large one (kernel
    400, stride 50) rhythms.

    Parameters
    ----------
    n_channels : int, default=1
        Channels of an epoch.
    n_times : int, default=3000
        Samples of an epoch. Shorter epochs than the large branch needs for one place
        in time, 1950 samples at 100 Hz, are padded with zeros to that length.
    sfreq : float, default=100.0
        Sampling rate in hertz. Kernel and stride of the first convolution of each
        branch last as long as at 100 Hz, to the nearest sample. The published kernels
        have a fixed number of samples at any rate, as with 100.
    per_channel : bool, default=True
        Whether each channel is encoded by itself with shared weights, and the features
        of the channels stand side by side. Otherwise the input of the first
        convolutions is all channels, which gives the features of one channel.
    dropout : float, default=0.5
        Probability of dropping out values after the first pooling.

    Attributes
    ----------
    n_features : int
        Features of an epoch. A channel of 30 s has 256 at 100 Hz, and with kernels as
        published 384 at 125 or 128 Hz, 640 at 200 Hz and 832 at 256 Hz. With kernels
        for its rate it has 256 at each of these.

    See Also
    --------
    SleepMGNet : One such net for each modality.
    VectorNet : The encoder of epochs that are features already.

    Notes
    -----
    The sizes are those of the published FeatureNet code [1]_; convolutions and
    normalisations have 184,288 parameters for one channel. A training batch of one row
    has no statistics of its own: it is normalised by the running ones, as in
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
    >>> FeatureNet(n_times=7680, sfreq=256).n_features
    256
    """

    def __init__(
        self,
        n_channels: int = 1,
        n_times: int = 3000,
        *,
        sfreq: float = _SFREQ,
        per_channel: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_count("n_channels", n_channels, owner="FeatureNet")
        check_count("n_times", n_times, owner="FeatureNet")
        scale = check_positive("sfreq", sfreq, owner="FeatureNet") / _SFREQ
        self.per_channel = per_channel
        channels_in = 1 if per_channel else n_channels
        self.small = _Branch(
            _convolution(channels_in, 32, *_scaled(scale, kernel=50, stride=6)),
            _convolutions(32, kernel=8),
            pools=(16, 8),
            dropout=dropout,
        )
        self.large = _Branch(
            _convolution(channels_in, 64, *_scaled(scale, kernel=400, stride=50)),
            _convolutions(64, kernel=6),
            pools=(8, 4),
            dropout=dropout,
        )
        self._shortest = max(self.small.shortest, self.large.shortest)
        n_times = max(n_times, self._shortest)
        n_places = self.small.n_places(n_times) + self.large.n_places(n_times)
        self.n_features = (n_channels if per_channel else 1) * _WIDTH * n_places

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
        x = nn.functional.pad(x, (0, max(self._shortest - x.shape[-1], 0)))
        if self.per_channel:
            x = x.flatten(0, 1).unsqueeze(1)  # (batch * n_channels, 1, n_times)
        return in_chunks(self._read, x, self).reshape(batch, self.n_features)

    def _read(self, x: Tensor) -> Tensor:
        """(rows, n_in, n_times) -> (rows, n_out), the small branch first."""
        return torch.cat([self.small(x), self.large(x)], 1)


class _Branch(nn.Sequential):
    """A wide convolution with a stride and three narrow ones, each group pooled."""

    def __init__(
        self,
        wide: list[nn.Module],
        narrow: list[nn.Module],
        *,
        pools: tuple[int, int],
        dropout: float,
    ) -> None:
        super().__init__(
            *wide,
            nn.MaxPool1d(pools[0]),
            nn.Dropout(dropout),
            *narrow,
            nn.MaxPool1d(pools[1]),
            nn.Flatten(),
        )
        self.pools = pools

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, n_times) -> (batch, n_features)."""
        convolution, norm, relu, pool, dropout, *narrow = self
        x = pooled_convolution(x, convolution, norm, pool)  # type: ignore[arg-type]
        return run_convolutions(dropout(relu(x)), narrow)  # ReLU keeps maxima maxima

    @property
    def shortest(self) -> int:
        """Samples that give one place in time."""
        kernel, stride = self._wide
        return kernel + stride * (self.pools[0] * self.pools[1] - 1)

    def n_places(self, n_times: int) -> int:
        """Places in time that so many samples give."""
        kernel, stride = self._wide
        n_frames = (n_times - kernel) // stride + 1
        return n_frames // self.pools[0] // self.pools[1]

    @property
    def _wide(self) -> tuple[int, int]:
        """Kernel and stride of the first convolution."""
        convolution = next(iter(self))
        return convolution.kernel_size[0], convolution.stride[0]  # type: ignore[index, return-value]


def _scaled(scale: float, *, kernel: int, stride: int) -> tuple[int, int]:
    """Kernel and stride in samples of another rate, one at least."""
    return max(1, round(scale * kernel)), max(1, round(scale * stride))


def _convolution(
    n_in: int, n_out: int, kernel: int, stride: int = 1
) -> list[nn.Module]:
    """Convolution with batch norm and ReLU."""
    convolution = nn.Conv1d(n_in, n_out, kernel, stride)
    return [convolution, BatchNorm(n_out), nn.ReLU()]


def _convolutions(n_in: int, *, kernel: int) -> list[nn.Module]:
    """Convolutions between two poolings, which keep the length."""
    # padding="same" of torch warns of a copy where the kernel is even
    pad = nn.ZeroPad1d(((kernel - 1) // 2, kernel // 2))
    widths = [n_in] + [_WIDTH] * (_DEPTH - 1)
    layers = [[pad, *_convolution(n, _WIDTH, kernel)] for n in widths]
    return [module for layer in layers for module in layer]
