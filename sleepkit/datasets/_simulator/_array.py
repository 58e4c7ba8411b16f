"""Signals of simulated nights, computed when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.datasets._simulator._brain import simulate_brain
from sleepkit.datasets._simulator._derivations import EEG, EOG
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
from sleepkit.signal import resample


def _simulate_eeg(night: Night) -> FloatArray:
    """Add to the brain what reaches the derivation from the eyes."""
    site = night.seed.site
    derivation = EEG[site.eeg]
    signal = simulate_brain(night, derivation)
    signal += np.float32(derivation.eyes) * simulate_eyes(night, EOG["E1-M2"])
    return resample(signal, SFREQ, site.sfreq)


def _simulate_eog(night: Night) -> FloatArray:
    """Add to the eyes the EEG that leaks into the derivation."""
    site = night.seed.site
    derivation = EOG[site.eog]
    leak = np.float32(derivation.leak * night.traits.eeg_in_eog)
    signal = simulate_eyes(night, derivation)
    signal += leak * simulate_brain(night, EEG["C4-M1"])
    return resample(signal, SFREQ, site.sfreq)


SENSORS = {
    "eeg": Sensor(True, white=1, hum=1, sweat=6, movement=25, fault=60),
    "eog": Sensor(True, white=1.4, hum=1.5, sweat=8, movement=35, fault=80),
    "emg": Sensor(False, white=0.6, hum=1, sweat=1, movement=15, fault=60),
    "ecg": Sensor(False, white=11, hum=15, sweat=30, movement=90, fault=300),
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
    def sfreq(self) -> float:
        """Sampling rate in hertz."""
        return ECG_SFREQ if self.modality == "ecg" else float(self.seed.site.sfreq)

    @property
    def ch_name(self) -> str:
        """Name of the channel."""
        site = self.seed.site
        names = {"eeg": site.eeg, "eog": site.eog, "emg": "Chin", "ecg": "ECG"}
        return names[self.modality]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the array once computed."""
        return 1, int(self.seed.n_epochs * EPOCH_DURATION * self.sfreq)

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
        sensor = SENSORS[self.modality]
        signal = sensor.record(source, self.sfreq, night, self.noise, rng)
        return signal[np.newaxis].astype(dtype or np.float32, copy=False)
