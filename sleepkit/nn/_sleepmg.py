"""SleepMG: features of each modality, a head for stages and one for domains."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._extractors import (
    EncoderClass,
    Extractors,
    SharedExtractor,
    choose_encoders,
)
from sleepkit.nn._modality_attention import Concatenation, SelfAttention
from sleepkit.nn._reversal import gradient_reversal
from sleepkit.utils import check_count, check_option, check_positive

_FUSIONS: Final = {"concat": Concatenation, "attention": SelfAttention}


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
    extracted : dict of str to Tensor, shape (batch, width)
        What was extracted from each modality alone, before the fusion; zero where it
        is absent.
    """

    stage_logits: Tensor
    domain_logits: Tensor | None
    features: Tensor
    extracted: dict[str, Tensor]


class SleepMGNet(nn.Module):
    """Stage epochs from several modalities, hiding which domain they come from.

    Each modality has its own extractor; the features of all stand side by side, in
    front of one linear layer for the stages and another, behind `gradient_reversal`,
    for the domains (groups of subjects).

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: ``(n_channels, n_times)`` of raw
        signals, read by a `FeatureNet`, or ``(n_features,)``, read by a `VectorNet`.
        An encoder of your own may take any shape.
    n_classes : int, default=5
        Number of stages.
    n_domains : int, default=0
        Number of domains in training. Fewer than two leave the second head out.
    encoder : class of Module, or mapping of str to such, default=None
        What reads a modality, or some modalities by name, instead. It is called with
        the sizes of one epoch, such as ``encoder(n_channels, n_times)``, and what it
        makes turns ``(batch, n_channels, n_times)`` into ``(batch, n_features)``.
    modality_specific : bool, default=True
        Whether each modality has an extractor of its own. Otherwise one reads every
        channel of all modalities by itself, which then need signals of one length:
        FeatureNet without the multimodal part.
    per_channel : bool, default=True
        Whether the channels of a modality are read one by one with shared weights, as
        in the published FeatureNet, so that six channels of EEG have six times the
        features of one of EMG. Otherwise each modality has the features of one.
    epoch_duration : float, default=None
        Length of an epoch in seconds. With it, the kernels of a `FeatureNet` scale
        with the sampling rate, so as to last what they last at 100 Hz; None counts them
        in samples, as published.
    fusion : {"concat", "attention"}, default="concat"
        How the extracted features become those that the heads read: side by side; or
        each modality's as a token of 256 that looks at the tokens of all modalities
        that are present, by self-attention with one head, and these side by side.
    adversarial : float, default=0.1
        Strength of the gradient reversal. The attribute may be changed in training, as
        `sleepkit.training.ReversalSchedule` does.
    dropout : float, default=0.5
        Dropout of each `FeatureNet`.

    Attributes
    ----------
    slices : dict of str to slice
        Columns of each modality, in `features` and in the weights of both heads; empty
        with ``fusion="attention"``, where every column mixes the modalities.
    heads : dict of str to Linear
        ``"classifier"`` is `stage_head`; ``"discriminator"`` is `domain_head`, if any.
    stage_head : Linear
        The head of the stages.
    domain_head : Linear or None
        The head of the domains.

    See Also
    --------
    modality_logits : What a head says of each modality alone.
    BlockwiseHeads : What callbacks need of it, or of another module.

    Notes
    -----
    NaiveMG of the SleepMG paper [1]_; what makes it SleepMG is
    `sleepkit.training.ModalityBalance`. Ten channels in four modalities at 100 Hz give
    2,560 features, or 1,024 with ``per_channel=False``: the paper does not say which.
    Nor does it say how its "self-attention weighting" is made, and ``"attention"`` is
    one reading. After it a modality's columns hold what it saw in the others too, so
    that nothing can be said, or balanced, of a modality alone.

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
        encoder: EncoderClass | Mapping[str, EncoderClass] | None = None,
        modality_specific: bool = True,
        per_channel: bool = True,
        epoch_duration: float | None = None,
        fusion: Literal["concat", "attention"] = "concat",
        adversarial: float = 0.1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_count("n_classes", n_classes, owner="SleepMGNet")
        check_count("n_domains", n_domains, owner="SleepMGNet", minimum=0)
        check_option("fusion", fusion, _FUSIONS, owner="SleepMGNet")
        if epoch_duration is not None:
            check_positive("epoch_duration", epoch_duration, owner="SleepMGNet")
        if not modalities:
            msg = "SleepMGNet needs at least one modality; got none."
            raise ValueError(msg)
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        self.modality_specific = modality_specific
        self.fusion = fusion
        self.adversarial = adversarial
        encoders = choose_encoders(
            self.shapes,
            encoder,
            per_channel=per_channel,
            epoch_duration=epoch_duration,
            dropout=dropout,
        )
        kind = Extractors if modality_specific else SharedExtractor
        self.extractors = kind(self.shapes, encoders)
        self.fuse = _FUSIONS[fusion](self.extractors.widths)
        self.slices = _slices(self.fuse.widths) if fusion == "concat" else {}
        n_features = sum(self.fuse.widths.values())
        self.stage_head = nn.Linear(n_features, n_classes)
        self.domain_head = nn.Linear(n_features, n_domains) if n_domains >= 2 else None

    @property
    def heads(self) -> dict[str, nn.Linear]:
        """The heads, by the names that callbacks know them by."""
        heads = {"classifier": self.stage_head}
        if self.domain_head is not None:
            heads["discriminator"] = self.domain_head
        return heads

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
        extracted, there = self._extract(inputs, present or {})
        features = self.fuse(extracted, there)
        domain_logits = None
        if self.domain_head is not None:
            hidden = gradient_reversal(features, self.adversarial)
            domain_logits = self.domain_head(hidden)
        stage_logits = self.stage_head(features)
        return SleepMGOutput(stage_logits, domain_logits, features, extracted)

    def _extract(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Read the rows that are there; return features, and what is there."""
        like = next(iter(inputs.values()))
        there = torch.zeros(
            len(like), len(self.shapes), dtype=torch.bool, device=like.device
        )
        found = {}
        for place, name in enumerate(self.shapes):
            if name in inputs:
                there[:, place] = present.get(name, there.new_tensor(True))
                found[name] = self._pick(inputs[name], there[:, place])
        # an encoder need not be able to read no rows at all
        found = self.extractors({name: x for name, x in found.items() if len(x)})
        blocks = {}
        for place, (name, width) in enumerate(self.extractors.widths.items()):
            block = found.get(name, like.new_zeros(0, width))
            blocks[name] = _spread(block, there[:, place])
        return blocks, there

    def _pick(self, x: Tensor, present: Tensor) -> Tensor:
        """Take the rows that are there; out of training, empty the others instead.

        Then every row is by itself, and a batch that keeps its size rounds the same.
        """
        if present.all():
            return x
        if self.training or not present.any():
            return x[present]
        return torch.where(present.view(-1, *[1] * (x.ndim - 1)), x, 0)

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


def _slices(widths: Mapping[str, int]) -> dict[str, slice]:
    """Lay blocks side by side."""
    edges = pairwise(accumulate(widths.values(), initial=0))
    return {name: slice(*edge) for name, edge in zip(widths, edges, strict=True)}


def _spread(block: Tensor, present: Tensor) -> Tensor:
    """Put features where their rows are, and zeros where there are none."""
    if len(block) == len(present):
        return torch.where(present[:, None], block, 0)
    spread = block.new_zeros(len(present), block.shape[1])
    spread[present] = block
    return spread
