"""TinySleepNet: a small CNN of epochs, and an LSTM forwards along the night."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._carried_net import CarriedNet
from sleepkit.nn._recurrent import (
    State,
    initialise_stack,
    run_stack,
)
from sleepkit.nn._stacked_channels import Inputs, StackedChannels, by_rows, is_epoch
from sleepkit.nn._two_scale import ScaleBranch, Style
from sleepkit.utils import check_count, check_positive

_CUT = 0.87962566103423978  # deviation of a normal variable cut off at two of its own


class TinySleepNet(CarriedNet):
    """Stage sequences of raw epochs, each by itself and the epochs before it.

    A CNN with short kernels encodes each epoch, and an LSTM reads these features
    forwards in time: no output depends on a later epoch.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=100.0
        Sampling rate in hertz. The first convolution has a kernel of 1/2 s and a stride
        of 1/16 s.
    n_filters : tuple of int, default=(128, 128)
        Filters of the first convolution, and of the other three.
    hidden_size : int, default=128
        Units of the LSTM.
    n_layers : int, default=1
        Layers of the LSTM.
    dropout : float, default=0.5
        Dropout after the first pool, after the CNN, and after the LSTM.
    momentum : float, default=0.01
        Weight of a batch in the running statistics of the batch normalisations.

    Attributes
    ----------
    n_features : int
        Features of an epoch: 2,048 for 30 s at 100 Hz.

    See Also
    --------
    DeepSleepNet : Its predecessor, which reads later epochs too.
    TinySleepNetLoss : Its loss.

    Notes
    -----
    This is the published system [1]_, which has 1,516,421 parameters for one channel at
    100 Hz. An epoch that lacks a modality has zeros in its place. An epoch without any
    modality is padding: neither batch statistics nor other epochs depend on it. With
    ``continues``, `forward` carries the state of the LSTM from batch to batch, so that
    the parts of a night one after the other give what the whole gives; `decode` takes
    whole nights.

    **Implementation differences.**

    - The channels of all modalities are the input channels of the first convolution,
      where the published net reads one EEG channel.
    - The LSTM is torch's: without peephole weights, and with two bias vectors, of which
      the released net has one (1,516,293 parameters in all).
    - Running variances are unbiased, as in torch, and a single epoch is normalised by
      the running statistics.

    References
    ----------
    .. [1] Supratak and Guo, "TinySleepNet: An Efficient Deep Learning Model for Sleep
       Stage Scoring based on Raw Single-Channel EEG". EMBC, 2020.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import TinySleepNet
    >>> net = TinySleepNet({"eeg": (1, 3000)}, n_filters=(4, 8), hidden_size=16)
    >>> net({"eeg": torch.zeros(2, 10, 1, 3000)}).shape
    torch.Size([2, 10, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 100.0,
        n_filters: tuple[int, int] = (128, 128),
        hidden_size: int = 128,
        n_layers: int = 1,
        dropout: float = 0.5,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        counts = {
            "n_classes": n_classes,
            "hidden_size": hidden_size,
            "n_layers": n_layers,
        }
        for name, count in counts.items():
            check_count(name, count, owner="TinySleepNet")
        check_positive("sfreq", sfreq, owner="TinySleepNet")
        self.stack = StackedChannels(modalities, owner="TinySleepNet")
        self.cnn = ScaleBranch(
            self.stack.n_channels,
            n_filters=n_filters,
            kernels=(max(1, int(sfreq / 2)), 8),
            stride=max(1, int(sfreq / 16)),
            pools=(8, 4),
            dropout=dropout,
            style=Style(momentum=momentum, eps=1e-3, initialise=_initialise),
        )
        self.n_features = self.cnn.width * self.cnn.n_steps(self.stack.n_times)
        between = dropout if n_layers > 1 else 0.0
        self.recurrent = nn.LSTM(
            self.n_features, hidden_size, n_layers, batch_first=True, dropout=between
        )
        initialise_stack(self.recurrent)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, n_classes)
        _initialise(self.head)

    def encode(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Encode epochs one by one.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        Tensor, shape (batch, seq, n_features)
            The features, zero where there is no epoch.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        self.stack.check_sequences(inputs)
        x = self.stack(inputs, present)
        mask = is_epoch(present)
        rows = by_rows(self.cnn, x.flatten(0, 1), mask, training=self.training)
        dropped: Tensor = self.dropout(rows.view(*x.shape[:2], self.n_features))
        return dropped

    def _decode(
        self, encoded: Tensor, present: Inputs | None, state: State | None
    ) -> tuple[Tensor, State]:
        """Logits, and the final state."""
        read, state = run_stack(self.recurrent, encoded, is_epoch(present), state)
        return self.head(self.dropout(read)), state


class TinySleepNetLoss(nn.Module):
    """Weighted cross-entropy of the stages, divided by the number of labelled epochs.

    `StageLoss` divides by the sum of their weights instead.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None, default=None
        Weight of each class; None weighs all alike.

    See Also
    --------
    StageLoss : The weighted mean.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import TinySleepNetLoss
    >>> loss = TinySleepNetLoss(torch.tensor([1.0, 3.0]))
    >>> loss(torch.zeros(2, 2), {"stages": torch.tensor([0, 1])})
    tensor(1.3863)
    """

    class_weight: Tensor | None

    def __init__(self, class_weight: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("class_weight", class_weight)

    def forward(self, output: Tensor, targets: Mapping[str, Any]) -> Tensor:
        """Loss of the logits of a batch.

        Parameters
        ----------
        output : Tensor, shape (batch, n_classes) or (batch, seq, n_classes)
            The logits.
        targets : mapping of str to Tensor
            ``"stages"``, int of shape (batch,) or (batch, seq): the true classes, -1
            where there is none.

        Returns
        -------
        Tensor
            The loss, 0 for a batch without a labelled epoch.
        """
        stages = targets["stages"].flatten()
        total = functional.cross_entropy(
            output.flatten(0, -2),
            stages,
            weight=self.class_weight,
            ignore_index=-1,
            reduction="sum",
        )
        mean: Tensor = total / (stages >= 0).sum().clamp(min=1)
        return mean


def _initialise(module: nn.Module) -> None:
    """Draw weights of variance one over the inputs, cut off at two deviations."""
    if isinstance(module, (nn.Conv1d, nn.Linear)):
        std = math.sqrt(1 / module.weight[0].numel()) / _CUT
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
