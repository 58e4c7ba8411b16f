"""Spectra of `STFTEpocher` in a graph."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sleepkit.export._facts import Facts
from sleepkit.export._nights import cut, frames, power_spectrum
from sleepkit.export._steps._step import Step
from sleepkit.signal import spectrum_freqs


class Spectra(Step):
    """Short-time spectra of epochs, as `sleepkit.signal.epoch_spectra`.

    Bins above the bandwidth are NaN.
    """

    taps: Tensor
    missing: Tensor

    def __init__(self, transformer: Any, facts: Facts) -> None:
        super().__init__()
        sfreq = facts.sfreq or 0.0
        self.n_times, self.n_fft = facts.n_times, transformer.n_fft
        self.window = max(round(transformer.window * sfreq), 1)
        self.hop = max(round(transformer.hop * sfreq), 1)
        self.n_left_out = self.n_fft // 2 + 1 - transformer.n_bins
        self.floor = transformer.floor**2
        taps = np.hamming(self.window)
        taps *= 2 / taps.sum()
        self.register_buffer("taps", torch.from_numpy(taps.astype("float32")))
        freqs = spectrum_freqs(sfreq, self.n_fft, transformer.n_bins)
        above = freqs > (facts.bandwidth or sfreq / 2)
        self.register_buffer("missing", torch.from_numpy(above))

    @property
    def n_frames(self) -> int:
        """Frames of an epoch."""
        return int((self.n_times - self.window) // self.hop) + 1

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(n_channels, n_samples) -> (n_epochs, n_channels, n_frames, n_bins)."""
        epochs = cut(x, present.shape[0], self.n_times)
        windows = frames(epochs, self.n_times, self.window, self.hop) * self.taps
        power = power_spectrum(windows, self.window, self.n_fft)[..., self.n_left_out :]
        decibels = power.clamp(min=self.floor).log() * (10 / math.log(10))
        return torch.where(self.missing, torch.nan, decibels)


def convert(
    transformer: Any,
    name: str,  # noqa: ARG001 - all conversions get it
    facts: Facts,
) -> tuple[list[Step], Facts]:
    """Compute the spectra of one modality."""
    if facts.n_times < max(round(transformer.window * (facts.sfreq or 0)), 1):
        msg = "an epoch is shorter than a frame"
        raise NotImplementedError(msg)
    step = Spectra(transformer, facts)
    shape = (facts.shape[0], step.n_frames, transformer.n_bins)
    return [step], replace(facts, shape=shape, sfreq=None)
