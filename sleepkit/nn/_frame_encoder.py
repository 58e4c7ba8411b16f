"""The epoch encoder of SeqSleepNet and its successors."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sleepkit.nn._attention_pooling import AttentionPooling
from sleepkit.nn._batch_norm_lstm import BatchNormBiLSTM
from sleepkit.nn._filterbank import Filterbank


class FrameEncoder(nn.Module):
    """Filterbanks of each channel, LSTMs along the frames, and attention pooling.

    Features, which have one frame of their own, get a linear layer instead of filters.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        is_features: bool = False,
        n_filters: int,
        hidden_size: int,
        attention_size: int,
        **recurrent: Any,
    ) -> None:
        super().__init__()
        n_channels, n_frames, n_bins = shape
        self.filterbank = (
            nn.Linear(n_bins, n_filters)
            if is_features
            else Filterbank(n_channels, n_bins, n_filters)
        )
        self.recurrent = BatchNormBiLSTM(
            n_channels * n_filters, hidden_size, n_frames, **recurrent
        )
        self.pooling = AttentionPooling(2 * hidden_size, attention_size)
        self.n_features = 2 * hidden_size

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_frames, n_bins) -> (batch, n_features)."""
        filtered = self.filterbank(x).transpose(1, 2).flatten(2)
        pooled: Tensor = self.pooling(self.recurrent(filtered))
        return pooled
