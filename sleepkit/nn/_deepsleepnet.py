"""DeepSleepNet: a two-scale CNN of epochs, and LSTMs along the night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sleepkit.nn._carried_net import CarriedNet
from sleepkit.nn._recurrent import IndependentBiLSTM, State
from sleepkit.nn._stacked_channels import Inputs, StackedChannels, by_rows, is_epoch
from sleepkit.nn._two_scale import (
    ScaleBranch,
    Style,
    TwoScaleEncoder,
    he_truncated_,
    he_weights,
    normalisation,
)
from sleepkit.utils import check_count, check_positive


class DeepSleepNet(CarriedNet):
    """Stage sequences of raw epochs: a two-scale CNN, then LSTMs in both directions.

    The CNN encodes each epoch by itself: one branch with short kernels, for when
    something happens, and one with long kernels, for its frequencies. The LSTMs read
    these features along the sequence, and a shortcut around them is added.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=100.0
        Sampling rate in hertz. The first convolutions have kernels of 1/2 and 4 s and
        strides of 1/16 and 1/2 s.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of its other three.
    hidden_size : int, default=512
        Units of a layer of a recurrent stack. The shortcut has twice as many.
    n_layers : int, default=2
        Layers of each recurrent stack.
    dropout : float, default=0.5
        Dropout after the first pool of each branch, after the CNN, after each recurrent
        layer, and before the head.
    momentum : float, default=0.001
        Weight of a batch in the running statistics of the batch normalisations. Short
        trainings need a larger one.

    Attributes
    ----------
    encoder : Module
        The CNN, as parameters that both trainings share.
    n_features : int
        Features of an epoch: 3,072 for 30 s at 100 Hz.

    See Also
    --------
    SleepMGNet : Epochs one by one, with a CNN for each modality.

    Notes
    -----
    The published network [1]_ reads one EEG channel. Here the channels of all
    modalities are stacked as input channels of the first convolutions; everything
    behind these is as published. With one channel at 100 Hz, the net has 22,647,685
    parameters, and the result of `epoch_classifier` 619,397. An epoch that lacks
    a modality has zeros in its place. An epoch without any modality is padding: neither
    batch statistics nor other epochs depend on it.

    As published, the CNN is trained first, as `epoch_classifier` with a head that is
    dropped afterwards, on epochs of balanced classes with a rate of 1e-4, and then the
    whole on nights, with 1e-6 for `encoder` and 1e-4 for the rest, and gradients
    clipped to a norm of 10. The loss is the cross-entropy, with an L2 penalty of 1e-3
    on ``encoder.cnn.small.first`` alone. The second training sums the
    cross-entropy over the 25 epochs of a sequence, so that with its mean the penalty is
    1e-3 / 25.

    **States along the night.** The published training and inference cut a night into
    chunks of 25 epochs and carry the final states of both directions to the next chunk.
    For the backward direction this is an error: the state at the *start* of a chunk
    becomes the one at the *end* of the next, hours out of order. With ``continues``,
    `forward` carries the state of the forward direction only, and the backward one
    starts from zero. For inference, `decode` takes sequences of any length, whole
    nights included, and needs no carried state.

    **Implementation differences.**

    - LSTM cells are torch's: without peephole weights, and with two bias vectors.
    - Running variances are unbiased, as in torch.
    - A single epoch, which has no batch statistics, is normalised by the running ones.
    - Nothing is dropped at the end of a night: sequences are padded.

    References
    ----------
    .. [1] Supratak et al., "DeepSleepNet: A Model for Automatic Sleep Stage Scoring
       Based on Raw Single-Channel EEG". IEEE TNSRE 25(11), 2017.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import DeepSleepNet
    >>> net = DeepSleepNet({"eeg": (1, 3000)}, n_filters=(4, 8), hidden_size=16)
    >>> net({"eeg": torch.zeros(2, 10, 1, 3000)}).shape
    torch.Size([2, 10, 5])
    >>> net.epoch_classifier()({"eeg": torch.zeros(4, 1, 3000)}).shape
    torch.Size([4, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 100.0,
        n_filters: tuple[int, int] = (64, 128),
        hidden_size: int = 512,
        n_layers: int = 2,
        dropout: float = 0.5,
        momentum: float = 0.001,
    ) -> None:
        super().__init__()
        check_count("n_classes", n_classes, owner="DeepSleepNet")
        check_count("hidden_size", hidden_size, owner="DeepSleepNet")
        check_count("n_layers", n_layers, owner="DeepSleepNet")
        check_positive("sfreq", sfreq, owner="DeepSleepNet")
        self.n_classes = n_classes
        style = Style(momentum=momentum, initialise=he_weights)
        self.encoder = EpochEncoder(
            modalities,
            sfreq=sfreq,
            n_filters=n_filters,
            dropout=dropout,
            style=style,
        )
        self.n_features = self.encoder.n_features
        linear = nn.Linear(self.n_features, 2 * hidden_size, bias=False)
        he_truncated_(linear.weight)
        self.shortcut = nn.Sequential(linear, *normalisation(2 * hidden_size, style))
        self.recurrent = IndependentBiLSTM(
            self.n_features, hidden_size, n_layers, dropout
        )
        self.dropout = nn.Dropout(dropout)
        self.head = _head(2 * hidden_size, n_classes)

    def epoch_classifier(self) -> EpochClassifier:
        """Make the module of the first training: the CNN with a new head.

        Returns
        -------
        Module
            Called as `forward` is, it maps epochs (batch, n_channels, n_times) to
            logits (batch, n_classes), and sequences epoch by epoch. It shares
            `encoder`.
        """
        return EpochClassifier(self.encoder, self.n_classes)

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
        self.encoder.stack.check_sequences(inputs)
        encoded: Tensor = self.encoder(inputs, present)
        return encoded

    def _decode(
        self, encoded: Tensor, present: Inputs | None, state: State | None
    ) -> tuple[Tensor, State]:
        """Logits, and the final state of the forward stack."""
        mask = is_epoch(present)
        read, state = self.recurrent(encoded, mask, state)
        rows = encoded.flatten(0, 1)
        direct = by_rows(self.shortcut, rows, mask, training=self.training)
        summed = read + direct.view_as(read)
        return self.head(self.dropout(summed)), state


class EpochEncoder(nn.Module):
    """The CNN of `DeepSleepNet`: features of epochs, one by one."""

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        *,
        sfreq: float,
        n_filters: tuple[int, int],
        dropout: float,
        style: Style,
    ) -> None:
        super().__init__()
        self.stack = StackedChannels(modalities, owner="DeepSleepNet")
        n_channels = self.stack.n_channels
        shared: dict[str, Any] = {
            "n_filters": n_filters,
            "dropout": dropout,
            "style": style,
        }
        self.cnn = TwoScaleEncoder(
            ScaleBranch(
                n_channels,
                kernels=(max(1, int(sfreq / 2)), 8),
                stride=max(1, int(sfreq / 16)),
                pools=(8, 4),
                **shared,
            ),
            ScaleBranch(
                n_channels,
                kernels=(max(1, int(4 * sfreq)), 6),
                stride=max(1, int(sfreq / 2)),
                pools=(4, 2),
                **shared,
            ),
            dropout,
        )
        self.n_features = self.cnn.n_features(self.stack.n_times)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Encode epochs (..., n_channels, n_times) as (..., n_features)."""
        x = self.stack(inputs, present)
        mask, leading = is_epoch(present), x.shape[:-2]
        rows = by_rows(self.cnn, x.flatten(0, -3), mask, training=self.training)
        return rows.view(*leading, self.n_features)


class EpochClassifier(nn.Module):
    """The CNN of `DeepSleepNet` with a head: stages of epochs, one by one."""

    def __init__(self, encoder: EpochEncoder, n_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = _head(encoder.n_features, n_classes)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Logits (..., n_classes) of epochs (..., n_channels, n_times)."""
        logits: Tensor = self.head(self.encoder(inputs, present))
        return logits


def _head(n_in: int, n_classes: int) -> nn.Linear:
    """Make a linear layer of logits."""
    head = nn.Linear(n_in, n_classes)
    he_truncated_(head.weight)
    nn.init.zeros_(head.bias)
    return head
