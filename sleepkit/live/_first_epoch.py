"""What is implausible in the first epoch of a modality of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sleepkit.io._units import describe_unlikely_scale
from sleepkit.recording import Signal

_MOST_DRIFT: Final = 0.01  # of the rate; clocks of devices differ by a tenth of it


def doubts_of(name: str, signal: Signal, counted_sfreq: float) -> Iterator[str]:
    """Yield a sentence if EEG is not in microvolts, or the rate not as declared."""
    declared = signal.sfreq or 0.0
    if abs(counted_sfreq - declared) > _MOST_DRIFT * declared:
        yield (
            f"By their times, the samples of {name!r} come at {counted_sfreq:.4g} Hz, "
            f"not {declared:g} Hz as in 'sfreq'."
        )
    if name == "eeg":
        for channel, values in zip(signal.ch_names, signal.data, strict=True):
            unlikely = describe_unlikely_scale(values)
            if unlikely is not None:
                yield (
                    f"Channel {channel!r} of {name!r} {unlikely} StreamingStager takes "
                    "microvolts."
                )
