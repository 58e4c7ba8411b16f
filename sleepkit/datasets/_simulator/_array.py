"""Signals of simulated nights, computed when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.datasets._simulator._brain import simulate_brain
from sleepkit.datasets._simulator._eyes import simulate_eyes
from sleepkit.datasets._simulator._heart import ECG_SFREQ, simulate_heart
from sleepkit.datasets._simulator._muscle import simulate_muscle
from sleepkit.datasets._simulator._night import (
    EPOCH_DURATION,
    SFREQ,
    Night,
    NightSeed,
    draw_night,
)
from sleepkit.datasets._simulator._sensor import Sensor


def _simulate_eeg(night: Night) -> FloatArray:
    """Add to the brain the little that reaches C4-M1 from the eyes."""
    return simulate_brain(night) + np.float32(0.05) * simulate_eyes(night)


def _simulate_eog(night: Night) -> FloatArray:
    """Add to the eyes the EEG that leaks into E1-M2."""
    leak = np.float32(night.traits.eeg_in_eog)
    return simulate_eyes(night) + leak * simulate_brain(night)


SENSORS = {
    "eeg": Sensor("C4-M1", SFREQ, white=0.5, hum=1, sweat=6, movement=25, fault=60),
    "eog": Sensor("E1-M2", SFREQ, white=0.7, hum=1.5, sweat=8, movement=35, fault=80),
    "emg": Sensor("Chin", SFREQ, white=0.3, hum=1, sweat=1, movement=15, fault=60),
    "ecg": Sensor("ECG", ECG_SFREQ, white=8, hum=15, sweat=30, movement=90, fault=300),
}
_SOURCES: dict[str, Callable[[Night], FloatArray]] = {
    "eeg": _simulate_eeg,
    "eog": _simulate_eog,
    "emg": simulate_muscle,
    "ecg": simulate_heart,
}


@dataclass(frozen=True)
class SimulatedArray:
    """One channel of a simulated night, shape (1, n_times): a recipe, not samples."""

    seed: NightSeed
    modality: str
    noise: float

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the array once computed."""
        seconds = self.seed.n_epochs * EPOCH_DURATION
        return 1, int(seconds * SENSORS[self.modality].sfreq)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Type of the array once computed."""
        return np.dtype(np.float32)

    @property
    def fingerprint(self) -> str:
        """The recipe, which determines every sample."""
        return repr(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Compute the samples in microvolts."""
        if copy is False:
            msg = (
                "A simulated signal is computed anew and cannot be had without a copy."
            )
            raise ValueError(msg)
        night = draw_night(self.seed)
        source = _SOURCES[self.modality](night)
        rng = night.rng(self.modality)
        signal = SENSORS[self.modality].record(source, night, self.noise, rng)
        return signal[np.newaxis].astype(dtype or np.float32, copy=False)
