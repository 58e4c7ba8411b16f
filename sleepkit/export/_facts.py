"""What is known of the values of a modality on their way through the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TINY: Final = 1e-6  # samples


@dataclass(frozen=True)
class Facts:
    """Values of one modality between two steps.

    `shape` is that of one epoch, (n_channels, n_frames, n_bins) or (n_features,); of
    continuous signals it is (n_channels,), and `sfreq` is their rate. Nothing is above
    `bandwidth`, in hertz.
    """

    shape: tuple[int, ...]
    epoch_duration: float = 30.0
    sfreq: float | None = None
    bandwidth: float | None = None

    @property
    def n_times(self) -> int:
        """Samples of an epoch."""
        exact = (self.sfreq or 0.0) * self.epoch_duration
        if not self.sfreq or abs(exact - round(exact)) > _TINY:
            msg = (
                "A graph needs continuous signals with a whole number of samples an "
                f"epoch; got {self.epoch_duration:g} s at {self.sfreq} Hz."
            )
            raise ValueError(msg)
        return round(exact)


Layout = Mapping[str, Facts]
