"""Which stage each second of a night is in: a semi-Markov chain steered by cycles.

A night is a series of periods (awake, light, deep, REM). Within one, stages last for
log-normal times and follow each other by the transition matrix of the period.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sleepkit._stages import N1, N2, N_STAGES, WAKE
from sleepkit._typing import FloatArray, IntArray
from sleepkit.datasets._simulator._traits import Traits

# Probability of the next stage (columns W N1 N2 N3 REM) after each stage (rows).
_TRANSITIONS = {
    "awake": [
        [0.00, 1.00, 0.00, 0.00, 0.00],
        [1.00, 0.00, 0.00, 0.00, 0.00],
        [1.00, 0.00, 0.00, 0.00, 0.00],
        [1.00, 0.00, 0.00, 0.00, 0.00],
        [1.00, 0.00, 0.00, 0.00, 0.00],
    ],
    "light": [
        [0.00, 0.88, 0.12, 0.00, 0.00],
        [0.20, 0.00, 0.80, 0.00, 0.00],
        [0.28, 0.35, 0.00, 0.37, 0.00],
        [0.05, 0.05, 0.90, 0.00, 0.00],
        [0.25, 0.45, 0.30, 0.00, 0.00],
    ],
    "deep": [
        [0.00, 0.75, 0.25, 0.00, 0.00],
        [0.10, 0.00, 0.90, 0.00, 0.00],
        [0.06, 0.06, 0.00, 0.88, 0.00],
        [0.07, 0.03, 0.90, 0.00, 0.00],
        [0.25, 0.45, 0.30, 0.00, 0.00],
    ],
    "rem": [
        [0.00, 0.62, 0.08, 0.00, 0.30],
        [0.12, 0.00, 0.13, 0.00, 0.75],
        [0.08, 0.12, 0.00, 0.00, 0.80],
        [0.10, 0.00, 0.90, 0.00, 0.00],
        [0.38, 0.40, 0.22, 0.00, 0.00],
    ],
}
# Median seconds that a stage lasts.
_DURATIONS = {
    "awake": [300, 25, 20, 20, 20],
    "light": [35, 70, 320, 45, 40],
    "deep": [30, 50, 120, 330, 40],
    "rem": [35, 45, 60, 50, 520],
}
_DURATION_SPREAD = 0.9
_CYCLE = 92.0 * 60
# Shares of one cycle after another: deep sleep early, REM sleep late.
_DEEP_SHARE = (0.46, 0.34, 0.18, 0.08, 0.04)
_REM_SHARE = (0.13, 0.23, 0.30, 0.35, 0.37)
# Brief arousals per minute of each stage; they are too short to be scored as W.
_AROUSALS = np.array([0.0, 0.30, 0.22, 0.07, 0.20])


def draw_stages(n_seconds: int, traits: Traits, rng: np.random.Generator) -> IntArray:
    """Draw the stage of each second, brief arousals (as W) included."""
    stages = np.full(n_seconds, WAKE, np.int8)
    now, stage = 0.0, WAKE
    for period, end in _periods(n_seconds, traits, rng):
        table = _transitions(period, traits)
        while now < end:
            duration = _DURATIONS[period][stage]
            if stage >= N2:
                duration /= np.sqrt(traits.fragility)
            spread = np.exp(_DURATION_SPREAD * rng.standard_normal())
            until = min(now + duration * spread, end)
            stages[int(now) : int(until)] = stage
            now = until
            stage = int(rng.choice(N_STAGES, p=table[stage]))
    return _with_arousals(stages, traits.arousals, rng)


def _periods(
    n_seconds: int, traits: Traits, rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    """Yield each period and when it ends, until the night is over."""
    latency = 11 * 60 * traits.wake * np.exp(0.6 * rng.standard_normal())
    rest = 12 * 60 * traits.wake * rng.exponential()
    longest = 0.1 * min(max(traits.wake, 1), 2) * n_seconds
    now, rise = min(latency, longest), n_seconds - min(rest, longest)
    yield "awake", now
    # A night too short for a cycle runs through a quick one from the middle of a
    # night, so that it shows every stage where it can.
    cycle = min(_CYCLE, 0.85 * n_seconds)
    number = 0 if cycle == _CYCLE else 1
    while now < rise:
        for period, share in _cycle_shares(number, traits, rng):
            now = min(now + share * cycle, rise)
            yield period, now
        if rng.random() < 0.3 * traits.fragility:
            now = min(now + 5 * 60 * traits.wake * rng.exponential(), rise)
            yield "awake", now
        number += 1
    yield "awake", n_seconds


def _cycle_shares(
    number: int, traits: Traits, rng: np.random.Generator
) -> list[tuple[str, float]]:
    """Split a cycle into light, deep, light and REM, as shares of the mean length."""
    length = max(rng.normal(1, 0.17), 0.6)
    place = min(number, len(_DEEP_SHARE) - 1)
    vary = np.exp(0.3 * rng.standard_normal(2))
    deep = min(_DEEP_SHARE[place] * traits.deep_sleep * vary[0], 0.55)
    rem = min(_REM_SHARE[place] * vary[1], 0.4)
    light = 1 - deep - rem
    shares = (("light", 0.35 * light), ("deep", deep), ("light", 0.65 * light))
    return [(period, share * length) for period, share in (*shares, ("rem", rem))]


def _transitions(period: str, traits: Traits) -> FloatArray:
    """Look up the transition matrix; fragile sleep turns lighter more often."""
    weights = np.array(_TRANSITIONS[period])
    weights[N2:, [WAKE, N1]] *= traits.fragility
    transitions: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return transitions


def _with_arousals(
    stages: IntArray, factor: float, rng: np.random.Generator
) -> IntArray:
    """Break sleep by arousals of 3 to 14 seconds."""
    rate = factor * _AROUSALS[stages] / 60
    begins = np.flatnonzero(rng.random(len(stages)) < rate)
    for begin, duration in zip(begins, rng.integers(3, 15, len(begins)), strict=True):
        stages[begin : begin + duration] = WAKE
    return stages
