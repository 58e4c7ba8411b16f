"""Short-time spectra inside a net, scaled by what it was trained on."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

_WINDOW, _HOP = 2.0, 1.0  # seconds
_FLOOR = 1e-3  # microvolts


class LogSpectrum(nn.Module):
    """Spectra in decibels, as of `STFTEpocher` with the bin at 0 Hz, and scaled.

    Every bin of every channel is scaled to mean 0 and SD 1 by the statistics that `fit`
    takes. Frames of nothing but zeros are missing: they have no part in it, and are 0.
    """

    n_values: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, n_channels: int, n_times: int, sfreq: float, n_fft: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.n_window = max(round(_WINDOW * sfreq), 1)
        self.step = max(round(_HOP * sfreq), 1)
        if self.n_window > n_fft:
            msg = (
                "The 'n_fft' parameter must be at least the samples of a frame of "
                f"{_WINDOW:g} s, here {self.n_window}, at {sfreq:g} Hz. Got {n_fft}."
            )
            raise ValueError(msg)
        self.n_padded = max(self.n_window - n_times, 0)
        n_frames = (n_times + self.n_padded - self.n_window) // self.step + 1
        self.shape = (n_channels, n_frames, n_fft // 2 + 1)
        bins = n_channels, self.shape[2]
        self.register_buffer("n_values", torch.zeros(n_channels, dtype=torch.int64))
        self.register_buffer("center", torch.zeros(bins))
        self.register_buffer("scale", torch.ones(bins))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> (batch, n_channels, n_frames, n_bins)."""
        decibels, is_missing = self._decibels(x)
        center, scale = self.center[:, None].float(), self.scale[:, None].float()
        return ((decibels - center) / scale).masked_fill(is_missing[..., None], 0)

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Take the mean and SD of each bin over batches of epochs."""
        n = torch.zeros(len(self.n_values), dtype=torch.float64)
        total = squares = torch.zeros(self.center.shape, dtype=torch.float64)
        for x in batches:
            decibels, is_missing = (part.cpu() for part in self._decibels(x))
            values = decibels.double().masked_fill(is_missing[..., None], 0)
            n = n + is_missing.logical_not().sum((0, 2))
            total = total + values.sum((0, 2))
            squares = squares + values.square().sum((0, 2))
        center = total / n.clamp(min=1)[:, None]
        variance = squares / n.clamp(min=1)[:, None] - center.square()
        # rounding leaves something of a constant
        varies = variance > 1e-9 * (1 + center.square())
        self.n_values.copy_(n)
        self.center.copy_(center)
        self.scale.copy_(torch.where(varies, variance, 1).sqrt())

    def _decibels(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra in float32, and which frames (batch, n_channels, n_frames) lack."""
        padded = functional.pad(x.float(), (0, self.n_padded))
        frames = padded.unfold(-1, self.n_window, self.step)
        taps = torch.hamming_window(self.n_window, periodic=False, device=x.device)
        spectra = torch.fft.rfft(frames * (2 / taps.sum() * taps), self.n_fft)
        power = spectra.real.square() + spectra.imag.square()
        decibels = 10 * power.clamp(min=_FLOOR**2).log10()
        return decibels, (frames == 0).all(-1)
