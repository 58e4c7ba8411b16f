"""From whole nights to one array with a row an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._signal import Signal

if TYPE_CHECKING:
    from sleepkit.recording._epoch_array import EpochArray

_CHANNEL_AXIS = 1


class Block(NamedTuple):
    """Epochs of one modality, of shape (n, n_channels, ...), and their rate."""

    sfreq: float | None
    values: FloatArray

    def __str__(self) -> str:
        """Describe an epoch."""
        kind = "epoched" if self.sfreq is None else f"at {self.sfreq:g} Hz"
        return f"{self.values.shape[1:]} {kind}"

    def is_like(self, other: Block) -> bool:
        """Whether epochs of both may stand in one array."""
        same_shape = self.values.shape[1:] == other.values.shape[1:]
        return same_shape and self.sfreq == other.sfreq


def gather(X: EpochArray, names: Iterable[str]) -> dict[str, Block]:
    """Collect the epochs of some modalities, computing each night once.

    Missing and invalid epochs are NaN.
    """
    collected: dict[str, Block] = {}
    for recording, rows, epochs in X.by_recording():
        signals = recording.signals
        for name in names:
            if name not in signals:
                continue
            block = take_epochs(signals[name], epochs, recording.epoch_duration)
            if name not in collected:
                shape = (len(X), *block.values.shape[1:])
                collected[name] = Block(block.sfreq, np.full(shape, np.nan, np.float32))
            if not block.is_like(collected[name]):
                msg = (
                    f"The {name!r} epochs of recording {recording.id!r} are {block}, "
                    f"those before {collected[name]}; one array needs one rate (see "
                    "Resampler) and the same channels."
                )
                raise RecordingError(msg)
            collected[name].values[rows] = block.values
    return collected


def take_epochs(signal: Signal, epochs: IntArray, epoch_duration: float) -> Block:
    """Cut epochs out of a signal; NaN where invalid."""
    values = signal.data
    if signal.sfreq is None:
        taken = values[epochs]
    else:
        per_epoch = epoch_duration * signal.sfreq
        starts = np.round(epochs * per_epoch).astype(np.intp)
        # An odd rate can put the end of the last epoch one sample past the signal.
        samples = np.minimum(
            starts[:, None] + np.arange(round(per_epoch)), values.shape[1] - 1
        )
        taken = values[:, samples].swapaxes(0, 1)
    if signal.valid is not None:
        taken = np.array(taken)
        taken[~signal.valid[epochs]] = np.nan
    return Block(signal.sfreq, taken)


def join(blocks: Mapping[str, Block]) -> FloatArray:
    """Put modalities side by side: channels, or features where there are only these."""
    first, *others = blocks.values()
    rest = [(b.sfreq, b.values.ndim, b.values.shape[2:]) for b in others]
    if any(
        part != (first.sfreq, first.values.ndim, first.values.shape[2:])
        for part in rest
    ):
        told = ", ".join(f"{name} {block}" for name, block in blocks.items())
        msg = (
            f"One array needs epochs of one shape in every modality; these are {told}. "
            "Bring them to one rate with Resampler, or ask for one with X.epochs(name)."
        )
        raise RecordingError(msg)
    return np.concatenate([b.values for b in blocks.values()], axis=_CHANNEL_AXIS)
