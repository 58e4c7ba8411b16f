"""The heart: beats that follow stage, breath and slower rhythms."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._events import add_waves, bump, wave_times
from sleepkit.datasets._simulator._night import Night
from sleepkit.datasets._simulator._noise import fluctuation, to_samples

ECG_SFREQ = 200.0
_GRID = 4.0
"""Values a second of the heart rate, enough for breath."""
# By stage: beats per minute beyond the subject's own rate in N2, then the depth of
# three rhythms of the rate (breath, 0.1 Hz, slower) as fractions of it.
_RATE_SHIFT = [7.0, 2.0, 0.0, -1.0, 4.0]
_BREATH = [0.020, 0.030, 0.035, 0.040, 0.018]
_TENTH_HERTZ = [0.030, 0.022, 0.018, 0.008, 0.028]
_SLOWER = [0.035, 0.025, 0.015, 0.008, 0.035]
# P, Q, R, S and T: height against R, place and width in seconds.
_WAVE = (
    (0.08, 0.160, 0.022),
    (-0.10, 0.262, 0.009),
    (1.00, 0.285, 0.011),
    (-0.22, 0.310, 0.010),
    (0.22, 0.520, 0.045),
)


def simulate_heart(night: Night) -> FloatArray:
    """Simulate lead II in microvolts."""
    rng = night.rng("heart")
    beats, breath = _beats(night, rng)
    signal = np.repeat(25 * breath, int(ECG_SFREQ / _GRID)).astype(np.float32)
    times = wave_times(0.7, ECG_SFREQ)
    wave = sum(height * bump(times, center, width) for height, center, width in _WAVE)
    sizes = 900 * night.traits.ecg_gain * (1 + 0.05 * rng.standard_normal(len(beats)))
    add_waves(signal, beats, sizes[:, np.newaxis] * wave, ECG_SFREQ)
    return signal


def _beats(night: Night, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the times of the beats in seconds, and the breath on the grid."""
    n_grid = int(len(night.stages) * _GRID)
    pace = 0.25 + 0.015 * fluctuation(n_grid, 1, 15 * _GRID, rng)[:, 0]
    breath = np.sin(2 * np.pi * np.cumsum(pace) / _GRID)
    slow = fluctuation(n_grid, 2, 20 * _GRID, rng)
    tenth = slow[:, 0] * np.sin(2 * np.pi * 0.1 * np.arange(n_grid) / _GRID)
    depths = [
        to_samples(night.rate(table), _GRID)
        for table in (_BREATH, _TENTH_HERTZ, _SLOWER)
    ]
    rhythms = zip(depths, (breath, tenth, slow[:, 1]), strict=True)
    swing = night.traits.heart_variability * sum(d * r for d, r in rhythms)
    mean = night.traits.heart_rate + to_samples(night.rate(_RATE_SHIFT), _GRID)
    count = np.cumsum(mean / 60 * np.exp(swing)) / _GRID
    whole = np.arange(1, int(count[-1]) + 1)
    return np.interp(whole, count, np.arange(1, n_grid + 1) / _GRID), breath
