"""L-SeqSleepNet: SeqSleepNet on long sequences, read along a grid of sub-sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._batch_norm_lstm import BatchNormBiLSTM
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._frame_encoder import FrameEncoder
from sleepkit.nn._spectrum_sequence_net import SpectrumSequenceNet
from sleepkit.utils import check_count


class LSeqSleepNet(SpectrumSequenceNet):
    """Stage long sequences of spectra by LSTMs within and across sub-sequences.

    Epochs are encoded as in `SeqSleepNet`. A sequence is folded into sub-sequences: one
    LSTM in both directions reads the epochs of each, another one the epochs at the same
    place of all, so that no path through a sequence of 200 is longer than 30 steps.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: spectra ``(n_channels, n_frames, n_bins)``,
        all with the same frames and bins, or features ``(n_features,)``. All are needed
        in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sequence_length : int, default=200
        Epochs in a sequence at most.
    subsequence_length : int, default=10
        Epochs in a sub-sequence; the last one may have fewer.
    n_filters : int, default=32
        Filters of each channel.
    hidden_size : int, default=64
        Units of all LSTMs in each direction.
    attention_size : int, default=64
        Hidden units of the attention over frames.
    d_head : int, default=512
        Units of each of the two hidden layers of the head.
    dropout : float, default=0.25
        Dropout around the LSTMs and in the head.
    momentum : float, default=0.05
        Weight of a batch in the running statistics of the batch normalisations.

    See Also
    --------
    SeqSleepNet : The net on short sequences, with the notes on its parts.

    Notes
    -----
    The network of [1]_. With one channel of 29 frames and 129 bins it has 628,389
    parameters. Behind each of the two LSTMs are a linear layer and a layer norm, and
    the input is added. The LSTM across sub-sequences has dropout of its input, the one
    within has none.

    **Implementation differences.** As for `SeqSleepNet`; all linear layers start as
    those of torch do.

    References
    ----------
    .. [1] Phan et al., "L-SeqSleepNet: Whole-Cycle Long Sequence Modelling for
       Automatic Sleep Staging". IEEE JBHI 27(10), 2023.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import LSeqSleepNet
    >>> net = LSeqSleepNet({"eeg": (1, 29, 129)})
    >>> net({"eeg": torch.zeros(1, 40, 1, 29, 129)}).shape
    torch.Size([1, 40, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sequence_length: int = 200,
        subsequence_length: int = 10,
        n_filters: int = 32,
        hidden_size: int = 64,
        attention_size: int = 64,
        d_head: int = 512,
        dropout: float = 0.25,
        momentum: float = 0.05,
    ) -> None:
        super().__init__(modalities)
        counts = {
            "n_classes": n_classes,
            "sequence_length": sequence_length,
            "subsequence_length": subsequence_length,
            "n_filters": n_filters,
            "hidden_size": hidden_size,
            "attention_size": attention_size,
            "d_head": d_head,
        }
        for name, count in counts.items():
            check_count(name, count, owner="LSeqSleepNet")
        self.subsequence_length = subsequence_length
        normed: dict[str, Any] = {"dropout": dropout, "momentum": momentum}
        self.encoder = FrameEncoder(
            self.stack.shape,
            is_features=self.stack.is_features,
            n_filters=n_filters,
            hidden_size=hidden_size,
            attention_size=attention_size,
            **normed,
        )
        n_subsequences = -(-sequence_length // subsequence_length)
        self.within = ResidualLSTM(
            hidden_size, subsequence_length, drops_input=False, **normed
        )
        self.across = ResidualLSTM(hidden_size, n_subsequences, **normed)
        self.head = _head(2 * hidden_size, d_head, n_classes, dropout)

    def _encode_rows(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_frames, n_bins) -> (batch, n_features)."""
        encoded: Tensor = self.encoder(x)
        return encoded

    def _read(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of sequences."""
        n_rows, n_epochs = encoded.shape[:2]
        if mask is None:
            mask = encoded.new_ones(n_rows, n_epochs, dtype=torch.bool)
        size = min(self.subsequence_length, n_epochs)
        missing = -n_epochs % size
        filled = functional.pad(encoded, (0, 0, 0, missing))
        grid = filled.reshape(n_rows, -1, size, encoded.shape[2])
        real = functional.pad(mask, (0, missing)).reshape(n_rows, -1, size)
        grid = self.within(grid, real)
        grid = self.across(grid.transpose(1, 2), real.transpose(1, 2)).transpose(1, 2)
        logits: Tensor = self.head(grid.flatten(1, 2)[:, :n_epochs])
        return logits


class ResidualLSTM(nn.Module):
    """An LSTM along the last but one axis of a grid, which is added to its input."""

    def __init__(self, hidden_size: int, n_steps: int, **options: Any) -> None:
        super().__init__()
        n_features = 2 * hidden_size
        self.recurrent = BatchNormBiLSTM(n_features, hidden_size, n_steps, **options)
        self.project = Linear(n_features, n_features)
        self.norm = nn.LayerNorm(n_features)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Read (batch, n_rows, n_steps, n_features); `mask` is without the last axis.

        Steps where it is false are skipped; their own output means nothing.
        """
        read = self.recurrent(x.flatten(0, 1), mask.flatten(0, 1)).view(x.shape)
        added: Tensor = x + self.norm(self.project(read))
        return added


def _head(n_in: int, n_hidden: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Make the layers of the logits."""
    return nn.Sequential(
        Dropout(dropout),
        Linear(n_in, n_hidden),
        nn.ReLU(),
        Dropout(dropout),
        Linear(n_hidden, n_hidden),
        nn.ReLU(),
        Dropout(dropout),
        Linear(n_hidden, n_classes),
    )
