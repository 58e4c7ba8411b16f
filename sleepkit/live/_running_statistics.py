"""Statistics of a night so far, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.preprocessing import Scaling
from sleepkit.preprocessing._night_statistics import NightStatistics
from sleepkit.preprocessing._scaling import measure, pool, stack

_MOST_ROWS: Final = 1000  # epochs that medians are taken of
_MOST_SAMPLES: Final = 100  # of an epoch, for the medians of signals


@dataclass
class Window:
    """The epochs that are staged now, of which some leave before the next time.

    Attributes
    ----------
    first : int
        Number in the night of the first epoch in the window.
    kept : int
        Number of the first epoch that will be in the next window as well.
    remembers : bool
        Whether the epochs that leave are remembered.
    """

    first: int = 0
    kept: int = 0
    remembers: bool = True


class RunningStatistics(NightStatistics):
    """Centre and scale of values over all epochs of the night so far.

    They are those of the epochs in the window and of what is remembered of earlier
    ones: mean and SD exactly, median and interquartile range of every ``stride``-th
    epoch, with a stride that doubles whenever there are too many. As long as no epoch
    has left the window, they are exactly those of a recording of these epochs.

    Parameters
    ----------
    window : Window
        Where the values stand in the night.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self._memories: dict[str, _Moments | _Rows] = {}

    def measure(
        self,
        name: str,
        values: FloatArray,
        epochs: IntArray,
        axes: tuple[int, ...],
        *,
        robust: bool,
    ) -> Scaling:
        """Measure the epochs of the window and those remembered.

        Parameters
        ----------
        name : str
            The modality.
        values : ndarray of float, shape (n_epochs, ...)
            The epochs of the window.
        epochs : ndarray of int
            The epochs that count.
        axes : tuple of int
            Axes that are measured along, the first among them.
        robust : bool
            Whether the result is median and interquartile range, or mean and SD.

        Returns
        -------
        Scaling
            Centre and scale.
        """
        memory = self._memories.setdefault(name, _Rows() if robust else _Moments())
        numbers = self.window.first + epochs
        leaving = numbers < self.window.kept
        new = leaving & (numbers >= memory.end)
        if self.window.remembers and new.any():
            memory.add(values[epochs[new]], numbers[new], axes)
        # Where one window is measured twice, the epoch that leaves is counted once.
        memory.end = max(memory.end, self.window.kept)
        rest = epochs[~leaving]
        staying = values if len(rest) == len(values) else values[rest]
        return memory.measure(staying, numbers[~leaving], axes)


class _Moments:
    """Mean and SD of all values so far."""

    def __init__(self) -> None:
        self.end = -np.inf
        self._scaling: Scaling | None = None

    def add(self, values: FloatArray, numbers: IntArray, axes: tuple[int, ...]) -> None:
        """Remember epochs."""
        self._scaling = self.measure(values, numbers, axes)

    def measure(
        self, values: FloatArray, numbers: IntArray, axes: tuple[int, ...]
    ) -> Scaling:
        """Mean and SD of what is remembered and of further epochs."""
        measured = measure(values, axes, robust=False)
        if self._scaling is None:
            return measured
        return pool(stack([self._scaling, measured]), robust=False)


class _Rows:
    """Median and interquartile range of every stride-th epoch so far."""

    def __init__(self) -> None:
        self.end = -np.inf
        self._stride = 1
        self._rows: list[FloatArray] = []
        self._numbers: list[int] = []

    def add(self, values: FloatArray, numbers: IntArray, axes: tuple[int, ...]) -> None:
        """Remember every stride-th epoch, and of these a part of the samples."""
        chosen = numbers % self._stride == 0
        self._rows += list(np.array(_thin(values[chosen], axes)))
        self._numbers += numbers[chosen].tolist()
        while len(self._rows) > _MOST_ROWS:
            self._stride *= 2
            kept = [i for i, n in enumerate(self._numbers) if n % self._stride == 0]
            self._rows = [self._rows[i] for i in kept]
            self._numbers = [self._numbers[i] for i in kept]

    def measure(
        self, values: FloatArray, numbers: IntArray, axes: tuple[int, ...]
    ) -> Scaling:
        """Median and range of what is remembered and of further epochs."""
        if not self._rows:
            return measure(values, axes, robust=True)
        chosen = numbers % self._stride == 0
        further = _thin(values[chosen], axes)
        return measure(np.concatenate([self._rows, further]), axes, robust=True)


def _thin(values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """Values at regular times of an epoch, as many as a median needs."""
    if len(axes) == 1:
        return values
    step = max(1, values.shape[axes[1]] // _MOST_SAMPLES)
    thinned: FloatArray = values[:, :, ::step]
    return thinned
