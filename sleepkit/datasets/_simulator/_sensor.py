"""A pair of electrodes, and what goes wrong between the body and the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._events import add_waves, draw_sizes, wave_times
from sleepkit.datasets._simulator._night import Night
from sleepkit.datasets._simulator._noise import fluctuation, to_samples

_MAINS = 50.0
# Electrodes that fall off: how often, and for how many seconds (median).
_FAULTS_PER_HOUR, _FAULT_DURATION = 0.02, 15 * 60


@dataclass(frozen=True)
class Sensor:
    """A channel and how it suffers: name, rate in hertz, amplitudes in microvolts."""

    name: str
    sfreq: float
    white: float
    hum: float
    sweat: float
    movement: float
    fault: float

    def record(
        self, source: FloatArray, night: Night, noise: float, rng: np.random.Generator
    ) -> FloatArray:
        """Record a source: ``noise`` scales the artefacts' size and number."""
        hum = self._hum(len(source), rng)
        signal = self.white * rng.standard_normal(len(source), dtype=np.float32)
        signal += self.hum * hum + self._sweat(len(night.stages), rng)
        self._add_movements(signal, night.movements, rng)
        signal *= np.float32(noise * night.traits.sensor_noise)
        signal += source
        self._add_faults(signal, hum, noise, rng)
        return signal

    def _hum(self, n_times: int, rng: np.random.Generator) -> FloatArray:
        """Draw mains hum of amplitude one, never quite at its nominal frequency."""
        frequency = _MAINS - abs(rng.normal(0, 0.05))
        cycles = np.arange(n_times) * (frequency / self.sfreq) % 1
        hum: FloatArray = np.sin(2 * np.pi * cycles.astype(np.float32))
        return hum

    def _sweat(self, n_seconds: int, rng: np.random.Generator) -> FloatArray:
        """Draw a slow drift that swells for spells of the night."""
        spell = fluctuation(n_seconds, 1, 1200.0, rng)[:, 0]
        drift = np.exp(spell - 1) * fluctuation(n_seconds, 1, 3.0, rng)[:, 0]
        return to_samples(self.sweat * drift, self.sfreq)

    def _add_movements(
        self, signal: FloatArray, onsets: FloatArray, rng: np.random.Generator
    ) -> None:
        """Add a few seconds of wild signal where the body moves."""
        times = wave_times(6.0, self.sfreq)
        steps = rng.standard_normal((len(onsets), times.size), dtype=np.float32)
        waves = np.cumsum(steps, axis=1) / np.sqrt(self.sfreq) + 0.3 * steps
        waves *= np.sin(np.pi * times / times[0, -1]) ** 2
        sizes = draw_sizes(len(onsets), self.movement, 0.6, rng)
        add_waves(signal, onsets, sizes * waves, self.sfreq)

    def _add_faults(
        self,
        signal: FloatArray,
        hum: FloatArray,
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        """Let the electrode fall off now and then, for minutes to hours."""
        hours = len(signal) / self.sfreq / 3600
        for _ in range(rng.poisson(noise * _FAULTS_PER_HOUR * hours)):
            begin = int(rng.uniform(0, len(signal)))
            duration = _FAULT_DURATION * np.exp(1.1 * rng.standard_normal())
            fault = slice(begin, begin + int(duration * self.sfreq))
            lost = signal[fault]
            white = rng.standard_normal(len(lost), dtype=np.float32)
            kinds = [
                np.zeros_like(lost),
                self.fault * white,
                3 * self.fault * hum[fault],
            ]
            lost[:] = kinds[rng.integers(len(kinds))]
