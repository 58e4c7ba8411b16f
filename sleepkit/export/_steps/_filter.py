"""Zero-phase filters of `BandpassFilter` in a graph."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from sleepkit._typing import FloatArray
from sleepkit.export._facts import Facts
from sleepkit.export._nights import first, mirrored_odd
from sleepkit.export._steps._step import Step
from sleepkit.signal import design_bandpass
from sleepkit.signal._design import effective_band

_COLUMNS: Final = 64  # new samples at once: a product of matrices, not of vectors


class Filter(Step):
    """Convolve with symmetric taps, as `sleepkit.signal.filter_signal`."""

    taps: Tensor

    def __init__(self, taps: FloatArray) -> None:
        super().__init__()
        self.register_buffer("taps", torch.from_numpy(taps.astype("float32")))

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Filter (n_channels, n_times)."""
        n_taps, n_times = len(self.taps), x.shape[1]
        # without its level, which would drown a signal 1,000 times smaller
        level = x.mean(1, keepdim=True)
        x = mirrored_odd(x - level, n_taps // 2)
        x = functional.pad(x, (0, _COLUMNS))  # so that the last block is whole
        blocks = functional.conv1d(x[:, None], self._kernel(), stride=_COLUMNS)
        filtered = first(blocks.transpose(1, 2).flatten(1), n_times)
        return filtered + level * self.taps.sum()

    def _kernel(self) -> Tensor:
        """Taps shifted by 0, 1, ... samples: (columns, 1, n_taps + columns - 1)."""
        n_taps = len(self.taps)
        width = n_taps + _COLUMNS - 1
        at = torch.arange(width) - torch.arange(_COLUMNS)[:, None]
        inside = (at >= 0) & (at < n_taps)
        taps = self.taps[at.clamp(0, n_taps - 1)]
        return torch.where(inside, taps, 0.0)[:, None]


def convert(transformer: Any, name: str, facts: Facts) -> tuple[list[Step], Facts]:
    """Filter one modality, if it has a band."""
    band = transformer._band(name)
    if band is None:
        return [], facts
    if facts.sfreq is None:
        msg = "its input is not continuous"
        raise NotImplementedError(msg)
    low, high = effective_band(facts.sfreq, *band, owner="BandpassFilter")
    order = transformer.fir_order
    return [Filter(design_bandpass(facts.sfreq, low, high, fir_order=order))], facts
