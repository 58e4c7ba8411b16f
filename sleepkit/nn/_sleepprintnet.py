"""SleepPrintNet: two-scale CNNs of modalities and a map of the scalp, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.nn._scalp_map import ScalpMap, known_electrode
from sleepkit.nn._stacked_channels import Inputs, StackedChannels, by_rows, is_epoch
from sleepkit.nn._two_scale import ScaleBranch, Style, TwoScaleEncoder, he_truncated_
from sleepkit.utils import check_count, check_positive

_EPS: Final = 1e-3  # of the normalisations
_N_BANDS: Final = 5
_MAP_SIDE: Final = 7  # pixels behind the pool


class SleepPrintNet(nn.Module):
    """Stage an epoch with its neighbours: a CNN for each modality, and a scalp map.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=128.0
        Sampling rate in hertz. The first convolutions have kernels of 1/2 and 4 s and
        strides of 1/16 and 1/2 s.
    context : int, default=1
        Neighbours on each side that are read with an epoch.
    electrodes : sequence of str, default=None
        Names of the channels of ``"eeg"`` in the 10-20 system, in their order, such as
        ``["F3", "C3", "O1"]``: band powers of the epoch itself become a map of the
        scalp. None leaves out the map.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch of ``"eeg"``, and of its others,
        at least 2; other modalities have half.
    n_map_filters : int, default=16
        Filters of the first convolution of the map. The second has twice as many.
    d_head : int, default=128
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout after the first pool of each branch, and after the map.

    Attributes
    ----------
    n_features : int
        Features of an epoch, over all modalities and the map.
    n_epochs : int
        Epochs that are read together: ``2 * context + 1``.

    Raises
    ------
    ValueError
        If a size cannot be used, or an electrode has no place in the 10-20 system.

    See Also
    --------
    MMASleepNet : A net of the same modalities, without neighbours.

    Notes
    -----
    The published net [1]_ reads six channels of EEG, two of EOG and three of EMG at
    128 Hz, and the map is of 20 electrodes: 3,613,701 parameters. As published, the L2
    penalty is 1e-4 for the kernels of all convolutions and 0.1 for both layers of the
    head, as a sum of squares without the half.

    **Implementation differences.**

    - The released code scrambles time and channels: it reshapes (channels, times) to
      (times, channels), where a transpose is meant. Its published results have the
      scramble. Here channels are channels.
    - The map is of the channels of ``"eeg"``, where the published one has electrodes
      beside those that the CNN reads. Its powers are of the epoch without a bandpass
      filter. Where there is no electrode, it takes the nearest ones, and it is linear
      in between, where the released code takes a cubic surface with corners of zero:
      with six electrodes that has no values on the rim.
    - Other modalities than EEG, EOG and EMG have a CNN as those of EOG and EMG.

    References
    ----------
    .. [1] Jia et al., "SleepPrintNet: A Multivariate Multimodal Neural Network Based on
       Physiological Time-Series for Automatic Sleep Staging". IEEE Transactions on
       Artificial Intelligence 1(3), 2020.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleepPrintNet
    >>> shapes = {"eeg": (2, 3840), "eog": (1, 3840)}
    >>> net = SleepPrintNet(shapes, n_filters=(4, 8), electrodes=["C3", "C4"])
    >>> net({name: torch.zeros(2, 3, *shape) for name, shape in shapes.items()}).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 128.0,
        context: int = 1,
        electrodes: Sequence[str] | None = None,
        n_filters: tuple[int, int] = (64, 128),
        n_map_filters: int = 16,
        d_head: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        counts = {"n_classes": n_classes, "d_head": d_head}
        for name, value in (counts | {"n_map_filters": n_map_filters}).items():
            check_count(name, value, owner="SleepPrintNet")
        check_count("context", context, owner="SleepPrintNet", minimum=0)
        check_positive("sfreq", sfreq, owner="SleepPrintNet")
        for i, n in enumerate(n_filters):
            check_count(f"n_filters[{i}]", n, owner="SleepPrintNet", minimum=2)
        self.stack = StackedChannels(modalities, owner="SleepPrintNet")
        self.n_epochs = 2 * context + 1
        shapes, n_times = self.stack.shapes, self.stack.n_times
        half = (n_filters[0] // 2, n_filters[1] // 2)
        self.encoder = PrintEncoder(
            {
                name: _two_scales(shape[0], sfreq, widths, dropout)
                for name, shape in shapes.items()
                for widths in [n_filters if name == "eeg" else half]
            },
            [shape[0] for shape in shapes.values()],
            n_times * self.n_epochs,
        )
        if electrodes is not None:
            _check_electrodes(electrodes, shapes)
            self.encoder.spectral = spectral_branch(n_map_filters, dropout)
            self.encoder.map = ScalpMap(electrodes, n_times, sfreq)
            self.encoder.n_features += 2 * n_map_filters * _MAP_SIDE**2
        self.n_features = self.encoder.n_features
        self.head = nn.Sequential(
            nn.Linear(self.n_features, d_head), nn.ReLU(), nn.Linear(d_head, n_classes)
        )
        self.apply(_initialise)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage a batch of epochs, each in the middle of its neighbours.

        Parameters
        ----------
        inputs : mapping of str to Tensor, \
shape (batch, n_epochs, n_channels, n_times)
            Epochs of all modalities, with their neighbours.
        present : mapping of str to Tensor of bool, shape (batch, n_epochs), \
default=None
            Where an epoch has a modality; without it, everywhere. A modality that is
            absent is zero; rows without any do not count in batch statistics.

        Returns
        -------
        Tensor, shape (batch, n_classes)
            Logits of the stages of the epochs in the middle.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        for name, x in inputs.items():
            if x.ndim != 4 or x.shape[1] != self.n_epochs:
                msg = (
                    f"SleepPrintNet needs {name!r} of shape (batch, {self.n_epochs}, "
                    f"n_channels, n_times); got {tuple(x.shape)}."
                )
                raise ValueError(msg)
        x, mask = self.stack(inputs, present), is_epoch(present)
        found = None if mask is None else mask.any(1)
        features = by_rows(self.encoder, x, found, training=self.training)
        logits: Tensor = self.head(features)
        return logits


class PrintEncoder(nn.Module):
    """Features of the branches of all modalities, and of the map where there is one."""

    map: ScalpMap | None
    spectral: nn.Sequential | None

    def __init__(
        self,
        branches: Mapping[str, TwoScaleEncoder],
        n_channels: Sequence[int],
        n_times: int,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.n_channels = list(n_channels)
        self.n_features = sum(each.n_features(n_times) for each in branches.values())
        self.map = self.spectral = None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_epochs, n_channels, n_times) -> (batch, n_features)."""
        blocks = torch.split(x, self.n_channels, dim=2)
        parts = dict(zip(self.branches, blocks, strict=True))
        features = [
            self.branches[name](part.transpose(1, 2).flatten(2))
            for name, part in parts.items()
        ]
        if self.map is not None and self.spectral is not None:
            middle = parts["eeg"][:, x.shape[1] // 2]
            features.append(self.spectral(self.map(middle)))
        return torch.cat(features, dim=1)


class SpectralBlock(nn.Module):
    """Two convolutions of the map side by side, pooled and rectified."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(n_out, eps=_EPS)
        self.narrow = nn.Conv2d(n_in, n_out, 1)
        self.pool = nn.MaxPool2d(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, 16, 16) -> (batch, n_out, 7, 7)."""
        pooled: Tensor = self.pool(self.norm(self.wide(x)) + self.narrow(x)).relu()
        return pooled


def spectral_branch(n_filters: int, dropout: float) -> nn.Sequential:
    """CNN of the map: (batch, 5, 16, 16) to flat features."""
    return nn.Sequential(
        nn.Conv2d(_N_BANDS, n_filters, 1),
        nn.BatchNorm2d(n_filters, eps=_EPS),
        nn.ReLU(),
        SpectralBlock(n_filters, 2 * n_filters),
        nn.Flatten(),
        nn.Dropout(dropout),
    )


def _two_scales(
    n_channels: int, sfreq: float, n_filters: tuple[int, int], dropout: float
) -> TwoScaleEncoder:
    """Make the CNN of one modality."""
    seconds = [((1 / 2, 8), 1 / 16, (8, 4)), ((4, 6), 1 / 2, (4, 2))]
    small, large = (
        ScaleBranch(
            n_channels,
            n_filters=n_filters,
            kernels=(max(1, int(wide * sfreq)), narrow),
            stride=max(1, int(stride * sfreq)),
            pools=pools,
            bias=(False, True),
            dropout=dropout,
            style=Style(lambda: nn.LeakyReLU(0.3), eps=_EPS),
        )
        for (wide, narrow), stride, pools in seconds
    )
    return TwoScaleEncoder(small, large, dropout=0.0)


def _initialise(module: nn.Module) -> None:
    """Draw the weights of a convolution by He's rule, of a linear layer by Glorot's."""
    if not isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
        return
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
    else:
        he_truncated_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _check_electrodes(
    electrodes: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Require a known electrode for each channel of the EEG."""
    n_channels = shapes.get("eeg", (0,))[0]
    unknown = [name for name in electrodes if known_electrode(name) is None]
    if isinstance(electrodes, str) or len(electrodes) != n_channels or unknown:
        msg = (
            "The 'electrodes' parameter of SleepPrintNet must name an electrode of the "
            f"10-20 system for each channel of 'eeg', which has {n_channels}. Got "
            f"{electrodes!r} instead."
        )
        raise ValueError(msg)
