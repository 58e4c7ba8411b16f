"""SleePyCo: a convolutional pyramid over some epochs, to stage the last of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._sinusoids import sinusoids
from sleepkit.nn._squeeze_excitation import SqueezeExcitation
from sleepkit.nn._stacked_channels import Inputs, StackedChannels
from sleepkit.nn._stage_loss import StageLoss
from sleepkit.utils import check_count

_DEPTHS: Final = (2, 2, 3, 3, 3)  # convolutions of each level
_SCALES: Final = 3  # levels that are classified, from the last one
_POOL: Final = 5
_REDUCTION: Final = 16  # of the hidden layer of a gate


class SleePyCo(nn.Module):
    """Stage the last of some successive epochs by a pyramid and a transformer.

    Five levels of convolutions read the raw signal across the borders of epochs, each
    five times coarser than the one before. The last three are mapped to one size and
    classified by the same transformer; their logits are summed. The convolutions are
    trained first, by `projector`, and then frozen, by `freeze_backbone`.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    n_filters : tuple of int, default=(64, 128, 192, 256, 256)
        Filters of each level.
    d_model : int, default=128
        Size of a token, and of the two layers of the projector.
    n_heads : int, default=8
        Attention heads.
    n_layers : int, default=6
        Layers of the transformer.
    dim_feedforward : int, default=128
        Hidden units of the layers of the transformer.
    dropout : float, default=0.0
        Dropout of the transformer.
    momentum : float, default=0.1
        Weight of a batch in the running statistics of the batch normalisations.

    Attributes
    ----------
    backbone : Module
        The five levels.
    frozen : bool
        Whether `freeze_backbone` was called.

    See Also
    --------
    SleePyCoLoss : Its loss, of each scale.
    SupervisedContrastiveLoss : The loss of the projector.

    Notes
    -----
    This is the published system [1]_: for one EEG channel, the backbone has 1,543,621
    parameters, the lateral convolutions 90,496 and the classifier 631,302; the
    projector has a head of 49,408. Ten epochs of 30 s at 100 Hz give 48, 240 and 1,200
    tokens. Positions are those of the finest scale, of which a coarser one takes every
    n-th, from the middle of the first n on.

    The gate of each level weighs its channels by their mean over all epochs of the
    input, so that features of an epoch cannot be shared between inputs.

    **Implementation differences.**

    - The channels of all modalities are the input channels of the first convolution,
      where the published net reads one EEG channel.
    - The layers of the transformer start from weights of their own. In the released
      code they start as copies of a seventh layer, which stays in the model, is never
      used, and counts among the 730,886 parameters of its classifier.
    - A training batch of one epoch is normalised by the running statistics.

    References
    ----------
    .. [1] Lee et al., "SleePyCo: Automatic sleep scoring with feature pyramid and
       contrastive learning". Expert Systems with Applications 240, 2024.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleePyCo
    >>> net = SleePyCo(
    ...     {"eeg": (1, 3000)}, n_filters=(2, 2, 2, 4, 4), d_model=8, n_layers=1)
    >>> net({"eeg": torch.zeros(6, 10, 1, 3000)}).shape
    torch.Size([6, 3, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        n_filters: Sequence[int] = (64, 128, 192, 256, 256),
        d_model: int = 128,
        n_heads: int = 8,
        n_layers: int = 6,
        dim_feedforward: int = 128,
        dropout: float = 0.0,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        check_count("n_classes", n_classes, owner="SleePyCo")
        check_count("n_layers", n_layers, owner="SleePyCo")
        check_count("dim_feedforward", dim_feedforward, owner="SleePyCo")
        _check_sizes(n_filters, d_model, n_heads)
        self.backbone = Pyramid(modalities, n_filters, momentum)
        self.laterals = nn.ModuleList(  # from the coarsest level to the finest
            nn.Conv1d(width, d_model, 1) for width in n_filters[: -_SCALES - 1 : -1]
        )
        self.classifier = _TokenClassifier(
            n_classes, d_model, n_heads, n_layers, dim_feedforward, dropout
        )
        self.d_model = d_model
        self.frozen = False

    def projector(self, augment: Callable[[Tensor], Tensor]) -> Projector:
        """Make the module of the first training: the backbone with a head of its own.

        Parameters
        ----------
        augment : callable
            Makes a random view of epochs (batch, n_channels, n_times), such as
            `sleepkit.training.SignalAugmentation.augment`.

        Returns
        -------
        Module
            Called as `forward` is, it maps each epoch by itself to projections of two
            views, (batch, seq, 2, d_model). In evaluation both are those of the epoch
            as it is. It shares `backbone`.
        """
        return Projector(self.backbone, self.d_model, augment)

    def freeze_backbone(self) -> Self:
        """Keep weights and running statistics of the backbone as they are.

        Returns
        -------
        SleePyCo
            The module itself.
        """
        self.frozen = True
        self.backbone.requires_grad_(False)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of training; a frozen backbone stays in that of evaluation.

        Parameters
        ----------
        mode : bool, default=True
            Whether to train.

        Returns
        -------
        SleePyCo
            The module itself.
        """
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage the last epoch of each sequence.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Successive epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        Tensor, shape (batch, 3, n_classes)
            Logits of the last epoch by each scale, the coarsest first.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        x = self.backbone.stack_sequences(inputs, present)
        levels = self.backbone(x.transpose(1, 2).flatten(2))  # epochs in a row
        n_positions = levels[-_SCALES].shape[-1]
        tokens = [
            lateral(level).transpose(1, 2)
            for lateral, level in zip(self.laterals, reversed(levels), strict=False)
        ]
        logits = [self.classifier(each, n_positions) for each in tokens]
        return torch.stack(logits, dim=1)


class SleePyCoLoss(StageLoss):
    """Cross-entropy of the stages, summed over the scales of `SleePyCo`.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None, default=None
        Weight of each class; None weighs all alike.

    See Also
    --------
    StageLoss : The loss of each scale.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleePyCoLoss
    >>> SleePyCoLoss()(torch.zeros(2, 3, 5), {"stages": torch.tensor([1, 4])})
    tensor(4.8283)
    """

    def forward(self, output: Tensor, targets: Mapping[str, Any]) -> Tensor:
        """Loss of the logits of a batch.

        Parameters
        ----------
        output : Tensor, shape (batch, n_scales, n_classes)
            The logits.
        targets : mapping of str to Tensor
            ``"stages"``, int of shape (batch,): the true classes, -1 where there is
            none.

        Returns
        -------
        Tensor
            The loss.
        """
        total = torch.zeros((), device=output.device)
        for logits in output.unbind(1):
            total = total + super().forward(logits, targets)
        return total


class Pyramid(nn.Module):
    """The backbone of `SleePyCo`: five levels of convolutions, each coarser."""

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_filters: Sequence[int],
        momentum: float,
    ) -> None:
        super().__init__()
        self.stack = StackedChannels(modalities, owner="SleePyCo")
        self.n_filters = tuple(n_filters)
        widths = [self.stack.n_channels, *n_filters]
        self.levels = nn.Sequential(
            *(
                _Level(widths[i], widths[i + 1], depth, _POOL if i else 1, momentum)
                for i, depth in enumerate(_DEPTHS)
            )
        )

    def stack_sequences(self, inputs: Inputs, present: Inputs | None) -> Tensor:
        """Stack the channels of sequences of epochs (batch, seq, ...)."""
        self.stack.check_sequences(inputs)
        return self.stack(inputs, present)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Levels (batch, n_filters, n_tokens) of signals (batch, n_channels, ...)."""
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


class Projector(nn.Module):
    """The backbone of `SleePyCo` with a head: projections of two views of epochs."""

    def __init__(
        self, backbone: Pyramid, d_model: int, augment: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(backbone.n_filters[-1], d_model),
            nn.ReLU(),
            nn.Linear(d_model, d_model),
        )
        self._augment = augment

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Projections (batch, seq, 2, d_model) of epochs (batch, seq, ...)."""
        x = self.backbone.stack_sequences(inputs, present)
        epochs = x.flatten(0, 1)
        if self.training:
            views = torch.cat([self._augment(epochs), self._augment(epochs)])
            first, second = self._project(views).chunk(2)
        else:
            first = second = self._project(epochs)
        return torch.stack([first, second], dim=1).view(*x.shape[:2], 2, -1)

    def _project(self, x: Tensor) -> Tensor:
        """Projections (batch, d_model) of signals (batch, n_channels, n_times)."""
        projected: Tensor = self.head(self.backbone(x)[-1].mean(-1))
        return projected


class _Level(nn.Sequential):
    """Convolutions of one level, after a pool, the last one with a gate."""

    def __init__(
        self, n_in: int, n_out: int, depth: int, pool: int, momentum: float
    ) -> None:
        layers: list[nn.Module] = [] if pool == 1 else [_PaddedPool(pool)]
        for i in range(depth):
            norm = BatchNorm(n_out)
            norm.momentum = momentum
            layers += [nn.Conv1d(n_out if i else n_in, n_out, 3, padding=1), norm]
            layers += [nn.PReLU()]
        hidden = max(1, n_out // _REDUCTION)
        layers.insert(-1, SqueezeExcitation(n_out, hidden, bias=True))
        super().__init__(*layers)


class _PaddedPool(nn.Module):
    """Max-pooling of a length that zeros make a multiple of the window.

    They are zeros, not the smallest number: where all others are negative they win.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Pool (batch, n_filters, n_times)."""
        missing = -x.shape[-1] % self.size
        padded = functional.pad(x, (missing // 2, missing - missing // 2))
        return functional.max_pool1d(padded, self.size)


class _TokenClassifier(nn.Module):
    """Transformer and attention pooling, shared by the scales."""

    def __init__(
        self,
        n_classes: int,
        d_model: int,
        n_heads: int,
        n_layers: int,
        dim_feedforward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d_model, d_model), nn.PReLU())
        self.encoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    d_model, n_heads, dim_feedforward, dropout, batch_first=True
                )
                for _ in range(n_layers)
            )
        )
        self.attend = nn.Linear(d_model, d_model)
        self.score = nn.Linear(d_model, 1, bias=False)
        self.head = nn.Linear(d_model, n_classes)

    def forward(self, tokens: Tensor, n_positions: int) -> Tensor:
        """Logits (batch, n_classes) of (batch, n_tokens, d_model).

        `n_positions` is the number of tokens of the finest scale.
        """
        n_tokens, d_model = tokens.shape[1:]
        hop = n_positions // n_tokens
        places = torch.arange(n_tokens, device=tokens.device) * hop + hop // 2
        x = self.encoder(self.embed(tokens) + sinusoids(places, d_model))
        attended = torch.tanh(self.attend(x))
        weights = self.score(attended).softmax(dim=1)
        logits: Tensor = self.head((weights * attended).sum(1))
        return logits


def _check_sizes(n_filters: Sequence[int], d_model: int, n_heads: int) -> None:
    """Refuse sizes that do not fit."""
    if not isinstance(n_filters, (list, tuple)) or len(n_filters) != len(_DEPTHS):
        msg = (
            "The 'n_filters' parameter of SleePyCo must be five whole numbers. Got "
            f"{n_filters!r} instead."
        )
        raise ValueError(msg)
    for i, n in enumerate(n_filters):
        check_count(f"n_filters[{i}]", n, owner="SleePyCo")
    check_count("d_model", d_model, owner="SleePyCo")
    check_count("n_heads", n_heads, owner="SleePyCo")
    if d_model % n_heads:
        msg = (
            "The 'd_model' parameter of SleePyCo must be a multiple of 'n_heads', "
            f"{n_heads}. Got {d_model}."
        )
        raise ValueError(msg)
