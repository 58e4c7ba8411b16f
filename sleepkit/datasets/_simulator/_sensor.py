"""A pair of electrodes, and what goes wrong between the body and the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._events import add_waves, draw_sizes, wave_times
from sleepkit.datasets._simulator._night import Night
from sleepkit.datasets._simulator._noise import fluctuation, to_samples
from sleepkit.datasets._simulator._site import Site

# Electrodes that fall off: how often, and for how many seconds (median).
_FAULTS_PER_HOUR, _FAULT_DURATION = 0.02, 15 * 60


@dataclass(frozen=True)
class Sensor:
    """How a channel suffers, in microvolts; white noise is a factor of the site's."""

    band_limited: bool  # by the pass-band of the site's amplifier
    white: float
    hum: float
    sweat: float
    movement: float
    fault: float

    def record(
        self,
        source: FloatArray,
        sfreq: float,
        night: Night,
        noise: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Record a source: ``noise`` scales the artefacts' size and number."""
        site = night.seed.site
        hum = _hum(len(source), sfreq, site.mains, rng)
        white = np.float32(self.white * site.noise_floor * np.sqrt(sfreq / 100))
        signal = white * rng.standard_normal(len(source), dtype=np.float32)
        signal += np.float32(self.hum) * hum
        signal += to_samples(self.sweat * _sweat(len(night.stages), rng), sfreq)
        self._add_movements(signal, sfreq, night.movements, rng)
        signal *= np.float32(noise * night.traits.sensor_noise)
        signal += source
        if self.band_limited:
            signal = _amplify(signal, sfreq, site)
        self._add_faults(signal, sfreq, hum, noise, rng)
        return signal

    def _add_movements(
        self,
        signal: FloatArray,
        sfreq: float,
        onsets: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        """Add a few seconds of wild signal where the body moves."""
        times = wave_times(6.0, sfreq)
        steps = rng.standard_normal((len(onsets), times.size), dtype=np.float32)
        waves = np.cumsum(steps, axis=1) / np.sqrt(sfreq) + 0.3 * steps
        waves *= np.sin(np.pi * times / times[0, -1]) ** 2
        sizes = draw_sizes(len(onsets), self.movement, 0.6, rng)
        add_waves(signal, onsets, sizes * waves, sfreq)

    def _add_faults(
        self,
        signal: FloatArray,
        sfreq: float,
        hum: FloatArray,
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        """Let the electrode fall off now and then, for minutes to hours."""
        hours = len(signal) / sfreq / 3600
        for _ in range(rng.poisson(noise * _FAULTS_PER_HOUR * hours)):
            begin = int(rng.uniform(0, len(signal)))
            duration = _FAULT_DURATION * np.exp(1.1 * rng.standard_normal())
            fault = slice(begin, begin + int(duration * sfreq))
            lost = signal[fault]
            white = rng.standard_normal(len(lost), dtype=np.float32)
            kinds = [
                np.zeros_like(lost),
                self.fault * white,
                3 * self.fault * hum[fault],
            ]
            lost[:] = kinds[rng.integers(len(kinds))]


def _hum(
    n_times: int, sfreq: float, mains: float, rng: np.random.Generator
) -> FloatArray:
    """Draw mains hum of amplitude one, never quite at its nominal frequency."""
    frequency = mains - abs(rng.normal(0, 0.05))
    if mains > sfreq / 2:  # the converter's own low-pass leaves nothing of it
        return np.zeros(n_times, np.float32)
    cycles = np.arange(n_times) * (frequency / sfreq) % 1
    hum: FloatArray = np.sin(2 * np.pi * cycles.astype(np.float32))
    return hum


def _sweat(n_seconds: int, rng: np.random.Generator) -> FloatArray:
    """Draw a slow drift that swells for spells of the night."""
    spell = fluctuation(n_seconds, 1, 1200.0, rng)[:, 0]
    drift: FloatArray = np.exp(spell - 1) * fluctuation(n_seconds, 1, 3.0, rng)[:, 0]
    return drift


def _amplify(signal: FloatArray, sfreq: float, site: Site) -> FloatArray:
    """Limit a signal to the pass-band of the amplifier."""
    sections = []
    if site.highpass > 0:
        sections.append(butter(2, site.highpass, "highpass", fs=sfreq, output="sos"))
    if site.lowpass < sfreq / 2:
        sections.append(butter(4, site.lowpass, fs=sfreq, output="sos"))
    if not sections:
        return signal
    amplified: FloatArray = sosfilt(np.vstack(sections), signal).astype(np.float32)
    return amplified
