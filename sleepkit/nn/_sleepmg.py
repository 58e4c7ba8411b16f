"""SleepMG: encoders of modalities, a head for stages and one for domains."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._encoders import (
    EncoderClass,
    Extractors,
    SharedExtractor,
    choose_encoders,
)
from sleepkit.nn._exporting import is_exporting
from sleepkit.nn._reversal import gradient_reversal
from sleepkit.utils import check_count, check_option, check_positive


class SleepMGOutput(NamedTuple):
    """Output of `SleepMGNet`.

    Attributes
    ----------
    stage_logits : Tensor, shape (batch, n_classes)
        Logits of the sleep stages.
    domain_logits : Tensor, shape (batch, n_domains), or None
        Logits of the domains; None with fewer than two domains.
    features : Tensor, shape (batch, n_features)
        Input of both heads, the features of the modalities side by side.
    extracted : dict of str to Tensor, shape (batch, width)
        Features of each modality alone, before the fusion; zero where it is absent.
    """

    stage_logits: Tensor
    domain_logits: Tensor | None
    features: Tensor
    extracted: dict[str, Tensor]


class Concatenation(nn.Module):
    """Features of the modalities side by side; those of absent ones are zero."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)

    def forward(self, blocks: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """Fuse blocks of (batch, width); `present` is (batch, n_modalities)."""
        return torch.cat([blocks[name] for name in self.widths], dim=1)


class SelfAttention(nn.Module):
    """Self-attention over modalities, each of which is one token.

    With a token z_u = W_u f_u for each modality, the block of a modality is
    ``sum_v softmax_v(q_u . k_v / sqrt(d)) v_v``, through an output layer. Absent
    modalities are not attended to, and their blocks are zero.
    """

    def __init__(self, widths: Mapping[str, int], d_model: int = 256) -> None:
        super().__init__()
        self.projections = nn.ModuleDict(
            {name: nn.Linear(width, d_model) for name, width in widths.items()}
        )
        self.attention = nn.MultiheadAttention(d_model, 1, batch_first=True)
        self.widths = dict.fromkeys(widths, d_model)

    def forward(self, blocks: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """Fuse blocks of (batch, width); `present` is (batch, n_modalities)."""
        tokens = torch.stack(
            [layer(blocks[name]) for name, layer in self.projections.items()], dim=1
        )
        # a row without any modality attends to all: no softmax over nothing
        masked = ~present & present.any(1, keepdim=True)
        attended: Tensor = self.attention(
            tokens, tokens, tokens, key_padding_mask=masked, need_weights=False
        )[0]
        return attended.masked_fill(~present[..., None], 0).flatten(1)


_FUSIONS: Final = {"concat": Concatenation, "attention": SelfAttention}


class SleepMGNet(nn.Module):
    """Net of SleepMG: an encoder for each modality, and two linear heads.

    The features of all modalities stand side by side, in front of one linear layer for
    the stages and another, behind `gradient_reversal`, for the domains (groups of
    subjects).

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: ``(n_channels, n_times)`` of raw
        signals, encoded by a `FeatureNet`, or ``(n_features,)``, encoded by a
        `VectorNet`. An encoder of your own may take any shape.
    n_classes : int, default=5
        Number of stages.
    n_domains : int, default=0
        Number of domains in training. With fewer than two there is no domain head.
    encoder : class of Module, or mapping of str to such, default=None
        Encoder of all modalities, or of some by name, instead. It is called with the
        sizes of one epoch, such as ``encoder(n_channels, n_times)``, and the module it
        returns maps ``(batch, n_channels, n_times)`` to ``(batch, n_features)``.
    modality_specific : bool, default=True
        Whether each modality has an encoder of its own. Otherwise one encodes every
        channel of all modalities by itself, which then need signals of one length:
        FeatureNet without the multimodal part.
    per_channel : bool, default=True
        Whether the channels of a modality are encoded one by one with shared weights,
        as in the published FeatureNet, so that six channels of EEG have six times the
        features of one of EMG. Otherwise each modality has the features of one.
    epoch_duration : float, default=None
        Length of an epoch in seconds. With it, the kernels of a `FeatureNet` scale
        with the sampling rate, so that they last as long as at 100 Hz; None counts
        them in samples, as published.
    fusion : {"concat", "attention"}, default="concat"
        Fusion of the encoded features: side by side; or self-attention with one head
        over a token of 256 for each modality that is present, and these side by side.
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
    modality_logits : Logits of each modality alone.
    SleepMGLoss : The loss.
    BlockwiseHeads : The protocol that callbacks require.

    Notes
    -----
    By itself this is NaiveMG of the SleepMG paper [1]_; SleepMG trains it with
    `sleepkit.training.ModalityBalance`. Ten channels in four modalities at 100 Hz have
    2,560 features, or 1,024 with ``per_channel=False``: the paper does not state which.
    Nor does it define its "self-attention weighting", and ``"attention"`` is one
    reading. After it a modality's columns depend on the other modalities too, so that
    there are no logits of a modality alone, and nothing to balance.

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
        """Heads by name, as in `BlockwiseHeads`."""
        heads = {"classifier": self.stage_head}
        if self.domain_head is not None:
            heads["discriminator"] = self.domain_head
        return heads

    def forward(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> SleepMGOutput:
        """Compute the logits of a batch of epochs.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, ...)
            Epochs of one or more of the modalities.
        present : mapping of str to Tensor of bool, shape (batch,), default=None
            Rows that have a modality; by default, all. Where a modality is absent its
            features are zero, and values in `inputs`, NaN too, have no influence on
            other rows or on running statistics.

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
        extracted, mask = self._extract(inputs, present or {})
        features = self.fuse(extracted, mask)
        domain_logits = None
        if self.domain_head is not None:
            reversed_ = gradient_reversal(features, self.adversarial)
            domain_logits = self.domain_head(reversed_)
        stage_logits = self.stage_head(features)
        return SleepMGOutput(stage_logits, domain_logits, features, extracted)

    def _extract(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Encode the rows present; return features and mask (batch, n_modalities)."""
        like = next(iter(inputs.values()))
        mask = torch.zeros(
            len(like), len(self.shapes), dtype=torch.bool, device=like.device
        )
        rows = {}
        for place, name in enumerate(self.shapes):
            if name in inputs:
                mask[:, place] = present.get(name, mask.new_tensor(True))
                rows[name] = self._select(inputs[name], mask[:, place])
        # an encoder need not accept a batch without rows
        if not is_exporting():
            rows = {name: x for name, x in rows.items() if len(x)}
        encoded = self.extractors(rows)
        blocks = {}
        for place, (name, width) in enumerate(self.extractors.widths.items()):
            block = encoded.get(name, like.new_zeros(0, width))
            blocks[name] = _scatter(block, mask[:, place])
        return blocks, mask

    def _select(self, x: Tensor, present: Tensor) -> Tensor:
        """Rows with the modality; out of training, all rows, the others zero.

        Rows do not depend on each other then, and a constant batch size rounds alike.
        """
        # an exported graph has no branches
        if not is_exporting():
            if present.all():
                return x
            if self.training or not present.any():
                return x[present]
        return torch.where(present.view(-1, *[1] * (x.ndim - 1)), x, 0)

    def _check(self, inputs: Mapping[str, Tensor]) -> None:
        """Require modalities of the net, in their shapes."""
        if not inputs or not inputs.keys() <= self.shapes.keys():
            known, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"SleepMGNet needs one or more of {known}; got {given}."
            raise ValueError(msg)
        for name, x in inputs.items():
            rule, shape = self.shapes[name], tuple(x.shape[1:])
            if shape != rule:
                msg = f"SleepMGNet needs {name!r} epochs of shape {rule}; got {shape}."
                raise ValueError(msg)


def _slices(widths: Mapping[str, int]) -> dict[str, slice]:
    """Columns of blocks that stand side by side."""
    edges = pairwise(accumulate(widths.values(), initial=0))
    return {name: slice(*edge) for name, edge in zip(widths, edges, strict=True)}


def _scatter(block: Tensor, present: Tensor) -> Tensor:
    """Features in the rows that are present, and zeros in the others."""
    if is_exporting() or len(block) == len(present):
        return torch.where(present[:, None], block, 0)
    scattered = block.new_zeros(len(present), block.shape[1])
    scattered[present] = block
    return scattered


def modality_logits(
    head: nn.Linear,
    features: Tensor,
    slices: Mapping[str, slice],
    *,
    bias_share: float = 1.0,
) -> dict[str, Tensor]:
    """Compute the logits of a linear head from each modality alone.

    Parameters
    ----------
    head : Linear
        A head of `SleepMGNet`.
    features : Tensor, shape (batch, n_features)
        Input of the head, in any precision.
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
    features = features.to(weight.dtype)  # mixed precision gives a lower one
    return {
        name: functional.linear(features[:, at], weight[:, at], bias)
        for name, at in slices.items()
    }


class SleepMGLoss(nn.Module):
    """Loss of SleepMG: cross-entropies of stages and of domains.

    Parameters
    ----------
    class_weight : Tensor, shape (n_classes,), default=None
        Weight of each stage; None weights all alike.

    See Also
    --------
    SleepMGNet : The net whose output this takes.

    Notes
    -----
    With the cross-entropies CE of both heads, over the epochs whose stage, or domain,
    is known::

        L = CE(stages) + CE(domains)

    The paper's difference of the two, with a factor lambda, comes from the gradient
    reversal of strength lambda in front of the domain head; see `gradient_reversal`.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleepMGLoss, SleepMGOutput
    >>> logits = torch.zeros(3, 5), torch.zeros(3, 2)
    >>> output = SleepMGOutput(*logits, torch.zeros(3, 4), {})
    >>> stages, domains = torch.tensor([0, 4, -1]), torch.tensor([0, 1, 1])
    >>> loss = SleepMGLoss()(output, {"stages": stages, "domains": domains})
    >>> round(loss.item(), 3)  # log(5) + log(2)
    2.303
    """

    class_weight: Tensor | None

    def __init__(self, class_weight: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)

    def forward(self, output: SleepMGOutput, targets: Mapping[str, Any]) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : SleepMGOutput
            Logits of stages and domains.
        targets : mapping
            ``"stages"`` and ``"domains"``, int of shape (batch,), below 0 where
            unknown.

        Returns
        -------
        Tensor, shape ()
            The sum; without domains, the cross-entropy of the stages.
        """
        stages, domains = targets["stages"], targets["domains"]
        loss = functional.cross_entropy(
            output.stage_logits, stages, weight=self.class_weight, ignore_index=-1
        )
        if output.domain_logits is not None and bool((domains >= 0).any()):
            loss = loss + functional.cross_entropy(
                output.domain_logits, domains, ignore_index=-1
            )
        return loss
