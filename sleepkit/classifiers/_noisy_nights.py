"""Modalities that say nothing about a night, by the stages that they give alone.

Stages last for minutes, and change in the course of a night. A signal that is noise
gives stages that jump, and a dead one always the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from warnings import warn

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from sleepkit._messages import first_names
from sleepkit._typing import FloatArray, IntArray
from sleepkit.classifiers._head_selector import (
    HeadSelector,
    Read,
    SeparateHeads,
    read_each,
)
from sleepkit.exceptions import SleepkitWarning
from sleepkit.nn import MedFuseOutput
from sleepkit.training import EpochSource
from sleepkit.training._samplers import find_runs

_NIGHT: Final = 7200.0  # seconds: in less, stages may well not change
_ENOUGH: Final = 3600.0  # seconds of a night that two epochs in a row are known of
_LEAST: Final = 0.3  # of the dynamics of held-out nights
_LASTS: Final = 0.3  # autocorrelation of stages that last longer than an epoch
_TELLS: Final = 0.05  # variance or dynamics of a head that tells stages apart
_PAIR: Final = 2  # modalities, of which one can contradict the other
_CONTRADICTION: Final = 0.5  # probability of the same stage by two modalities

Alone = dict[str, FloatArray]  # probabilities by each modality alone, NaN where missing


def stage_dynamics(proba: FloatArray, enough: float = 1) -> tuple[float, float]:
    """Covariance of stage probabilities with those of the next epoch, and variance.

    They are ``mean_t sum_c p_c(t) p_c(t+1) - sum_c mean_t p_c(t) mean_t p_c(t+1)`` and
    the same with ``p_c(t)`` for ``p_c(t+1)``, over the epochs that are known, as the
    next one is. The covariance is about 0 where stages jump at random or never change.
    Both are NaN where there are not enough of these epochs.
    """
    now, later = _pairs(proba, proba, lag=1)
    if len(now) < enough:
        return np.nan, np.nan
    mean = now.mean(axis=0)
    covariance = (now * later).sum(axis=1).mean() - mean @ later.mean(axis=0)
    variance = (now**2).sum(axis=1).mean() - mean @ mean
    return float(covariance), float(variance)


def judge_held_out(
    read: Read, source: EpochSource, rows: IntArray, n_classes: int
) -> tuple[dict[str, float], dict[int, set[str]]]:
    """Usual dynamics of each modality alone, and noisy modalities by night.

    The usual dynamics are the median over the nights of held-out rows.
    """
    whole = source.only(source.layout, rows).whole_nights()
    nights = _long_nights(whole)
    if not nights:
        return {}, {}
    alone = _alone(read_each(read, whole, tuple(source.layout), n_classes), whole)
    enough = _enough(source)
    usual = {}
    for name, proba in alone.items():
        found = [stage_dynamics(proba[night], enough)[0] for night in nights]
        known = [value for value in found if not np.isnan(value)]
        if known and np.median(known) >= _TELLS:
            usual[name] = float(np.median(known))
    return usual, _noisy_nights(alone, whole, nights, usual)


def read_without_noise(
    read: Read,
    source: EpochSource,
    heads: HeadSelector,
    n_classes: int,
    usual: Mapping[str, float],
) -> FloatArray:
    """Log-probabilities of the rows, noisy modalities of a night counting as missing.

    A modality is noisy in a night if it jumps and others contradict it that last: its
    dynamics are below 0.3 of its variance, and theirs are not. It also is if its
    dynamics are below 0.3 of its usual ones, and others contradict it whose dynamics
    are neither below that nor below 0.3 of their own usual ones. Those that contradict
    it have, on average, less than half of the probability in common with it.
    """
    names = tuple(n for n, present in source.present.items() if present.any())
    whole = source.whole_nights()
    nights = _long_nights(whole)
    if len(names) < _PAIR or not nights:
        return read(source, heads, n_classes)
    each = SeparateHeads(names)
    columns = read(whole, _Beside(heads, each), (1 + len(names)) * n_classes)
    values = columns[:, :n_classes]
    alone = _alone(each.split(columns[:, n_classes:]), whole)
    noisy = _noisy_nights(alone, whole, nights, usual)
    if noisy:
        _warn(noisy, source.ids)
        again = np.isin(whole.night, list(noisy))
        part = whole.without(noisy).only(source.layout, np.flatnonzero(again))
        values[again] = read(part, heads, n_classes)
    return values[source.row_to_epoch]


@dataclass(frozen=True)
class _Beside:
    """Read what a selector reads, and beside it each of some heads."""

    selector: HeadSelector
    each: SeparateHeads

    def heads(self, present: Mapping[str, Tensor]) -> set[str]:
        """Names of the heads that are read."""
        return self.selector.heads(present) | self.each.heads(present)

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Log-probabilities of shape (batch, seq, (1 + n_heads) * n_classes)."""
        read = [self.selector(output, present), self.each(output, present)]
        return torch.cat(read, dim=-1)


