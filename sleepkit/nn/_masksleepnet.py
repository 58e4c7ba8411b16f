"""MaskSleepNet, reconstructed: a CNN for each modality, any of which may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.nn._attnsleep import attention_cnn
from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._sinusoids import sinusoids
from sleepkit.nn._squeeze_excitation import SqueezeExcitation
from sleepkit.nn._stacked_channels import Inputs, by_rows, check_shape, common_length
from sleepkit.utils import check_count, check_fraction

_REDUCTION: Final = 16  # of the squeeze-and-excitation


class MaskSleepNet(nn.Module):
    """Stage single epochs by any subset of the modalities: a reconstruction.

    A two-scale CNN encodes each modality; the features of one that is absent are zero.
    A squeeze-and-excitation weighs the features of all, one convolution makes them
    fewer, and a transformer attends among the steps of the epoch. In training,
    modalities are masked at random.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``.
    n_classes : int, default=5
        Number of stages.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of its others. The second
        one is also the dimension of the transformer.
    n_layers : int, default=2
        Layers of the transformer.
    n_heads : int, default=8
        Heads of each layer.
    dim_feedforward : int, default=512
        Inner width of the feed-forward part of a layer.
    dropout : float, default=0.5
        Dropout of the CNNs.
    attention_dropout : float, default=0.1
        Dropout of the transformer.
    masking : float, default=0.5
        Probability that, in training, an epoch keeps a random non-empty subset of its
        modalities, each subset as likely as the others; else it keeps all.

    Attributes
    ----------
    n_steps : int
        Steps of an epoch behind the CNNs: 80 for 3,000 samples.

    Raises
    ------
    ValueError
        If a size cannot be used.

    See Also
    --------
    AttnSleep : The net whose CNN this one takes.
    MedFuseNet : A net of spectra for any subset of the modalities.

    Notes
    -----
    The authors of MaskSleepNet [1]_ released no code, and what is known of it are its
    parts and their order: masking, a multi-scale CNN, squeeze-and-excitation,
    multi-head attention. **All sizes here are a choice**, as are the schedule of the
    masking and that the attention is within an epoch. Results of this net are not those
    of the paper. With three modalities of one channel it has 1,661,189 parameters.

    An absent modality has no influence at all: gradients with respect to its input are
    exactly zero, and in training its epochs do not count in batch statistics.

    **Implementation differences.** Unknown, see above. The paper adapts one net to EEG,
    EEG and EOG, or these and EMG; here any modalities, and any subset of them, will do.

    References
    ----------
    .. [1] Zhu et al., "MaskSleepNet: A Cross-Modality Adaptation Neural Network for
       Heterogeneous Signals Processing in Sleep Staging". IEEE JBHI 27(5), 2023.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MaskSleepNet
    >>> net = MaskSleepNet({"eeg": (2, 3000), "eog": (1, 3000)}, n_filters=(4, 8))
    >>> net({"eog": torch.zeros(3, 1, 3000)}).shape
    torch.Size([3, 5])
    """

    positions: Tensor

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        n_filters: tuple[int, int] = (64, 128),
        n_layers: int = 2,
        n_heads: int = 8,
        dim_feedforward: int = 512,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        masking: float = 0.5,
    ) -> None:
        super().__init__()
        counts = {"n_classes": n_classes, "n_layers": n_layers, "n_heads": n_heads}
        for name, value in counts.items():
            check_count(name, value, owner="MaskSleepNet")
        check_fraction("masking", masking, owner="MaskSleepNet", one=True)
        self.masking = masking
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        n_times = common_length(self.shapes, owner="MaskSleepNet")
        dim = n_filters[1]
        _check_heads(n_heads, dim)
        cnns = {
            name: attention_cnn(shape[0], n_filters, dropout=dropout, last=False)
            for name, shape in self.shapes.items()
        }
        self.n_steps = next(iter(cnns.values())).n_steps(n_times)
        self.branches = nn.ModuleDict(
            {name: nn.Sequential(cnn, nn.Flatten()) for name, cnn in cnns.items()}
        )
        self.fuse = fusion(len(self.shapes), dim, dropout)
        steps = torch.arange(self.n_steps)
        self.register_buffer("positions", sinusoids(steps, dim), False)
        sizes = (dim, n_heads, dim_feedforward, attention_dropout)
        self.attention = nn.Sequential(
            *[
                nn.TransformerEncoderLayer(*sizes, batch_first=True)
                for _ in range(n_layers)
            ]
        )
        self.head = nn.Linear(dim, n_classes)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage a batch of epochs.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, n_channels, n_times)
            Epochs of one or more of the modalities.
        present : mapping of str to Tensor of bool, shape (batch,), default=None
            Where an epoch has a modality; without it, everywhere. Values where it is
            absent, NaN too, have no influence.

        Returns
        -------
        Tensor, shape (batch, n_classes)
            Logits of the stages.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        self._check(inputs)
        mask = self._mask(inputs, present or {})
        maps = [self._encode(i, mask[:, i], inputs) for i in range(len(self.shapes))]
        fused = self.fuse(torch.cat(maps, dim=1))
        attended = self.attention(fused.transpose(1, 2) + self.positions)
        logits: Tensor = self.head(attended.mean(1))
        return logits

    def _mask(self, inputs: Inputs, present: Inputs) -> Tensor:
        """Which modalities each epoch has or, in training, keeps: (batch, n)."""
        like = next(iter(inputs.values()))
        mask = torch.zeros(
            len(like), len(self.shapes), dtype=torch.bool, device=like.device
        )
        for place, name in enumerate(self.shapes):
            if name in inputs:
                mask[:, place] = present.get(name, mask.new_tensor(True))
        if not self.training or not self.masking:
            return mask
        masked = torch.rand(len(mask), device=mask.device) < self.masking
        return torch.where(masked[:, None], draw_subsets(mask), mask)

    def _encode(self, place: int, there: Tensor, inputs: Inputs) -> Tensor:
        """Features of one modality, (batch, n_filters, n_steps), zero where absent."""
        name = list(self.shapes)[place]
        shape = (len(there), self.head.in_features, self.n_steps)
        if name not in inputs or not bool(there.any()):
            return self.head.weight.new_zeros(shape)
        x = torch.where(there[:, None, None], inputs[name], 0)
        encoded = by_rows(self.branches[name], x, there, training=self.training)
        return encoded.reshape(shape)

    def _check(self, inputs: Inputs) -> None:
        """Require modalities of the net, in their shapes."""
        if not inputs or not inputs.keys() <= self.shapes.keys():
            known, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"MaskSleepNet needs one or more of {known}; got {given}."
            raise ValueError(msg)
        for name, x in inputs.items():
            check_shape(name, x.shape[1:], self.shapes[name], owner="MaskSleepNet")


def fusion(n_modalities: int, dim: int, dropout: float) -> nn.Sequential:
    """Weigh the features of all modalities, and mix them: (batch, dim, n_steps)."""
    n_features = n_modalities * dim
    return nn.Sequential(
        nn.Dropout(dropout),
        SqueezeExcitation(n_features, max(1, n_features // _REDUCTION)),
        nn.Conv1d(n_features, dim, 1, bias=False),
        BatchNorm(dim),
        nn.ReLU(),
    )


def draw_subsets(mask: Tensor) -> Tensor:
    """Non-empty subsets of the modalities (batch, n) that are true, all as likely."""
    n_subsets = 2 ** mask.sum(1) - 1
    drawn = (torch.rand(len(mask), device=mask.device) * n_subsets).long()
    subset = drawn.clamp(max=n_subsets - 1) + 1  # its bits are those that stay
    rank = (mask.cumsum(1) - 1).clamp(min=0)
    return mask & (subset[:, None] >> rank & 1).bool()


def _check_heads(n_heads: int, dim: int) -> None:
    """Require heads that divide the dimension of the transformer."""
    if dim % n_heads:
        msg = (
            "The 'n_heads' parameter of MaskSleepNet must divide the second of "
            f"'n_filters', {dim}. Got {n_heads} instead."
        )
        raise ValueError(msg)
