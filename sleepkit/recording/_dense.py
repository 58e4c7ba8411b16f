"""Dense arrays, one row an epoch, out of whole nights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._recording import Recording
from sleepkit.recording._signal import Signal

_CHANNEL_AXIS = 1


class Block(NamedTuple):
    """Epochs of one modality, of shape (n, n_channels, ...), and their grid."""

    values: FloatArray
    sfreq: float | None
    freqs: FloatArray | None

    def __str__(self) -> str:
        """Describe the shape of an epoch."""
        shape = self.values.shape[1:]
        if self.sfreq is not None:
            return f"{shape} at {self.sfreq:g} Hz"
        if self.freqs is not None:
            return f"{shape} with bins up to {self.freqs[-1]:g} Hz"
        return f"{shape} epoched"

    def has_grid_of(self, other: Block) -> bool:
        """Whether both have the same epoch shape (apart from channels) and grid."""
        return (
            self.sfreq == other.sfreq
            and self.values.ndim == other.values.ndim
            and self.values.shape[2:] == other.values.shape[2:]
            and np.array_equal(_or_empty(self.freqs), _or_empty(other.freqs))
        )


def _or_empty(freqs: FloatArray | None) -> FloatArray:
    """Replace None by an empty array."""
    return np.empty(0) if freqs is None else freqs


def gather(
    by_recording: Iterable[tuple[Recording, IntArray, IntArray]],
    n_rows: int,
    names: Iterable[str],
) -> dict[str, Block]:
    """Collect the epochs of some modalities, computing each night once.

    ``by_recording`` yields recordings, their rows and their epochs, as
    `EpochArray.by_recording` does. Missing and invalid epochs are NaN.
    """
    collected: dict[str, Block] = {}
    for recording, rows, epochs in by_recording:
        signals = recording.signals
        for name in names:
            if name not in signals:
                continue
            block = take_epochs(signals[name], epochs, recording.epoch_duration)
            if len(rows) == n_rows:  # all are of this recording
                collected[name] = block
                continue
            if name not in collected:
                shape = (n_rows, *block.values.shape[1:])
                empty = np.full(shape, np.nan, np.float32)
                collected[name] = block._replace(values=empty)
            whole = collected[name]
            same_shape = whole.values.shape[1:] == block.values.shape[1:]
            if not (same_shape and whole.has_grid_of(block)):
                msg = (
                    f"The {name!r} epochs of recording {recording.id!r} are {block}, "
                    f"those before {whole}; one array needs one rate (see Resampler) "
                    "and the same channels."
                )
                raise RecordingError(msg)
            whole.values[rows] = block.values
    return collected


def take_epochs(signal: Signal, epochs: IntArray, epoch_duration: float) -> Block:
    """Cut epochs out of a signal; invalid ones are NaN."""
    if signal.sfreq is None:
        taken = signal.take(epochs, axis=0)
    else:
        per_epoch = epoch_duration * signal.sfreq
        starts = np.round(epochs * per_epoch).astype(np.intp)
        samples = starts[:, None] + np.arange(round(per_epoch))
        # An odd rate can put the end of the last epoch one sample past the signal.
        taken = signal.take(samples, axis=1).swapaxes(0, 1)
    if signal.valid is not None:
        taken[~signal.valid[epochs]] = np.nan
    return Block(taken, signal.sfreq, signal.freqs)


def join(blocks: Mapping[str, Block]) -> FloatArray:
    """Concatenate modalities along the channel (or feature) axis."""
    first, *others = blocks.values()
    if not others:
        return first.values
    if not all(block.has_grid_of(first) for block in others):
        shapes = ", ".join(f"{name} {block}" for name, block in blocks.items())
        msg = (
            f"One array needs epochs of one shape in every modality; got {shapes}. "
            "Bring them to one rate with Resampler, or take one with X.epochs(name)."
        )
        raise RecordingError(msg)
    return np.concatenate([b.values for b in blocks.values()], axis=_CHANNEL_AXIS)
