"""Modalities that say nothing about a night, by the stages that they give alone.

Stages last for minutes, and change in the course of a night. A signal that is noise
gives stages that jump, and a dead one always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
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

_MIN_EPOCHS: Final = 120  # an hour: fewer may well be of one stage
_LEAST: Final = 0.4  # of the dynamics of held-out nights
_PAIR: Final = 2  # modalities, of which one can contradict the other
_CONTRADICTION: Final = 0.5  # probability of the same stage by two modalities

Read = Callable[[EpochSource, Any, int], FloatArray]
Alone = dict[str, FloatArray]  # probabilities by each modality alone, NaN where missing


def stage_dynamics(proba: FloatArray) -> float:
    """Covariance of stage probabilities with those of the next epoch.

    It is ``mean_t sum_c p_c(t) p_c(t+1) - sum_c mean_t p_c(t) mean_t p_c(t+1)``: about
    0 where stages jump at random or never change, and NaN in less than an hour.
    """
    known = ~np.isnan(proba.sum(axis=1))
    pairs = known[:-1] & known[1:]
    if pairs.sum() < _MIN_EPOCHS:
        return np.nan
    now, later = proba[:-1][pairs], proba[1:][pairs]
    together = (now * later).sum(axis=1).mean()
    return float(together - now.mean(axis=0) @ later.mean(axis=0))


def usual_dynamics(
    read: Read, source: EpochSource, rows: IntArray, heads: HeadSelector, n_classes: int
) -> dict[str, float]:
    """Median stage dynamics by each modality alone, of the nights of held-out rows."""
    whole = source.only(source.layout, rows).whole_nights()
    _, alone = _read_alone(read, whole, heads, n_classes, tuple(source.layout))
    nights = list(_long_nights(whole.night))
    usual = {}
    for name, proba in alone.items():
        found = [stage_dynamics(proba[night]) for night in nights]
        known = [value for value in found if not np.isnan(value)]
        if known and np.median(known) > 0:
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

    A modality is noisy in a night if its stage dynamics are below 0.4 of the usual ones
    and those of another are not, with which it has less than half of the probability in
    common, in the mean of epochs and of such others.
    """
    there = [name for name, present in source.present.items() if present.any()]
    names = tuple(name for name in there if name in usual)
    if len(names) < _PAIR:
        return read(source, heads, n_classes)
    whole = source.whole_nights()
    values, alone = _read_alone(read, whole, heads, n_classes, names)
    noisy = _find_noise(alone, whole.night, usual)
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


def _find_noise(
    alone: Alone, night: IntArray, usual: Mapping[str, float]
) -> dict[int, set[str]]:
    """Names of the noisy modalities, by the number of the night."""
    noisy: dict[int, set[str]] = {}
    for epochs in _long_nights(night):
        here = {name: proba[epochs] for name, proba in alone.items()}
        shares = {name: stage_dynamics(p) / usual[name] for name, p in here.items()}
        others = [here[name] for name, share in shares.items() if share >= _LEAST]
        low = [name for name, share in shares.items() if share < _LEAST]
        names = {name for name in low if _contradicts(here[name], others)}
        if names:
            noisy[int(night[epochs.start])] = names
    return noisy


def _long_nights(night: IntArray) -> Iterator[slice]:
    """Epochs of each night of an hour or more; those of a night follow each other."""
    bounds = np.flatnonzero(np.diff(night, prepend=-1, append=-1))
    for start, stop in pairwise(bounds.tolist()):
        if stop - start > _MIN_EPOCHS:
            yield slice(start, stop)


def _contradicts(proba: FloatArray, others: list[FloatArray]) -> bool:
    """Whether other modalities mostly give other stages; without others, False."""
    common = np.array([(proba * other).sum(axis=1) for other in others])
    common = common[:, ~np.isnan(common).any(axis=0)] if others else common
    return common.size > 0 and bool(common.mean() < _CONTRADICTION)


def _warn(noisy: Mapping[int, set[str]], ids: tuple[str, ...]) -> None:
    """Name the modalities that count as missing."""
    nights = [f"{', '.join(sorted(n))} of {ids[i]}" for i, n in noisy.items()]
    warn(
        f"These count as missing: {first_names(nights)}. The stages that each gives "
        "alone jump or never change, and contradict those of the other modalities.",
        SleepkitWarning,
        stacklevel=7,
    )
