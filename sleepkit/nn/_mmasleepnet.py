"""MMASleepNet: two-scale CNNs of modalities, fused plane by plane and by attention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.nn._epoch_net import EpochNet
from sleepkit.nn._squeeze_excitation import ResidualSqueezeExcitation
from sleepkit.nn._two_scale import ScaleBranch, Style, TwoScaleEncoder
from sleepkit.utils import check_count

_TOKEN: Final = 4  # features of a plane in one token
_KERNELS: Final = ((64, 8), (512, 6))  # samples, of the small and the large branch


class MMASleepNet(EpochNet):
    """Stage single epochs: a CNN for each modality, fused by gates and attention.

    The features of each modality are a plane, those of ``"eeg"`` two. Planes are mixed
    and weighted by a squeeze-and-excitation; then a transformer layer attends among
    tokens, each a few features of one plane with their whole course in time.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch of ``"eeg"``, and of its others;
        other modalities have half. The second one must be a multiple of 8.
    n_heads : int, default=4
        Heads of the attention, which must divide four times the steps of an epoch.
    dim_feedforward : int, default=2048
        Inner width of the feed-forward part of the transformer layer.
    d_head : int, default=32
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout of the CNNs.
    attention_dropout : float, default=0.1
        Dropout of the transformer layer.
    released_double_softmax : bool, default=False
        Whether the net returns probabilities in place of logits, of which the loss
        takes a softmax again, as in the released code.

    Attributes
    ----------
    n_steps : int
        Steps of an epoch behind the CNNs: 24 for 3,000 samples.

    Raises
    ------
    ValueError
        If a size cannot be used.

    See Also
    --------
    MaskSleepNet : A net for any subset of the modalities.

    Notes
    -----
    The published net [1]_ reads EEG, EOG and EMG at 100 Hz. With two channels of EEG
    and one of each other it has 1,604,229 parameters, with six of EEG 1,751,685.

    **Implementation differences.** The released code has 24 steps and three modalities
    as constants; here they follow from the epochs, kernels having a fixed number of
    samples. Any further modality is one more plane.

    References
    ----------
    .. [1] MMASleepNet: A multimodal attention network based on electrophysiological
       signals for automatic sleep staging. Frontiers in Neuroscience 16, 2022.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MMASleepNet
    >>> shapes = {"eeg": (2, 3000), "eog": (1, 3000)}
    >>> net = MMASleepNet(shapes, n_filters=(4, 8), dim_feedforward=16)
    >>> net({name: torch.zeros(3, *shape) for name, shape in shapes.items()}).shape
    torch.Size([3, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        n_filters: tuple[int, int] = (64, 128),
        n_heads: int = 4,
        dim_feedforward: int = 2048,
        d_head: int = 32,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        released_double_softmax: bool = False,
    ) -> None:
        super().__init__(modalities, n_classes)
        check_count("d_head", d_head, owner="MMASleepNet")
        check_count("n_heads", n_heads, owner="MMASleepNet")
        _check_filters(n_filters, modalities)
        branches = PlaneBranches(self.stack.shapes, n_filters, dropout)
        self.n_steps = branches.n_steps(self.stack.n_times)
        dim = _TOKEN * self.n_steps
        if dim % n_heads:
            msg = (
                "The 'n_heads' parameter of MMASleepNet must divide 4 times the steps "
                f"of an epoch, here {dim}. Got {n_heads} instead."
            )
            raise ValueError(msg)
        layer = nn.TransformerEncoderLayer(
            dim, n_heads, dim_feedforward, attention_dropout, batch_first=True
        )
        self.encoder = PlaneEncoder(branches, layer)
        n_features = branches.n_planes * branches.width * self.n_steps
        self.head = nn.Sequential(
            nn.Linear(n_features, d_head),
            nn.ReLU(),
            nn.Linear(d_head, n_classes),
            *[nn.Softmax(-1)] * released_double_softmax,
        )


class PlaneBranches(nn.Module):
    """A two-scale CNN for each modality, whose features are planes of one width."""

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        n_filters: tuple[int, int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_channels = [shape[0] for shape in shapes.values()]
        self.width = n_filters[1] // 2
        self.n_planes = sum(2 if name == "eeg" else 1 for name in shapes)
        half = (n_filters[0] // 2, self.width)
        self.of = nn.ModuleDict(
            {
                name: _two_scales(
                    shape[0], n_filters if name == "eeg" else half, dropout
                )
                for name, shape in shapes.items()
            }
        )

    def n_steps(self, n_times: int) -> int:
        """Count the steps of an epoch."""
        branch: TwoScaleEncoder = next(iter(self.of.values()))  # type: ignore[assignment]
        return branch.n_steps(n_times)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> (batch, n_planes, width, n_steps)."""
        parts = torch.split(x, self.n_channels, dim=1)
        branches = zip(self.of.values(), parts, strict=True)
        maps = torch.cat([branch(part) for branch, part in branches], dim=1)
        return maps.reshape(len(x), self.n_planes, self.width, -1)


class PlaneEncoder(nn.Module):
    """Planes of all modalities, mixed and weighted, then weighted by attention."""

    def __init__(self, branches: PlaneBranches, layer: nn.Module) -> None:
        super().__init__()
        n_planes = branches.n_planes
        self.branches = branches
        self.mix = ResidualSqueezeExcitation(n_planes, n_planes, n_planes, bias=True)
        self.layer = layer

    def tokens(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> tokens in front of the attention."""
        planes = self.branches(x)
        mixed: Tensor = self.mix(planes.flatten(2)).view_as(planes)
        return mixed.reshape(len(x), -1, _TOKEN * mixed.shape[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> (batch, n_features)."""
        tokens = self.tokens(x)
        weighted: Tensor = self.layer(tokens) * tokens
        return weighted.flatten(1)


def _two_scales(
    n_channels: int, n_filters: tuple[int, int], dropout: float
) -> TwoScaleEncoder:
    """Make the CNN of one modality."""
    small, large = (
        ScaleBranch(
            n_channels,
            n_filters=n_filters,
            kernels=kernels,
            stride=kernels[0] // 8,
            pools=pools,
            padding=(24, 4),
            pool_padding=(pools[0] // 2, pools[1] // 2),
            dropout=dropout,
            style=Style(nn.LeakyReLU),
            flatten=False,
        )
        for kernels, pools in zip(_KERNELS, [(8, 4), (4, 2)], strict=True)
    )
    return TwoScaleEncoder(small, large, dropout=dropout)


def _check_filters(n_filters: tuple[int, int], modalities: Iterable[str]) -> None:
    """Refuse numbers of filters that give other modalities none, or no whole planes."""
    least = 1 if set(modalities) == {"eeg"} else 2
    for i, n in enumerate(n_filters):
        check_count(f"n_filters[{i}]", n, owner="MMASleepNet", minimum=least)
    if n_filters[1] % (2 * _TOKEN):
        msg = (
            "The second of 'n_filters' of MMASleepNet must be a multiple of "
            f"{2 * _TOKEN}. Got {n_filters!r} instead."
        )
        raise ValueError(msg)
