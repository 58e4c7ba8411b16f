"""Traits of a subject, the same in every night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sleepkit._stages import N2, N_STAGES, REM, WAKE
from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._levels import (
    APERIODIC,
    DELTA,
    N_RHYTHMS,
    SIGMA,
    SLOW,
)
from sleepkit.datasets._simulator._site import Site

# Ages are counted from this one, in units of so many years.
_MIDDLE_AGE, _AGE_UNIT = 45.0, 30.0


@dataclass(frozen=True, eq=False)
class Traits:
    """Traits: gains are factors about 1, frequencies hertz, rates per minute."""

    deep_sleep: float
    wake: float
    fragility: float  # how readily sleep gives way to N1 and wakefulness
    arousals: float
    eeg_gain: float
    rhythm_levels: FloatArray  # (5, N_RHYTHMS) log power against the average subject
    slope: float
    alpha_frequency: float
    alpha_gain: float
    slow_wave_gain: float
    spindle_frequency: float
    spindle_gain: float
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


def draw_traits(site: Site, rng: np.random.Generator) -> Traits:
    """Draw the traits of a subject from those of a site."""

    def factor(spread: float) -> float:
        return float(np.exp(spread * rng.standard_normal()))

    years = (rng.uniform(*site.age) - _MIDDLE_AGE) / _AGE_UNIT
    return Traits(
        deep_sleep=site.deep_sleep * factor(0.35) * np.exp(-0.4 * years),
        wake=site.wake * factor(0.3),
        fragility=site.fragmentation * factor(0.3) * np.exp(0.4 * years),
        arousals=site.arousals * factor(0.3),
        eeg_gain=factor(site.spread * 0.2),
        rhythm_levels=_draw_levels(site.spread, years, rng),
        slope=rng.normal(2.0, 0.2),
        alpha_frequency=rng.normal(9.8, 0.9),
        alpha_gain=factor(site.spread * 1.0),
        slow_wave_gain=factor(site.spread * 0.2) * np.exp(-0.35 * years),
        spindle_frequency=rng.normal(13.0, 0.6),
        spindle_gain=factor(site.spread * 0.4),
        spindle_rate=2.2 * factor(site.spread * 0.45) * np.exp(-0.3 * years),
        k_complex_rate=1.3 * factor(site.spread * 0.4),
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


def _draw_levels(spread: float, years: float, rng: np.random.Generator) -> FloatArray:
    """Draw how far a subject's rhythms are from the average, by stage, in log power."""
    levels = 0.35 * spread * rng.standard_normal(N_RHYTHMS)
    levels = levels + 0.25 * spread * rng.standard_normal((N_STAGES, N_RHYTHMS))
    levels[WAKE] += 0.3 * spread * rng.standard_normal(N_RHYTHMS)
    levels[WAKE, APERIODIC] += 0.5 * spread * rng.standard_normal()
    levels[N2:REM, SIGMA] += 0.45 * spread * rng.standard_normal()
    levels[N2:REM, [SLOW, DELTA]] -= 0.3 * years
    return levels
