"""Chin muscles: a tone that falls from wakefulness to REM sleep, and bursts."""

from __future__ import annotations

import numpy as np

from sleepkit._stages import N2
from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._events import (
    add_waves,
    bump,
    clumped,
    draw_onsets,
    draw_sizes,
    wave_times,
)
from sleepkit.datasets._simulator._night import Night
from sleepkit.datasets._simulator._noise import (
    HOP,
    coloured_noise,
    fluctuation,
    frame_frequencies,
)

# Tone of the average subject by stage, in microvolts (root mean square).
_TONE = np.array([9.0, 5.5, 4.2, 3.8, 2.4])
_FLOOR = 0.8
_BAND = 46.0  # in hertz; tone is measured up to there


def simulate_muscle(night: Night) -> FloatArray:
    """Simulate the chin EMG in microvolts."""
    rng = night.rng("muscle")
    sfreq = float(night.seed.site.sfreq)
    freqs = frame_frequencies(sfreq)
    # Above the band, power falls as that of surface EMG does.
    spectrum = freqs**4 / (freqs**4 + 12.0**4) / (1 + (freqs / 90) ** 4)
    spectrum /= 1 + (freqs / (0.46 * sfreq)) ** 20
    spectrum /= _BAND - 12
    tone = _tone(night, rng)
    frames = np.append(tone[::HOP], tone[-1])
    power = (frames**2 + _FLOOR**2)[:, np.newaxis] * spectrum.astype(np.float32)
    signal = coloured_noise(power, sfreq, rng)
    _add_bursts(signal, night, sfreq, rng)
    return signal * np.float32(night.seed.site.gain)


def _tone(night: Night, rng: np.random.Generator) -> FloatArray:
    """Tone of each second; each movement changes posture, and so the tone."""
    traits = night.traits
    by_stage = (_TONE / _TONE[N2]) ** traits.emg_contrast * np.exp(traits.emg_levels)
    postures = 0.3 * rng.standard_normal(len(night.movements) + 1)
    seconds = np.arange(len(night.stages))
    posture = postures[np.searchsorted(night.movements, seconds)]
    stray = 0.25 * fluctuation(len(seconds), 1, 60.0, rng)[:, 0]
    average = _TONE[N2] * traits.emg_gain
    tone: FloatArray = average * night.level(by_stage) * np.exp(posture + stray)
    return tone


def _add_bursts(
    signal: FloatArray, night: Night, sfreq: float, rng: np.random.Generator
) -> None:
    """Add twitches, frequent in REM sleep, and the longer bursts of movements."""
    rate = night.rate([2.5, 0.8, 0.3, 0.1, 3.0])
    twitches = draw_onsets(clumped(rate, 1.3, 15.0, rng), rng)
    for onsets, size, width in ((twitches, 9, 0.12), (night.movements, 20, 1.0)):
        times = wave_times(6 * width, sfreq)
        widths = draw_sizes(len(onsets), width, 0.3, rng)
        waves = rng.standard_normal((len(onsets), times.size), dtype=np.float32)
        waves *= bump(times, 3 * width, widths)
        sizes = draw_sizes(len(onsets), size * night.traits.emg_gain, 0.5, rng)
        add_waves(signal, onsets, sizes * waves, sfreq)
