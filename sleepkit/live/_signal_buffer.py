"""The last samples of a modality of a stream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.live._stream_report import StreamReport
from sleepkit.recording import Signal
from sleepkit.utils import marked_runs

_JITTER: Final = 0.1  # seconds by which the time of a chunk may be off
_BRIDGED: Final = 0.2  # seconds: lost packets, and what a drifting clock leaves out


class SignalBuffer:
    """Samples of the last epochs of a modality; NaN where none has arrived.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    ch_names : tuple of str
        Names of the channels.
    epoch_duration : float
        Length of an epoch in seconds.
    n_epochs : int
        Number of epochs that are held.

    Attributes
    ----------
    end : int
        Number of the sample after the newest.
    """

    def __init__(
        self,
        sfreq: float,
        ch_names: tuple[str, ...],
        epoch_duration: float,
        n_epochs: int,
    ) -> None:
        self.sfreq = sfreq
        self.ch_names = ch_names
        self.end = 0
        self._per_epoch = sfreq * epoch_duration
        n_times = math.ceil(n_epochs * self._per_epoch) + 2
        self._values = np.full((len(ch_names), n_times), np.nan, np.float32)
        self._arrived = np.zeros(n_times, np.bool_)
        self._origin = self._closed = 0  # numbers of samples
        self._received = self._repeated = self._late = self._lost = 0
        self._clock = _Clock()

    def bound(self, epoch: int) -> int:
        """Return the number of the first sample of an epoch."""
        return round(epoch * self._per_epoch)

    def locate(self, at: int | None, time: float | None) -> int:
        """Find the number of the first sample of a chunk; by default the next one."""
        if at is not None:
            return at
        if time is None or abs(time - self.end / self.sfreq) < _JITTER:
            return self.end
        return round(time * self.sfreq)

    def count(self, start: int, n_times: int, time: float) -> None:
        """Compare the samples with the time of their chunk."""
        self._clock.tick(start, n_times, time)

    def pieces(
        self, start: int, values: FloatArray
    ) -> Iterator[tuple[float, int, FloatArray]]:
        """Cut a chunk at the bounds of epochs: time, first sample and samples."""
        epoch = int((start + 0.5) / self._per_epoch)
        while values.shape[1]:
            epoch += 1
            n_times = max(self.bound(epoch) - start, 0)
            if n_times:
                yield start / self.sfreq, start, values[:, :n_times]
            start, values = start + n_times, values[:, n_times:]

    def place(self, start: int, values: FloatArray) -> None:
        """Place samples that have not arrived yet, and whose epoch is open."""
        numbers = np.arange(start, start + values.shape[1])
        held = numbers >= self._origin
        columns = numbers - self._origin
        again = np.zeros_like(held)
        again[held] = self._arrived[columns[held]]
        late = (numbers < self._closed) & ~again
        new = ~again & ~late
        self._values[:, columns[new]] = values[:, new]
        self._arrived[columns[new]] = True
        self._received += int(new.sum())
        self._repeated += int(again.sum())
        self._late += int(late.sum())
        self.end = max(self.end, start + values.shape[1])

    def is_complete(self, epoch: int) -> bool:
        """Whether all samples of an epoch have arrived."""
        return bool(self._arrived[self._columns(epoch, epoch + 1)].all())

    def close(self, epoch: int) -> None:
        """Take no further samples of an epoch and those before; bridge short holes."""
        columns = self._columns(epoch, epoch + 1)
        self._bridge(columns)
        self._lost += int((~self._arrived[columns]).sum())
        self._closed = self.bound(epoch + 1)
        self.end = max(self.end, self._closed)

    def has_samples(self, first: int, end: int) -> bool:
        """Whether any sample of some epochs has arrived."""
        return bool(self._arrived[self._columns(first, end)].any())

    def signal(self, first: int, end: int) -> Signal:
        """Make a signal of some epochs."""
        columns = self._columns(first, end)
        n_times = round((end - first) * self._per_epoch)
        # At an odd rate the bounds, rounded, may have a sample less between them.
        missing = max(n_times - (columns.stop - columns.start), 0)
        start = max(columns.start - missing, 0)
        values = self._values[:, start : columns.stop].copy()
        return Signal(values, self.sfreq, self.ch_names)

    def forget(self, epoch: int) -> None:
        """Give up the samples of the epochs before one."""
        shift = max(self.bound(epoch) - 1, 0) - self._origin
        if shift > 0:
            for held, empty in ((self._values, np.nan), (self._arrived, False)):
                held[..., :-shift] = held[..., shift:]
                held[..., -shift:] = empty
            self._origin += shift

    def report(self) -> StreamReport:
        """Return the counts of the samples so far."""
        return StreamReport(
            self._received,
            self._repeated,
            self._late,
            self._lost,
            self.sfreq,
            self._clock.rate(),
        )

    def _bridge(self, columns: slice) -> None:
        """Draw a line across short holes, from the other samples of the epoch alone."""
        arrived, values = self._arrived[columns], self._values[:, columns]
        known = np.flatnonzero(arrived)
        for first, end in marked_runs(~arrived):
            if known.size and end - first <= _BRIDGED * self.sfreq:
                for row in values:
                    row[first:end] = np.interp(range(first, end), known, row[known])

    def _columns(self, first: int, end: int) -> slice:
        """Columns of some epochs."""
        return slice(self.bound(first) - self._origin, self.bound(end) - self._origin)


class _Clock:
    """Samples and seconds between chunks that follow each other without a gap."""

    def __init__(self) -> None:
        self._samples, self._seconds = 0, 0.0
        self._last: tuple[int, int, float] | None = None

    def tick(self, start: int, n_times: int, time: float) -> None:
        """Note a chunk and its time."""
        if self._last is not None:
            begun, end, earlier = self._last
            if start == end:
                self._samples += end - begun
                self._seconds += time - earlier
        self._last = start, start + n_times, time

    def rate(self) -> float:
        """Compute samples a second; NaN where no time has passed."""
        return self._samples / self._seconds if self._seconds > 0 else math.nan
