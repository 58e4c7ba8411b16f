"""Band powers of `BandPower` and `PowerShares` in a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sleepkit.export._facts import Facts
from sleepkit.export._nights import cut, frames, power_spectrum
from sleepkit.export._steps._step import Step
from sleepkit.preprocessing import PowerShares
from sleepkit.preprocessing._power_shares import BANDS, FLOOR
from sleepkit.signal._band_powers import band_weights, median_bias


class Welch(NamedTuple):
    """How powers are taken, as in `sleepkit.signal.band_powers`."""

    bands: Mapping[str, tuple[float, float]]
    window: float = 4.0
    floor: float = 1e-3
    average: str = "mean"
    taper: str = "hann"


class BandPowers(Step):
    """Logarithms of band powers and their differences, or powers and their shares."""

    taps: Tensor
    inside: Tensor

    def __init__(self, welch: Welch, facts: Facts, ratios: list[Any] | None) -> None:
        super().__init__()
        sfreq = facts.sfreq or 0.0
        limit = facts.bandwidth or sfreq / 2
        if high := [name for name, band in welch.bands.items() if band[1] > limit]:
            msg = f"the bands {', '.join(high)} reach above {limit:g} Hz"
            raise NotImplementedError(msg)
        self.welch, self.n_times = welch, facts.n_times
        self.window = max(round(welch.window * sfreq), 1)
        taps, self.n_fft, weights = band_weights(
            sfreq, welch.bands, self.window, welch.taper
        )
        self.register_buffer("taps", torch.from_numpy(taps.astype("float32")))
        self.weight = float(weights.max())  # of all bins in a band; others have 0
        self.register_buffer("inside", torch.from_numpy(weights > 0))
        self.ratios = ratios

    @property
    def n_features(self) -> int:
        """Features of a channel."""
        n_bands = len(self.welch.bands)
        return n_bands * 2 if self.ratios is None else n_bands + len(self.ratios)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(n_channels, n_samples) -> (n_epochs, n_features)."""
        epochs = cut(x, present.shape[0], self.n_times)
        step = max(self.window // 2, 1)
        segments = frames(epochs, self.n_times, self.window, step)
        segments = (segments - segments.mean(-1, keepdim=True)) * self.taps
        spectra = power_spectrum(segments, self.window, self.n_fft)
        if self.welch.average == "median":
            spectra = _median(spectra)
        powers = (spectra @ (self.inside * self.weight)).mean(-2)
        powers = powers.clamp(min=self.welch.floor).log()
        if self.ratios is None:
            return torch.cat([powers, powers.softmax(-1)], -1).flatten(1)
        powers = powers / math.log(10)
        ratios = [powers[..., [a]] - powers[..., [b]] for a, b in self.ratios]
        return torch.cat([powers, *ratios], -1).flatten(1)


def _median(spectra: Tensor) -> Tensor:
    """Median over segments, unbiased for noise: (..., 1, n_bins)."""
    n_segments = spectra.shape[-2]
    low, high = (n_segments - 1) // 2, n_segments // 2
    ordered = spectra.sort(-2).values
    middle = (ordered[..., low, :] + ordered[..., high, :]) / 2
    return middle[..., None, :] / float(np.float32(median_bias(n_segments)[low]))


def convert(
    transformer: Any,
    name: str,  # noqa: ARG001 - all conversions get it
    facts: Facts,
) -> tuple[list[Step], Facts]:
    """Compute the powers of one modality."""
    if isinstance(transformer, PowerShares):
        step = BandPowers(Welch(BANDS, 4.0, FLOOR, "median", "hamming"), facts, None)
    else:
        if transformer.normalize is not None or transformer.context:
            msg = "of BandPower, normalize=None and context=0 alone have a graph"
            raise NotImplementedError(msg)
        bands = transformer._bands()
        at = {band: place for place, band in enumerate(bands)}
        ratios = [(at[a], at[b]) for a, b in transformer.ratios]
        step = BandPowers(Welch(bands, transformer.window), facts, ratios)
    shape = (facts.shape[0] * step.n_features,)
    return [step], replace(facts, shape=shape, sfreq=None)