def _alone(logs: Mapping[str, FloatArray], source: EpochSource) -> Alone:
    """Probabilities by each modality, from their logarithms."""
    alone = {}
    for name, log_proba in logs.items():
        alone[name] = softmax(log_proba, axis=1)
        alone[name][~source.present[name][source.row_to_epoch]] = np.nan
    return alone


def _noisy_nights(
    alone: Alone,
    source: EpochSource,
    nights: Sequence[slice],
    usual: Mapping[str, float],
) -> dict[int, set[str]]:
    """Names of the noisy modalities of each night that has some, by its number."""
    noisy = {}
    for night in nights:
        if found := _find_noise(alone, night, usual, _enough(source)):
            noisy[int(source.night[night.start])] = found
    return noisy


def _long_nights(source: EpochSource) -> list[slice]:
    """Epochs of each night that is long enough."""
    duration = source.epoch_duration or 0.0  # rows of an array are no night
    nights = find_runs(source.night, np.ones(len(source.night), np.bool_))
    return [slice(a, b) for a, b in nights if (b - a) * duration >= _NIGHT]


def _enough(source: EpochSource) -> float:
    """Return the number of epochs that must be known."""
    return _ENOUGH / (source.epoch_duration or _ENOUGH)


def _find_noise(
    alone: Alone, night: slice, usual: Mapping[str, float], enough: float
) -> set[str]:
    """Names of the modalities that are noisy in a night."""
    here = {name: proba[night] for name, proba in alone.items()}
    found = {name: stage_dynamics(proba, enough) for name, proba in here.items()}
    tells = {name for name, (_, variance) in found.items() if variance >= _TELLS}
    last = {name for name in tells if found[name][0] >= _LASTS * found[name][1]}
    jump = tells - last
    # one that hardly tells stages apart is never low, and no judge of others
    least = {name: _LEAST * usual[name] for name in found if name in usual}
    low = {name for name in least if found[name][0] < least[name]}
    noisy = set()
    for name in jump | low:
        judges = set(last) if name in jump else set()
        if name in low:
            others = least.keys() - jump - low
            judges |= {other for other in others if found[other][0] >= least[name]}
        if _contradicted(here, name, judges, enough):
            noisy.add(name)
    return noisy


def _contradicted(here: Alone, name: str, judges: set[str], enough: float) -> bool:
    """Whether others seldom give the stages that a modality gives."""
    both = [_pairs(here[name], here[other], lag=0) for other in sorted(judges)]
    common = [(p * q).sum(axis=1).mean() for p, q in both if len(p) >= enough]
    return bool(common) and float(np.mean(common)) < _CONTRADICTION


def _pairs(
    first: FloatArray, second: FloatArray, lag: int
) -> tuple[FloatArray, FloatArray]:
    """Known rows of one array, and of another one some epochs later."""
    first, second = first[: len(first) - lag], second[lag:]
    known = ~np.isnan(first.sum(axis=1) + second.sum(axis=1))
    return first[known], second[known]


def _warn(noisy: Mapping[int, set[str]], ids: tuple[str, ...]) -> None:
    """Name the modalities that count as missing."""
    nights = [f"{', '.join(sorted(n))} of {ids[i]}" for i, n in noisy.items()]
    warn(
        f"These count as missing: {first_names(nights)}. The stages that each gives "
        "alone jump or hardly change, and contradict those of the other modalities.",
        SleepkitWarning,
        stacklevel=7,
    )
