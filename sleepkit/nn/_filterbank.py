"""Triangular filters of spectra, whose weights are trained."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Filterbank(nn.Module):
    """Filters of each channel's spectra: ``x (sigmoid(W) * S)``, as in SeqSleepNet.

    ``S`` are triangles whose edges are equally far apart from 0 Hz to half the sampling
    rate, so that a filter keeps to its band and none is negative. The first and the
    last bin are on the edge of all of them: their weights do not act. An even number of
    bins is one without the bin at 0 Hz, as `STFTEpocher` makes them.
    """

    triangles: Tensor

    def __init__(self, n_channels: int, n_bins: int, n_filters: int) -> None:
        super().__init__()
        first = 1 - n_bins % 2  # number of the first bin
        n_fft = 2 * (n_bins + first - 1)
        edges = [(n_fft + 1) * i // (2 * n_filters + 2) for i in range(n_filters + 2)]
        if any(low == high for low, high in pairwise(edges)):
            msg = (
                "Each filter needs a bin of its own between 0 Hz and half the sampling "
                f"rate, of which {n_bins} bins have {n_fft // 2 - 1}. Got "
                f"n_filters={n_filters}."
            )
            raise ValueError(msg)
        bins = torch.arange(first, first + n_bins)
        triangles = torch.stack(
            [
                torch.minimum((bins - a) / (b - a), (c - bins) / (c - b)).clamp(min=0)
                for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
            ],
            dim=1,
        )
        self.register_buffer("triangles", triangles, persistent=False)
        self.weight = nn.Parameter(torch.randn(n_channels, n_bins, n_filters))

    def forward(self, x: Tensor) -> Tensor:
        """Filter (batch, n_channels, n_frames, n_bins), with n_filters at the end."""
        return x @ (self.weight.sigmoid() * self.triangles)
