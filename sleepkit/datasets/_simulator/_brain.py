"""The brain as C4-M1 sees it: rhythms that come and go, and single waves."""

from __future__ import annotations

import numpy as np

from sleepkit._stages import N1, WAKE
from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._events import (
    add_waves,
    bump,
    clumped,
    draw_onsets,
    draw_sizes,
    wave_times,
)
from sleepkit.datasets._simulator._night import SFREQ, Night
from sleepkit.datasets._simulator._noise import (
    HOP,
    coloured_noise,
    fluctuation,
    frame_frequencies,
)
from sleepkit.datasets._simulator._traits import N_RHYTHMS, Traits

# Power of each rhythm at its peak (1/f: at 1 Hz) in dB above 1 uV**2 / Hz.
_RHYTHM_LEVELS = np.array(
    [  # 1/f  slow delta theta alpha sigma beta
        [13.5, 2.0, 3.0, 2.5, 5.5, 1.0, -1.0],  # W
        [14.5, 6.0, 8.0, 6.5, 5.5, 0.5, -5.5],  # N1
        [15.5, 13.0, 15.5, 9.0, 7.0, 1.0, -12.0],  # N2
        [16.5, 26.0, 22.5, 10.5, 8.0, 3.0, -13.0],  # N3
        [11.5, -3.0, 6.5, 7.0, 5.5, -4.0, -3.0],  # REM
    ]
)
_PEAKS = np.array([0.8, 2.0, 5.5, 9.0, 12.5, 21.0])
_WIDTHS = np.array([0.4, 1.1, 1.8, 1.2, 1.8, 5.0])
# How far each rhythm strays from its level, in log power, over some 40 seconds.
_STRAY, _STRAY_TIME = 0.45, 20.0


def simulate_brain(night: Night) -> FloatArray:
    """Simulate the brain's part of the EEG in microvolts."""
    rng = night.rng("brain")
    signal = coloured_noise(_power(night, rng), SFREQ, rng)
    for add_some in (_add_spindles, _add_slow_waves, _add_vertex_waves, _add_sawtooth):
        add_some(signal, night, rng)
    return signal * np.float32(night.traits.eeg_gain)


def _power(night: Night, rng: np.random.Generator) -> FloatArray:
    """Power spectral density of each frame of background."""
    traits = night.traits
    levels = _RHYTHM_LEVELS * np.log(10) / 10 + traits.rhythm_levels
    levels[WAKE, 4] += np.log(traits.alpha_gain)
    levels[N1, 4] += 0.3 * np.log(traits.alpha_gain)
    state = np.vstack([night.state[::HOP], night.state[-1:]])
    gains = state @ levels.astype(np.float32)
    gains += _STRAY * fluctuation(len(state), N_RHYTHMS, _STRAY_TIME, rng)
    eyes_open = np.append(night.eyes_open[::HOP], night.eyes_open[-1])
    gains[:, 4] -= 1.8 * state[:, WAKE] * eyes_open
    power: FloatArray = np.exp(gains) @ _spectra(traits).astype(np.float32)
    return power


def _spectra(traits: Traits) -> FloatArray:
    """Spectrum of each rhythm, after the amplifier's filters."""
    freqs = frame_frequencies(SFREQ)
    peaks = _PEAKS.copy()
    peaks[3] = traits.alpha_frequency
    rhythms = bump(freqs, peaks[:, np.newaxis], _WIDTHS[:, np.newaxis])
    aperiodic = np.maximum(freqs, 0.4) ** -traits.slope
    low_pass = 1 / (1 + (freqs / 36) ** 10)
    high_pass = freqs**4 / (freqs**4 + 0.3**4)
    return np.vstack([aperiodic, rhythms]) * (low_pass * high_pass)


def _add_spindles(signal: FloatArray, night: Night, rng: np.random.Generator) -> None:
    """Add waxing and waning spindles, in clusters, mostly to N2."""
    traits = night.traits
    rate = night.rate([0, 0.05, 1, 0.4, 0]) * traits.spindle_rate
    onsets = draw_onsets(clumped(rate, 0.7, 15.0, rng), rng)
    times = wave_times(2.4, SFREQ)
    column = rng.standard_normal((len(onsets), 3, 1)).astype(np.float32)
    width = 0.22 * np.exp(0.3 * column[:, 0])
    tuned = traits.spindle_frequency + 0.4 * column[:, 1]
    phase = 2 * np.pi * tuned * (times - 1.2) + 3 * column[:, 2]
    waves = bump(times, 1.2, width) * np.cos(phase)
    add_waves(signal, onsets, draw_sizes(len(onsets), 18, 0.4, rng) * waves, SFREQ)


def _add_slow_waves(signal: FloatArray, night: Night, rng: np.random.Generator) -> None:
    """Add K-complexes to N2 and slow waves, alike but rounder, to N3."""
    traits = night.traits
    times = wave_times(1.6, SFREQ)
    down, up = -bump(times, 0.4, 0.12), 0.6 * bump(times, 0.85, 0.22)
    k_complexes = draw_onsets(traits.k_complex_rate * night.rate([0, 0, 1, 0, 0]), rng)
    sizes = draw_sizes(len(k_complexes), 90, 0.35, rng)
    add_waves(signal, k_complexes, sizes * (down + up), SFREQ)
    slow_waves = draw_onsets(night.rate([0, 0, 0.5, 16, 0]), rng)
    sizes = draw_sizes(len(slow_waves), 60 * traits.slow_wave_gain, 0.35, rng)
    round_down = -bump(times, 0.4, 0.18)
    add_waves(signal, slow_waves, sizes * (round_down + up), SFREQ)


def _add_vertex_waves(
    signal: FloatArray, night: Night, rng: np.random.Generator
) -> None:
    """Add vertex sharp waves to N1 and early N2."""
    onsets = draw_onsets(night.rate([0, 2.0, 0.6, 0, 0]), rng)
    times = wave_times(0.6, SFREQ)
    wave = -bump(times, 0.2, 0.04) + 0.5 * bump(times, 0.33, 0.08)
    add_waves(signal, onsets, draw_sizes(len(onsets), 45, 0.35, rng) * wave, SFREQ)


def _add_sawtooth(signal: FloatArray, night: Night, rng: np.random.Generator) -> None:
    """Add trains of 2 to 4 Hz sawtooth waves to REM sleep."""
    onsets = draw_onsets(night.rate([0, 0, 0, 0, 1.5]), rng)
    times = wave_times(5.0, SFREQ)
    pace = rng.uniform(2, 4, (len(onsets), 1))
    teeth = 2 * (times * pace % 1) - 1
    waves = np.sin(np.pi * times / 5) ** 2 * teeth
    add_waves(signal, onsets, draw_sizes(len(onsets), 16, 0.3, rng) * waves, SFREQ)
