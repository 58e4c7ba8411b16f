"""Traits of a subject, the same in every night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import FloatArray

N_RHYTHMS = 7


@dataclass(frozen=True, eq=False)
class Traits:
    """Traits: gains are factors about 1, frequencies hertz, rates per minute."""

    deep_sleep: float
    fragility: float  # how readily sleep gives way to N1 and wakefulness
    eeg_gain: float
    rhythm_levels: FloatArray  # (5, N_RHYTHMS) log power against the average subject
    slope: float
    alpha_frequency: float
    alpha_gain: float
    slow_wave_gain: float
    spindle_frequency: float
    spindle_rate: float
    k_complex_rate: float
    eye_gain: float
    eye_movement_rate: float
    eeg_in_eog: float
    emg_gain: float
    emg_contrast: float
    emg_levels: FloatArray  # (5,) log amplitude against the average subject
    heart_rate: float
    heart_variability: float
    ecg_gain: float
    sensor_noise: float


def draw_traits(rng: np.random.Generator) -> Traits:
    """Draw the traits of a subject from the population."""

    def factor(spread: float) -> float:
        return float(np.exp(spread * rng.standard_normal()))

    years = rng.uniform(-25, 30) / 30  # of age beyond 45, in units of 30 years
    subject, detail = 0.35, 0.25
    levels = subject * rng.standard_normal(N_RHYTHMS)
    return Traits(
        deep_sleep=factor(0.35) * np.exp(-0.4 * years),
        fragility=factor(0.3) * np.exp(0.4 * years),
        eeg_gain=factor(0.2),
        rhythm_levels=levels + detail * rng.standard_normal((N_STAGES, N_RHYTHMS)),
        slope=rng.normal(2.0, 0.2),
        alpha_frequency=rng.normal(9.8, 0.9),
        alpha_gain=factor(1.0),
        slow_wave_gain=factor(0.2) * np.exp(-0.35 * years),
        spindle_frequency=rng.normal(13.2, 0.6),
        spindle_rate=2.2 * factor(0.45) * np.exp(-0.3 * years),
        k_complex_rate=1.3 * factor(0.4),
        eye_gain=factor(0.3),
        eye_movement_rate=factor(0.4),
        eeg_in_eog=0.4 * factor(0.25),
        emg_gain=factor(0.4),
        emg_contrast=factor(0.35),
        emg_levels=0.2 * rng.standard_normal(N_STAGES),
        heart_rate=rng.normal(61, 8),
        heart_variability=factor(0.3) * np.exp(-0.4 * years),
        ecg_gain=factor(0.35),
        sensor_noise=factor(0.4),
    )
