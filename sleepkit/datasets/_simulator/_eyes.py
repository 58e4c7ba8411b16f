"""The eyes as a derivation sees them: blinks, slow rolling and rapid movements."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._derivations import EOGDerivation
from sleepkit.datasets._simulator._events import (
    add_waves,
    bump,
    clumped,
    draw_onsets,
    draw_sizes,
    wave_times,
)
from sleepkit.datasets._simulator._night import SFREQ, Night


def simulate_eyes(night: Night, derivation: EOGDerivation) -> FloatArray:
    """Simulate the potential of the moving eyes in microvolts."""
    rng = night.rng("eyes")
    signal = np.zeros(int(len(night.stages) * SFREQ), np.float32)
    _add_rolling(signal, night, rng)
    _add_saccades(signal, night, rng)
    signal *= np.float32(derivation.rotations)
    _add_blinks(signal, night, derivation.blinks, rng)
    return signal * np.float32(night.traits.eye_gain * night.seed.site.gain)


def _add_blinks(
    signal: FloatArray, night: Night, factor: float, rng: np.random.Generator
) -> None:
    """Add blinks to wakefulness with open eyes."""
    rate = night.rate([14, 0.4, 0, 0, 0]) * night.eyes_open
    onsets = draw_onsets(rate, rng)
    times = wave_times(0.8, SFREQ)
    wave = -bump(times, 0.2, 0.06) + 0.25 * bump(times, 0.45, 0.12)
    sizes = draw_sizes(len(onsets), 110 * factor, 0.3, rng)
    add_waves(signal, onsets, sizes * wave, SFREQ)


def _add_rolling(signal: FloatArray, night: Night, rng: np.random.Generator) -> None:
    """Add slow rolling movements to drowsiness and N1."""
    drowsy = 1 - night.eyes_open * night.state[:, 0]
    rate = night.rate([3, 3, 1, 0, 0.5]) * drowsy * night.traits.eye_movement_rate
    onsets = draw_onsets(rate, rng)
    times = wave_times(7.0, SFREQ)
    pace = rng.uniform(0.18, 0.45, (len(onsets), 1)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, (len(onsets), 1)).astype(np.float32)
    waves = bump(times, 3.5, 1.3) * np.sin(2 * np.pi * pace * times + phase)
    add_waves(signal, onsets, draw_sizes(len(onsets), 40, 0.4, rng) * waves, SFREQ)


def _add_saccades(signal: FloatArray, night: Night, rng: np.random.Generator) -> None:
    """Add rapid movements, in bursts, to REM sleep and to wakefulness."""
    looking = 1 - 0.8 * (1 - night.eyes_open) * night.state[:, 0]
    rate = night.rate([16, 0.8, 0.1, 0, 16]) * looking * night.traits.eye_movement_rate
    onsets = draw_onsets(clumped(rate, 1.1, 12.0, rng), rng)
    times = wave_times(2.5, SFREQ)
    # The eye stays where it went; the amplifier's high-pass lets the potential decay.
    decay = rng.uniform(0.25, 0.7, (len(onsets), 1)).astype(np.float32)
    waves = (1 - np.exp(-times / 0.03)) * np.exp(-times / decay)
    waves *= rng.choice(np.array([-1, 1], np.float32), (len(onsets), 1))
    add_waves(signal, onsets, draw_sizes(len(onsets), 90, 0.5, rng) * waves, SFREQ)
