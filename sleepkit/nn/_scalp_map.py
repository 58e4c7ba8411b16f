"""Maps of band powers on the scalp, from the electrodes of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_BANDS: Final = ((1, 3), (4, 7), (8, 13), (14, 30), (31, 50))  # hertz
_SIDE: Final = 16  # pixels
_GRID: Final = (
    ("", "Fp1", "Fpz", "Fp2", ""),
    ("F7", "F3", "Fz", "F4", "F8"),
    ("T3", "C3", "Cz", "C4", "T4"),
    ("T5", "P3", "Pz", "P4", "T6"),
    ("", "O1", "Oz", "O2", ""),
)
_NEWER: Final = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
_CELLS: Final = list(product(range(len(_GRID)), repeat=2))
PLACES: Final = {_GRID[row][column]: (row, column) for row, column in _CELLS}


class ScalpMap(nn.Module):
    """Band powers of an epoch as a map of 16 x 16 pixels for each band.

    In each band the powers are standardised across electrodes. A cell of the grid of
    5 x 5 places without an electrode takes the mean of the nearest ones, and between
    cells is linear.
    """

    weights: Tensor

    def __init__(self, electrodes: Sequence[str], n_times: int, sfreq: float) -> None:
        super().__init__()
        # by numpy: a model file builds the net without values first
        freqs = np.fft.rfftfreq(n_times, 1 / sfreq)
        self.bands = [
            slice(*np.searchsorted(freqs, [low - 1e-6, high + 1e-6]).tolist())
            for low, high in _BANDS
        ]
        self.n_times = n_times
        self.register_buffer("weights", _pixel_weights(electrodes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_electrodes, n_times) to (batch, 5, 16, 16)."""
        x = x.float()  # powers span too many decades for half precision
        window = torch.hann_window(self.n_times, device=x.device)
        power = torch.fft.rfft(x * window).abs().square()
        means = [power[..., band].mean(-1) for band in self.bands]
        powers = torch.stack(means, dim=1).nan_to_num()  # a band without any bin
        centred = powers - powers.mean(-1, keepdim=True)
        scale = centred.square().mean(-1, keepdim=True).sqrt()
        normal = torch.where(scale > 0, centred / scale, 0)
        return (normal @ self.weights).reshape(*normal.shape[:2], _SIDE, _SIDE)


def known_electrode(name: str) -> str | None:
    """Name of an electrode in the grid; None where it has no place there."""
    by_lower = {place.lower(): place for place in PLACES if place}
    newer = {new.lower(): old for new, old in _NEWER.items()}
    return (by_lower | newer).get(name.lower())


def _pixel_weights(electrodes: Sequence[str]) -> Tensor:
    """Part of each electrode in each pixel, (n_electrodes, 256)."""
    names = [known_electrode(name) or "" for name in electrodes]
    places = torch.tensor([PLACES[name] for name in names]).float()
    distance = torch.cdist(torch.tensor(_CELLS).float(), places)
    nearest = torch.isclose(distance, distance.min(1, keepdim=True).values).float()
    share = nearest / nearest.sum(1, keepdim=True)
    cells = share.T.reshape(len(names), len(_GRID), -1)
    pixels = functional.interpolate(
        cells[None], size=(_SIDE, _SIDE), mode="bilinear", align_corners=True
    )
    return pixels[0].flatten(1)
