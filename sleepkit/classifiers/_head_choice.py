"""Choice of the heads for each subset of the modalities, on held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

import numpy as np
from scipy.special import log_softmax

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.classifiers._head_selector import FUSED, HeadSelector
from sleepkit.training import EpochSource

_MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_SHARES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a unimodal head beside the fused one
_CLEARLY: Final = 0.95  # of the cross-entropy: few held-out subjects mislead

Weights = dict[str, float]
Stage = Callable[[EpochSource, HeadSelector], FloatArray]


def subsets_of(modalities: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Subsets of one modality, of all, of all but one, and so on down to two."""
    names = list(modalities)
    yield from combinations(names, 1)
    for size in range(len(names), 1, -1):
        yield from combinations(names, size)


def choose_heads(
    stage: Stage, source: EpochSource, rows: BoolArray, y: IntArray, rule: HeadSelector
) -> dict[str, Weights]:
    """Choose the heads that stage each subset of the modalities, on some rows.

    It is the weighted mean of the fused head and of the best unimodal head of the
    subset that has the least cross-entropy on the rows that have all of the subset, or
    one of the two alone where that is clearly better; where no row has all, what the
    rule says. `stage` gives log-probabilities by a head selector.
    """
    alone: dict[str, FloatArray] = {}
    chosen: dict[str, Weights] = {}
    for subset in islice(subsets_of(source.layout), _MAX_SUBSETS):
        key = "+".join(subset)
        chosen[key] = rule.weights(subset)
        part = source.only(subset, np.flatnonzero(rows))
        complete = np.logical_and.reduce([part.present[name] for name in subset])
        there = complete[part.row_to_epoch]
        if len(subset) == 1:
            head = HeadSelector(chosen={key: {subset[0]: 1.0}})
            alone[subset[0]] = stage(part, head)
        elif there.any():
            fused = stage(part, HeadSelector(chosen={key: {FUSED: 1.0}}))
            logs = {FUSED: fused} | {name: alone[name] for name in subset}
            logs = {head: log_proba[there] for head, log_proba in logs.items()}
            chosen[key] = _best_weights(logs, y[rows][there])
    return chosen


def _best_weights(logs: Mapping[str, FloatArray], y: IntArray) -> Weights:
    """Weights of the fused and the best unimodal head: a mean, or clearly one."""

    def loss(weights: Weights) -> float:
        return cross_entropy(logs, weights, y)

    best = min([{head: 1.0} for head in logs if head != FUSED], key=loss)
    one = min([{FUSED: 1.0}, best], key=loss)
    means = [{FUSED: 1.0} | dict.fromkeys(best, share) for share in _SHARES]
    mean = min(means, key=loss)
    return one if loss(one) < _CLEARLY * loss(mean) else mean


def cross_entropy(
    logs: Mapping[str, FloatArray], weights: Weights, y: IntArray
) -> float:
    """Cross-entropy of the weighted mean of the log-probabilities of some heads."""
    total = np.sum([weight * logs[head] for head, weight in weights.items()], axis=0)
    mean: FloatArray = log_softmax(total / sum(weights.values()), axis=1)
    return -float(mean[np.arange(len(y)), y].mean())
