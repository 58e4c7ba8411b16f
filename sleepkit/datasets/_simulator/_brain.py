"""The brain as a derivation sees it: rhythms that come and go, and single waves."""

from __future__ import annotations

import numpy as np

from sleepkit._stages import N1, WAKE
from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._derivations import EEGDerivation
from sleepkit.datasets._simulator._events import (
    add_waves,
    bump,
    clumped,
    draw_onsets,
    draw_sizes,
    wave_times,
)
from sleepkit.datasets._simulator._levels import (
    ALPHA,
    APERIODIC,
    N_RHYTHMS,
    rhythm_levels,
    rhythm_spectra,
)
from sleepkit.datasets._simulator._night import SFREQ, Night
from sleepkit.datasets._simulator._noise import (
    HOP,
    coloured_noise,
    fluctuation,
    frame_frequencies,
)

# How far each rhythm strays from its level, in log power, over some 40 seconds.
_STRAY, _STRAY_TIME = 0.45, 20.0
# Awake, the body stirs for some minutes and rests for others.
_RESTLESS, _RESTLESS_TIME = 1.2, 60.0


def simulate_brain(night: Night, derivation: EEGDerivation) -> FloatArray:
    """Simulate what a derivation sees of the brain, in microvolts."""
    rng = night.rng("brain")
    signal = coloured_noise(_power(night, derivation, rng), SFREQ, rng)
    for add_some in (_add_spindles, _add_slow_waves, _add_vertex_waves, _add_sawtooth):
        add_some(signal, night, derivation, rng)
    return signal * np.float32(night.traits.eeg_gain * night.seed.site.gain)


def _power(
    night: Night, derivation: EEGDerivation, rng: np.random.Generator
) -> FloatArray:
    """Power spectral density of each frame of background."""
    traits = night.traits
    levels = rhythm_levels(derivation) + traits.rhythm_levels
    levels[WAKE, ALPHA] += np.log(traits.alpha_gain)
    levels[N1, ALPHA] += 0.3 * np.log(traits.alpha_gain)
    state = np.vstack([night.state[::HOP], night.state[-1:]])
    gains = state @ levels.astype(np.float32)
    gains += _STRAY * fluctuation(len(state), N_RHYTHMS, _STRAY_TIME, rng)
    restless = _RESTLESS * fluctuation(len(state), 1, _RESTLESS_TIME, rng)[:, 0]
    gains[:, APERIODIC] += state[:, WAKE] * restless
    eyes_open = np.append(night.eyes_open[::HOP], night.eyes_open[-1])
    gains[:, ALPHA] -= 1.8 * state[:, WAKE] * eyes_open
    spectra = rhythm_spectra(
        frame_frequencies(SFREQ),
        traits.slope,
        traits.alpha_frequency,
        night.seed.site.tilt,
    )
    power: FloatArray = np.exp(gains) @ spectra.astype(np.float32)
    return power


def _add_spindles(
    signal: FloatArray,
    night: Night,
    derivation: EEGDerivation,
    rng: np.random.Generator,
) -> None:
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
    size = 20 * traits.spindle_gain * derivation.spindles
    add_waves(signal, onsets, draw_sizes(len(onsets), size, 0.4, rng) * waves, SFREQ)


def _add_slow_waves(
    signal: FloatArray,
    night: Night,
    derivation: EEGDerivation,
    rng: np.random.Generator,
) -> None:
    """Add K-complexes to N2 and slow waves, alike but rounder, to N3."""
    traits = night.traits
    times = wave_times(1.6, SFREQ)
    down, up = -bump(times, 0.4, 0.12), 0.6 * bump(times, 0.85, 0.22)
    k_complexes = draw_onsets(traits.k_complex_rate * night.rate([0, 0, 1, 0, 0]), rng)
    sizes = draw_sizes(len(k_complexes), 90 * derivation.slow_waves, 0.35, rng)
    add_waves(signal, k_complexes, sizes * (down + up), SFREQ)
    slow_waves = draw_onsets(night.rate([0, 0, 0.5, 16, 0]), rng)
    size = 60 * derivation.slow_waves * traits.slow_wave_gain
    sizes = draw_sizes(len(slow_waves), size, 0.35, rng)
    round_down = -bump(times, 0.4, 0.18)
    add_waves(signal, slow_waves, sizes * (round_down + up), SFREQ)


def _add_vertex_waves(
    signal: FloatArray,
    night: Night,
    derivation: EEGDerivation,
    rng: np.random.Generator,
) -> None:
    """Add vertex sharp waves to N1 and early N2."""
    onsets = draw_onsets(night.rate([0, 2.0, 0.6, 0, 0]), rng)
    times = wave_times(0.6, SFREQ)
    wave = -bump(times, 0.2, 0.04) + 0.5 * bump(times, 0.33, 0.08)
    size = 45 * derivation.slow_waves
    add_waves(signal, onsets, draw_sizes(len(onsets), size, 0.35, rng) * wave, SFREQ)


def _add_sawtooth(
    signal: FloatArray,
    night: Night,
    derivation: EEGDerivation,
    rng: np.random.Generator,
) -> None:
    """Add trains of 2 to 4 Hz sawtooth waves to REM sleep."""
    onsets = draw_onsets(night.rate([0, 0, 0, 0, 1.5]), rng)
    times = wave_times(5.0, SFREQ)
    pace = rng.uniform(2, 4, (len(onsets), 1))
    teeth = 2 * (times * pace % 1) - 1
    waves = np.sin(np.pi * times / 5) ** 2 * teeth
    size = 16 * derivation.spindles
    add_waves(signal, onsets, draw_sizes(len(onsets), size, 0.3, rng) * waves, SFREQ)
