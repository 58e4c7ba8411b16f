"""SleepMG: features of each modality, a head for stages and one for domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._feature_net import FeatureNet, VectorNet
from sleepkit.nn._reversal import gradient_reversal
from sleepkit.utils import check_count


class SleepMGOutput(NamedTuple):
    """What `SleepMGNet` says of a batch.

    Attributes
    ----------
    stage_logits : Tensor, shape (batch, n_classes)
        Logits of the sleep stages.
    domain_logits : Tensor, shape (batch, n_domains), or None
        Logits of the domains, None where there are no two domains to tell apart.
    features : Tensor, shape (batch, n_features)
        What both heads read, the blocks of the modalities side by side.
    """

    stage_logits: Tensor
    domain_logits: Tensor | None
    features: Tensor


class SleepMGNet(nn.Module):
    """Stage epochs from several modalities, hiding which domain they come from.

    Each modality has its own extractor; the features of all stand side by side, in
    front of one linear layer for the stages and another, behind `gradient_reversal`,
    for the domains (groups of subjects).

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: ``(n_channels, n_times)`` of raw
        signals, read by a `FeatureNet`, or ``(n_features,)``, read by a linear layer
        to 128 with batch normalisation and a rectifier.
    n_classes : int, default=5
        Number of stages.
    n_domains : int, default=0
        Number of domains in training. Fewer than two leave the second head out.
    per_channel : bool, default=True
        Whether the channels of a modality are read one by one with shared weights, as
        in the published FeatureNet, so that six channels of EEG have six times the
        features of one of EMG. Otherwise each modality has the features of one.
    adversarial : float, default=0.1
        Strength of the gradient reversal. The attribute may be changed in training.
    dropout : float, default=0.5
        Dropout of each `FeatureNet`.

    Attributes
    ----------
    slices : dict of str to slice
        Columns of each modality, in `features` and in the weights of both heads.
    stage_head : Linear
        The head of the stages.
    domain_head : Linear or None
        The head of the domains.

    See Also
    --------
    modality_logits : What a head says of each modality alone.

    Notes
    -----
    NaiveMG of the SleepMG paper [1]_; what makes it SleepMG is
    `sleepkit.training.ModalityBalance`. Ten channels in four modalities at 100 Hz give
    2,560 features, or 1,024 with ``per_channel=False``: the paper does not say which.

    References
    ----------
    .. [1] SleepMG: Multimodal Generalizable Sleep Staging with Inter-modal Balance of
       Classification and Domain Discrimination. ACM Multimedia, 2024.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleepMGNet
    >>> net = SleepMGNet({"eeg": (2, 3000), "emg": (1, 3000)}, n_domains=4)
    >>> net.slices
    {'eeg': slice(0, 512, None), 'emg': slice(512, 768, None)}
    >>> output = net({"eeg": torch.zeros(3, 2, 3000)})
    >>> output.stage_logits.shape, output.domain_logits.shape
    (torch.Size([3, 5]), torch.Size([3, 4]))
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        n_domains: int = 0,
        *,
        per_channel: bool = True,
        adversarial: float = 0.1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_count("n_classes", n_classes, owner="SleepMGNet")
        check_count("n_domains", n_domains, owner="SleepMGNet", minimum=0)
        if not modalities:
            msg = "SleepMGNet needs at least one modality; got none."
            raise ValueError(msg)
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        self.adversarial = adversarial
        self.extractors = nn.ModuleDict()
        self.slices: dict[str, slice] = {}
        n_features = 0
        for name, shape in self.shapes.items():
            extractor = _extractor(name, shape, per_channel, dropout)
            self.extractors[name] = extractor
            self.slices[name] = slice(n_features, n_features + extractor.n_features)
            n_features += extractor.n_features
        self.stage_head = nn.Linear(n_features, n_classes)
        self.domain_head = nn.Linear(n_features, n_domains) if n_domains >= 2 else None

    def forward(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> SleepMGOutput:
        """Stage a batch of epochs.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, ...)
            Epochs of each modality, any but not none of the modalities.
        present : mapping of str to Tensor of bool, shape (batch,), default=None
            Which rows of a modality are there; without it, all that are given. Where a
            modality is absent its features are zero, and whatever stands in `inputs`,
            NaN too, is never read: no other row and no running statistic sees it.

        Returns
        -------
        SleepMGOutput
            Logits of the stages and the domains, and the features.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        self._check(inputs)
        blocks = {
            name: self._extract(name, x, (present or {}).get(name))
            for name, x in inputs.items()
        }
        some = next(iter(blocks.values()))
        for name, columns in self.slices.items():
            if name not in blocks:
                blocks[name] = some.new_zeros(len(some), columns.stop - columns.start)
        features = torch.cat([blocks[name] for name in self.slices], dim=1)
        domain_logits = None
        if self.domain_head is not None:
            hidden = gradient_reversal(features, self.adversarial)
            domain_logits = self.domain_head(hidden)
        return SleepMGOutput(self.stage_head(features), domain_logits, features)

    def _extract(self, name: str, x: Tensor, present: Tensor | None) -> Tensor:
        """Return the features of a modality, zero where it is absent."""
        extractor = self.extractors[name]
        if present is None:
            features: Tensor = extractor(x)
            return features
        found: Tensor = extractor(x[present])
        features = found.new_zeros(len(x), found.shape[1])
        features[present] = found
        return features

    def _check(self, inputs: Mapping[str, Tensor]) -> None:
        """Require modalities that the net knows, in their shapes."""
        if not inputs or not inputs.keys() <= self.shapes.keys():
            known, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"SleepMGNet reads one or more of {known}; got {given}."
            raise ValueError(msg)
        for name, x in inputs.items():
            rule, shape = self.shapes[name], tuple(x.shape[1:])
            if shape != rule:
                msg = f"SleepMGNet needs {name!r} epochs of shape {rule}; got {shape}."
                raise ValueError(msg)


def modality_logits(
    head: nn.Linear, features: Tensor, slices: Mapping[str, slice]
) -> dict[str, Tensor]:
    """Compute what a linear head says of each modality, the others being absent.

    Parameters
    ----------
    head : Linear
        A head of `SleepMGNet`.
    features : Tensor, shape (batch, n_features)
        What the head reads.
    slices : mapping of str to slice
        Columns of each modality.

    Returns
    -------
    dict of str to Tensor, shape (batch, n_out)
        Logits of each modality alone, each with the whole bias: without the bias, they
        sum to the logits of all modalities together.

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
    return {
        name: nn.functional.linear(features[:, at], head.weight[:, at], head.bias)
        for name, at in slices.items()
    }


def _extractor(
    name: str, shape: tuple[int, ...], per_channel: bool, dropout: float
) -> FeatureNet | VectorNet:
    """Choose the extractor by the number of axes."""
    if len(shape) == 1:
        return VectorNet(*shape)
    if len(shape) == 2:
        return FeatureNet(*shape, per_channel=per_channel, dropout=dropout)
    msg = (
        "SleepMGNet reads epochs of shape (n_channels, n_times) or (n_features,); "
        f"got {shape} for {name!r}."
    )
    raise ValueError(msg)
