"""Windows of successive epochs, to stage one of each."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.training._epoch_source import Batch, EpochSource
from sleepkit.training._samplers import find_runs


class WindowSource(EpochSource):
    """The epochs of a source, each with those before it, and perhaps after it.

    An epoch that is read alone comes as a window of shape ``(length, ...)``, `after` of
    which follow it; sequences are read as they are. A window stays in one stretch of a
    recording without a gap: outside, the first or last epoch of that is repeated.
    Windows are cut batch by batch.
    """

    def __init__(self, source: EpochSource, length: int, after: int = 0) -> None:
        self.layout = source.layout
        self.present = source.present
        self.night = source.night
        self.row_to_epoch = source.row_to_epoch
        self.epoch_duration = source.epoch_duration
        self.needs_all = source.needs_all
        self._source = source
        self._length = length
        self._after = after
        self._first = np.arange(len(self.night), dtype=np.int32)
        self._last = self._first.copy()
        for start, stop in find_runs(source.night, source.has_signal):
            self._first[start:stop] = start
            self._last[start:stop] = stop - 1

    @property
    def fingerprint(self) -> str:
        """Text that changes with any value."""
        return f"{self._source.fingerprint}/{self._length}/{self._after}"

    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Return the values of some epochs, each by itself."""
        return self._source.values(numbers)

    def batch(self, index: IntArray) -> Batch:
        """Make the input of a net: windows of epochs alone, or sequences."""
        if index.ndim > 1:
            return super().batch(index)
        offsets = np.arange(self._length) + self._after + 1 - self._length
        first, last = self._first[index], self._last[index]
        window = np.add.outer(index, offsets)
        window = window.clip(first[:, np.newaxis], last[:, np.newaxis])
        window[index < 0] = -1  # padding
        return super().batch(window)
