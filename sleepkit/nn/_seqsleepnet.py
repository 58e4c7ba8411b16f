"""SeqSleepNet: LSTMs along the frames of an epoch, and along the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sleepkit.nn._batch_norm_lstm import BatchNormBiLSTM
from sleepkit.nn._frame_encoder import FrameEncoder
from sleepkit.nn._spectrum_sequence_net import SpectrumSequenceNet
from sleepkit.utils import check_count


class SeqSleepNet(SpectrumSequenceNet):
    """Stage sequences of spectra: trained filterbanks, then LSTMs on two levels.

    Each channel's spectra go through triangular filters with trained weights. LSTMs in
    both directions read the frames of an epoch, whose outputs attention pools, and
    others read the epochs of a sequence. Both have batch normalisation in their steps.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: spectra ``(n_channels, n_frames, n_bins)``,
        all with the same frames and bins, or features ``(n_features,)``. All are needed
        in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sequence_length : int, default=20
        Epochs in a sequence at most.
    n_filters : int, default=32
        Filters of each channel.
    hidden_size : int, default=64
        Units of the LSTMs in each direction, on both levels.
    attention_size : int, default=64
        Hidden units of the attention over frames.
    shared_output : bool, default=False
        Whether one output layer serves all epochs of a sequence, as in XSleepNet's
        code; otherwise each place in the sequence has its own, as in SeqSleepNet's.
    dropout : float, default=0.25
        Dropout of the input and of the output of both LSTMs.
    momentum : float, default=0.05
        Weight of a batch in the running statistics of the batch normalisations.

    See Also
    --------
    SleepTransformer : Transformers in place of the LSTMs.
    XSleepNet : This net beside a CNN of the raw signals.

    Notes
    -----
    The network of [1]_. With one channel of 29 frames and 129 bins it has 176,388
    parameters, and 164,133 with `shared_output`. The bin at 0 Hz and the highest one
    have no part in any filter, so `STFTEpocher`, which leaves out the one at 0 Hz,
    gives spectra with the same information; the net then has 32 weights less a channel,
    none of which acts. An even number of bins is one without the bin at 0 Hz.

    An epoch without any modality is padding: neither batch statistics nor other epochs
    depend on it.

    **Implementation differences.** The running statistics are averages of all batches
    until these are ``1 / momentum``, and their variances are unbiased. A shared output
    layer starts as those of torch do.

    References
    ----------
    .. [1] Phan et al., "SeqSleepNet: End-to-End Hierarchical Recurrent Neural Network
       for Sequence-to-Sequence Automatic Sleep Staging". IEEE TNSRE 27(3), 2019.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SeqSleepNet
    >>> net = SeqSleepNet({"eeg": (1, 29, 129)})
    >>> net({"eeg": torch.zeros(2, 20, 1, 29, 129)}).shape
    torch.Size([2, 20, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sequence_length: int = 20,
        n_filters: int = 32,
        hidden_size: int = 64,
        attention_size: int = 64,
        shared_output: bool = False,
        dropout: float = 0.25,
        momentum: float = 0.05,
    ) -> None:
        super().__init__(modalities)
        counts = {
            "n_classes": n_classes,
            "sequence_length": sequence_length,
            "n_filters": n_filters,
            "hidden_size": hidden_size,
            "attention_size": attention_size,
        }
        for name, count in counts.items():
            check_count(name, count, owner="SeqSleepNet")
        self.encoder = FrameEncoder(
            self.stack.shape,
            is_features=self.stack.is_features,
            n_filters=n_filters,
            hidden_size=hidden_size,
            attention_size=attention_size,
            dropout=dropout,
            momentum=momentum,
        )
        n_features = self.encoder.n_features
        self.recurrent = BatchNormBiLSTM(
            n_features, hidden_size, sequence_length, dropout=dropout, momentum=momentum
        )
        self.head: nn.Module = (
            nn.Linear(n_features, n_classes)
            if shared_output
            else PlaceHeads(sequence_length, n_features, n_classes)
        )

    def _encode_rows(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_frames, n_bins) -> (batch, n_features)."""
        encoded: Tensor = self.encoder(x)
        return encoded

    def _read(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of sequences."""
        logits: Tensor = self.head(self.recurrent(encoded, mask))
        return logits


class PlaceHeads(nn.Module):
    """A linear layer of logits for each place in a sequence."""

    def __init__(self, n_places: int, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_places, n_features, n_classes))
        self.bias = nn.Parameter(torch.zeros(n_places, n_classes))
        limit = math.sqrt(6 / (n_features + n_classes))
        nn.init.uniform_(self.weight, -limit, limit)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, seq, n_classes) of (batch, seq, n_features)."""
        n = x.shape[1]
        if n > len(self.weight):
            msg = (
                f"The net has outputs for sequences of {len(self.weight)} epochs at "
                f"most; got {n}. A shared output takes any length."
            )
            raise ValueError(msg)
        return torch.einsum("bsd,sdc->bsc", x, self.weight[:n]) + self.bias[:n]
