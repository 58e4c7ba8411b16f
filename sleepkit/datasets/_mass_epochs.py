"""Epochs of 20 s, extended by 5 s of signal before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sleepkit._typing import Array, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording import Recording, Signal

SCORED: Final = 20.0  # seconds of the epochs that are extended
MARGIN: Final = 5.0  # seconds on either side
_EXTENDED: Final = SCORED + 2 * MARGIN
_ROUNDING: Final = 1e-6  # of an epoch


@dataclass(frozen=True)
class ExtendedArray:
    """Lazy array of epochs of 30 s, one every 20 s, which share 10 s with the next."""

    source: Signal
    sfreq: float
    n_epochs: int

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of channels and of samples, shared ones counted twice."""
        return self.source.shape[0], int(self._begins(_EXTENDED)[-1])

    @property
    def fingerprint(self) -> str:
        """Signal that is read, and how it is cut."""
        return repr(("extended", self.source.fingerprint, self.n_epochs))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the signal, and cut it."""
        samples = self.source.data
        data = np.empty(self.shape, np.float32)
        begins = self._begins(SCORED)
        edges = self._begins(_EXTENDED)
        for begin, start, stop in zip(begins, edges, edges[1:], strict=False):
            data[:, start:stop] = samples[:, begin : begin + stop - start]
        return data if dtype is None else data.astype(dtype, copy=False)

    def _begins(self, seconds: float) -> IntArray:
        """First sample of each epoch, and that after the last one."""
        begins: IntArray = np.rint(
            np.arange(self.n_epochs + 1) * seconds * self.sfreq
        ).astype(int)
        return begins


def extend_epochs(night: Recording) -> Recording:
    """Extend the epochs of a recording that starts 5 s before the first one.

    An epoch whose signal ends before its own last 5 s is left out.
    """
    rates = {name: s.sfreq for name, s in night.sources.items() if s.sfreq}
    shortest = min(night.sources[name].shape[1] / rate for name, rate in rates.items())
    n_whole = int((shortest - 2 * MARGIN) / SCORED + _ROUNDING)
    n_epochs = min(night.n_epochs, n_whole)
    if n_epochs < 1 or night.hypnogram is None:
        msg = f"{night.id} has no epoch with {MARGIN:g} s of signal before and after."
        raise RecordingError(msg)
    return Recording(
        id=night.id,
        subject=night.subject,
        signals={
            name: _extend(night.sources[name], rate, n_epochs)
            for name, rate in rates.items()
        },
        hypnogram=night.hypnogram[:n_epochs],
        info=night.info,
    )


def _extend(signal: Signal, sfreq: float, n_epochs: int) -> Signal:
    """Extend the epochs of a signal; one is valid if both that it touches are."""
    valid = signal.valid
    if valid is not None:
        valid = (valid & np.append(valid[1:], True))[:n_epochs]
    note = f"epochs of {SCORED:g} s extended by {MARGIN:g} s before and after"
    return signal.replace(
        data=ExtendedArray(signal, sfreq, n_epochs),
        valid=valid,
        provenance=(*signal.provenance, note),
    )
