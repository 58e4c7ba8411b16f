"""Modalities that say nothing about a night, by the stages that they give alone.

Stages last for minutes, and change in the course of a night. A signal that is noise
gives stages that jump, and a dead one always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from warnings import warn

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from sleepkit._messages import first_names
from sleepkit._typing import FloatArray, IntArray
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.exceptions import SleepkitWarning
from sleepkit.nn import MedFuseOutput
from sleepkit.training import EpochSource
from sleepkit.training._samplers import find_runs

_NIGHT: Final = 7200.0  # seconds: in less, stages may well not change
_ENOUGH: Final = 3600.0  # seconds of a night that two epochs in a row are known of
_LEAST: Final = 0.3  # of the dynamics of held-out nights
_TELLS: Final = 0.05  # dynamics of a head that tells stages apart
_PAIR: Final = 2  # modalities, of which one can contradict the other
_CONTRADICTION: Final = 0.5  # probability of the same stage by two modalities

Read = Callable[[EpochSource, Any, int], FloatArray]
Alone = dict[str, FloatArray]  # probabilities by each modality alone, NaN where missing


def stage_dynamics(proba: FloatArray, enough: float = 1) -> float:
    """Covariance of stage probabilities with those of the next epoch.

    It is ``mean_t sum_c p_c(t) p_c(t+1) - sum_c mean_t p_c(t) mean_t p_c(t+1)`` over
    the epochs that are known, as the next one is: about 0 where stages jump at random
    or never change, and NaN where there are not enough of them.
    """
    now, later = _pairs(proba, proba, lag=1)
    if len(now) < enough:
        return np.nan
    together = (now * later).sum(axis=1).mean()
    return float(together - now.mean(axis=0) @ later.mean(axis=0))


def usual_dynamics(
    read: Read, source: EpochSource, rows: IntArray, heads: HeadSelector, n_classes: int
) -> dict[str, float]:
    """Median stage dynamics by each modality alone, of the nights of held-out rows."""
    whole = source.only(source.layout, rows).whole_nights()
    nights = _long_nights(whole)
    if not nights:
        return {}
    _, alone = _read_alone(read, whole, heads, n_classes, tuple(source.layout))
    usual = {}
    for name, proba in alone.items():
        found = [stage_dynamics(proba[night], _enough(source)) for night in nights]
        known = [value for value in found if not np.isnan(value)]
        if known and np.median(known) >= _TELLS:
            usual[name] = float(np.median(known))
    return usual


def read_without_noise(
    read: Read,
    source: EpochSource,
    heads: HeadSelector,
    n_classes: int,
    usual: Mapping[str, float],
) -> FloatArray:
    """Log-probabilities of the rows, noisy modalities of a night counting as missing.

    A modality is noisy in a night if its stage dynamics are below 0.3 of the usual
    ones, and if others contradict it whose dynamics are neither below 0.3 of their own
    nor of its usual ones: it has less than half of the probability in common with them.
    """
    there = [name for name, present in source.present.items() if present.any()]
    names = tuple(name for name in there if name in usual)
    whole = source.whole_nights()
    nights = _long_nights(whole)
    if len(names) < _PAIR or not nights:
        return read(source, heads, n_classes)
    values, alone = _read_alone(read, whole, heads, n_classes, names)
    noisy = {}
    for night in nights:
        if found := _find_noise(alone, night, usual, _enough(source)):
            noisy[int(whole.night[night.start])] = found
    if noisy:
        _warn(noisy, source.ids)
        again = np.isin(whole.night, list(noisy))
        part = whole.without(noisy).only(source.layout, np.flatnonzero(again))
        values[again] = read(part, heads, n_classes)
    return values[source.row_to_epoch]


@dataclass(frozen=True)
class _WithUnimodalHeads:
    """Read what a selector reads, and beside it the unimodal heads of some names."""

    selector: HeadSelector
    names: tuple[str, ...]

    def heads(self, present: Mapping[str, Tensor]) -> set[str]:
        """Names of the heads that are read."""
        return self.selector.heads(present) | {n for n in self.names if n in present}

    def __call__(self, output: MedFuseOutput, present: Mapping[str, Tensor]) -> Tensor:
        """Log-probabilities of shape (batch, seq, (1 + n_names) * n_classes)."""
        read = self.selector(output, present)
        logs = [
            output.logits[name].float().log_softmax(-1)
            if name in output.logits
            else torch.zeros_like(read)
            for name in self.names
        ]
        return torch.cat([read, *logs], dim=-1)


def _read_alone(
    read: Read,
    source: EpochSource,
    heads: HeadSelector,
    n_classes: int,
    names: tuple[str, ...],
) -> tuple[FloatArray, Alone]:
    """Log-probabilities by some heads, and probabilities by each modality alone."""
    beside = _WithUnimodalHeads(heads, names)
    columns = read(source, beside, (1 + len(names)) * n_classes)
    values, *logs = np.split(columns, 1 + len(names), axis=1)
    alone = {}
    for name, log_proba in zip(names, logs, strict=True):
        alone[name] = softmax(log_proba, axis=1)
        alone[name][~source.present[name][source.row_to_epoch]] = np.nan
    return values, alone


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
    found = {n: stage_dynamics(proba[night], enough) for n, proba in alone.items()}
    least = {name: _LEAST * usual[name] for name in found}
    low = {name for name in found if found[name] < least[name]}
    noisy = set()
    for name in low:
        # one that hardly tells stages apart is never low, and no judge of others
        judges = [other for other in found.keys() - low if found[other] >= least[name]]
        both = [_pairs(alone[name][night], alone[n][night], lag=0) for n in judges]
        common = [(p * q).sum(axis=1).mean() for p, q in both if len(p) >= enough]
        if common and np.mean(common) < _CONTRADICTION:
            noisy.add(name)
    return noisy


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
        "alone jump or never change, and contradict those of the other modalities.",
        SleepkitWarning,
        stacklevel=7,
    )
