"""State shared by the modalities of a night: traits, stages, arousals, eyes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d

from sleepkit._stages import N2, N3, N_STAGES, WAKE
from sleepkit._typing import FloatArray, IntArray
from sleepkit.datasets._simulator._events import draw_onsets
from sleepkit.datasets._simulator._hypnogram import draw_stages
from sleepkit.datasets._simulator._noise import fluctuation
from sleepkit.datasets._simulator._scorer import score
from sleepkit.datasets._simulator._site import Site
from sleepkit.datasets._simulator._traits import Traits, draw_traits

EPOCH_DURATION = 30
SFREQ = 100.0
"""Sampling rate in hertz at which EEG and EOG are simulated."""
# Append only: the place of a part in this list is part of its seed.
_PARTS = (
    "missing",
    "stages",
    "state",
    "brain",
    "eyes",
    "muscle",
    "heart",
    "eeg",
    "eog",
    "emg",
    "ecg",
    "scorer",
    "excerpt",
    "length",
)
# How sure a state is of its stage (N1 is least itself), and how far it strays for
# how many seconds; in log odds. N2 and N3 are one sleep of varying depth, which strays
# further and longer; N2 has something of N3, more than the reverse.
_CERTAINTY = np.array([5.0, 3.7, 5.0, 5.0, 5.3], np.float32)
_STRAY, _STRAY_TIME = 1.3, 60.0
_DEPTH_STRAY, _DEPTH_TIME, _DEPTH_OF_N2 = 0.8, 150.0, 1.5


@dataclass(frozen=True)
class NightSeed:
    """All that it takes to draw a night again."""

    entropy: int
    subject: int
    night: int
    n_epochs: int
    n_whole: int = 0  # epochs of the night of which this is a stretch; 0 for none
    site: Site = field(default_factory=Site)

    def rng(self, part: str) -> np.random.Generator:
        """Start the random stream of one part, independent of all the others."""
        key = (self.subject, self.night, _PARTS.index(part))
        return np.random.default_rng(
            np.random.SeedSequence(self.entropy, spawn_key=key)
        )

    def traits(self) -> Traits:
        """Draw the traits of the subject, the same for each night."""
        key = (self.subject,)
        seed = np.random.SeedSequence(self.entropy, spawn_key=key)
        return draw_traits(self.site, np.random.default_rng(seed))


@dataclass(frozen=True, eq=False)
class Night:
    """A night before it is measured; arrays have one value (or row) a second."""

    seed: NightSeed
    traits: Traits
    stages: IntArray
    state: FloatArray  # (n_seconds, 5) how much of each stage there is, sums to one
    eyes_open: FloatArray  # 0 or 1, whatever the stage
    movements: FloatArray  # times in seconds, sorted

    def rng(self, part: str) -> np.random.Generator:
        """Start the random stream of one part."""
        return self.seed.rng(part)

    @property
    def hypnogram(self) -> IntArray:
        """The stage of each epoch."""
        site, rng = self.seed.site, self.rng("scorer")
        return score(self.stages, self.state, site, EPOCH_DURATION, rng)

    def level(self, by_stage: FloatArray) -> FloatArray:
        """Blend values given per stage as the state goes, on a log scale."""
        blended: FloatArray = np.exp(self.state @ np.log(by_stage).astype(np.float32))
        return blended

    def rate(self, by_stage: FloatArray | list[float]) -> FloatArray:
        """Blend rates given per stage as the state goes."""
        blended: FloatArray = self.state @ np.asarray(by_stage, np.float32)
        return blended


def draw_night(seed: NightSeed) -> Night:
    """Draw the night of a seed."""
    traits = seed.traits()
    n_seconds = seed.n_epochs * EPOCH_DURATION
    stages = _excerpt(seed, traits)
    rng = seed.rng("state")
    return Night(
        seed=seed,
        traits=traits,
        stages=stages,
        state=_state(stages, rng),
        eyes_open=(fluctuation(n_seconds, 1, 40.0, rng)[:, 0] > 0.5).astype(np.float32),
        movements=_movements(stages, rng),
    )


def _excerpt(seed: NightSeed, traits: Traits) -> IntArray:
    """Draw the stages of a whole night, and cut the recorded stretch out of it."""
    n_whole = max(seed.n_whole, seed.n_epochs)
    stages = draw_stages(n_whole * EPOCH_DURATION, traits, seed.rng("stages"))
    first = int(seed.rng("excerpt").integers(n_whole - seed.n_epochs + 1))
    return stages[first * EPOCH_DURATION : (first + seed.n_epochs) * EPOCH_DURATION]


def _state(stages: IntArray, rng: np.random.Generator) -> FloatArray:
    """Turn stages into a state that changes within seconds and strays for minutes."""
    sure = (stages[:, np.newaxis] == np.arange(N_STAGES)).astype(np.float32)
    smooth = gaussian_filter1d(sure, 3.0, axis=0, mode="nearest")
    odds = _CERTAINTY * smooth
    odds += _STRAY * fluctuation(len(stages), N_STAGES, _STRAY_TIME, rng)
    depth = _DEPTH_STRAY * fluctuation(len(stages), 1, _DEPTH_TIME, rng)[:, 0]
    odds[:, N3] += depth + _DEPTH_OF_N2 * smooth[:, N2]
    odds[:, N2] -= depth
    likelihood = np.exp(odds)
    state: FloatArray = likelihood / likelihood.sum(axis=1, keepdims=True)
    return state


def _movements(stages: IntArray, rng: np.random.Generator) -> FloatArray:
    """Draw when the body moves: at some awakenings, and while awake."""
    awake = stages == WAKE
    stirring = np.diff(awake.astype(np.int8), prepend=1) == 1
    rate = np.where(stirring, 60 * 0.3, 0.4 * awake)
    return np.sort(draw_onsets(rate, rng))
