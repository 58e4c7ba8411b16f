"""Scaling of `SignalScaler` and `SpectrumScaler` in a graph."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from sleepkit.export._facts import Facts
from sleepkit.export._nights import cut, moments, quantiles, scaled
from sleepkit.export._steps._step import Step
from sleepkit.preprocessing._scaling import IQR_OF_SD, Scaling

_QUARTILES: Final = [0.25, 0.5, 0.75]


class ScaleSignal(Step):
    """Scale signals by the statistics of the epochs that are present."""

    def __init__(self, n_times: int, *, robust: bool) -> None:
        super().__init__()
        self.n_times = n_times
        self.robust = robust

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Scale (n_channels, n_samples)."""
        epochs = cut(x, present.shape[0], self.n_times)
        if self.robust:
            rows = epochs.movedim(1, 0).flatten(1)
            known = present[:, None].expand(-1, self.n_times).flatten()
            n_known = (present.sum() * self.n_times).reshape(1)
            low, center, high = quantiles(rows, known, n_known, _QUARTILES).unbind()
            scale = ((high - low) / IQR_OF_SD).to(torch.float64)[:, None]
            return scaled(x, center.to(torch.float64)[:, None], scale)
        center, scale = moments(epochs, present[:, None, None], [0, 2])
        return scaled(x, center[0], scale[0])


class ScaleSpectra(Step):
    """Scale spectra by the statistics of the epochs that are present.

    NaN bins, which lie above the bandwidth, become 0.
    """

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Scale (n_epochs, n_channels, n_frames, n_bins)."""
        center, scale = moments(x, present[:, None, None, None], [0, 2])
        return filled(scaled(x, center, scale))


class ScaleFeatures(Step):
    """Scale features by the statistics of the epochs that are present."""

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Scale (n_epochs, n_features)."""
        return scaled(x, *moments(x, present[:, None], [0]))


class ScaleByTraining(Step):
    """Scale by the statistics of the training rows."""

    center: Tensor
    divisor: Tensor

    def __init__(self, scaling: Scaling, axes: tuple[int, ...], *, fill: bool) -> None:
        super().__init__()
        rounding = 10 * np.finfo(np.float64).eps * np.abs(scaling.center)
        divisor = np.where(scaling.scale <= rounding, 1.0, scaling.scale)
        for name, values in (("center", scaling.center), ("divisor", divisor)):
            values = np.expand_dims(values, axes).astype("float32")
            self.register_buffer(name, torch.from_numpy(values))
        self.fill = fill

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Scale signals, spectra or features."""
        x = (x - self.center) / self.divisor
        return filled(x) if self.fill else x


def filled(x: Tensor) -> Tensor:
    """Values with 0 in place of NaN."""
    return torch.where(x.isnan(), 0.0, x)


def convert(transformer: Any, name: str, facts: Facts) -> tuple[list[Step], Facts]:
    """Scale one modality."""
    n_axes = len(facts.shape)
    if transformer.per == "training":
        axes = {True: (1,), False: (0, 2) if n_axes > 1 else (0,)}[bool(facts.sfreq)]
        scaling = transformer._training_scaling()[name]
        return [ScaleByTraining(scaling, axes, fill=n_axes > 1)], facts
    if facts.sfreq is not None:
        robust = transformer._is_robust()
        return [ScaleSignal(facts.n_times, robust=robust)], facts
    return [ScaleSpectra() if n_axes > 1 else ScaleFeatures()], facts
