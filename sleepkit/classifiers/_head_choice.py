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

MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_SHARES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a unimodal head beside the fused one
_CLEARLY: Final = 0.95  # of the cross-entropy: few held-out subjects mislead

Weights = dict[str, float]
Stage = Callable[[EpochSource, HeadSelector], FloatArray]


def pairs_and_more(modalities: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Subsets of several modalities: all, all but one, pairs, then the larger ones."""
    names = list(modalities)
    sizes = [len(names), len(names) - 1, 2, *range(len(names) - 2, 2, -1)]
    for size in dict.fromkeys(size for size in sizes if size > 1):
        yield from combinations(names, size)


def choose_heads(
    stage: Stage,
    source: EpochSource,
    modalities: Iterable[str],
    rows: BoolArray,
    y: IntArray,
) -> dict[str, Weights]:
    """Choose the heads that stage each subset of the modalities, on some rows.

    It is the weighted mean of the fused head and of the best unimodal head of the
    subset that has the least cross-entropy on the rows that have all of the subset, or
    one of the two alone where that is clearly better. All modalities together are
    staged by the fused head unless another choice is clearly better. Subsets that too
    few rows have are left out. `stage` gives log-probabilities by a head selector.
    """
    modalities = list(modalities)
    alone: dict[str, FloatArray] = {}
    chosen: dict[str, Weights] = {}
    numbers = np.flatnonzero(rows)
    for subset in islice(pairs_and_more(modalities), MAX_SUBSETS):
        part = source.only(subset, numbers)
        complete = np.logical_and.reduce([source.present[name] for name in subset])
        there = complete[part.row_to_epoch]
        stages = y[numbers][there]
        if len(stages) < _MIN_ROWS or len(np.unique(stages)) == 1:
            continue
        for name in subset:
            if name not in alone:
                alone[name] = stage(source.only([name], numbers), _only(name, name))
        fused = stage(part, _only(FUSED, *subset))
        logs = {FUSED: fused} | {name: alone[name] for name in subset}
        logs = {head: log_proba[there] for head, log_proba in logs.items()}
        weights = _best_weights(logs, stages)
        if len(subset) == len(modalities):
            weights = _if_clear(weights, {FUSED: 1.0}, logs, stages)
        chosen["+".join(subset)] = weights
    return chosen


def _only(head: str, *subset: str) -> HeadSelector:
    """Selector of one head for the epochs that have a subset of the modalities."""
    return HeadSelector(chosen={frozenset(subset): {head: 1.0}})


def _best_weights(logs: Mapping[str, FloatArray], y: IntArray) -> Weights:
    """Weights of the fused and the best unimodal head: a mean, or clearly one."""

    def loss(weights: Weights) -> float:
        return cross_entropy(logs, weights, y)

    best = min([{head: 1.0} for head in logs if head != FUSED], key=loss)
    one = min([{FUSED: 1.0}, best], key=loss)
    means = [{FUSED: 1.0} | dict.fromkeys(best, share) for share in _SHARES]
    return _if_clear(one, min(means, key=loss), logs, y)


def _if_clear(
    weights: Weights, default: Weights, logs: Mapping[str, FloatArray], y: IntArray
) -> Weights:
    """Weights that are clearly better than the default ones, or else these."""
    found, bar = (cross_entropy(logs, some, y) for some in (weights, default))
    return weights if found < _CLEARLY * bar else default


def cross_entropy(
    logs: Mapping[str, FloatArray], weights: Weights, y: IntArray
) -> float:
    """Cross-entropy of the weighted mean of the log-probabilities of some heads."""
    total = np.sum([weight * logs[head] for head, weight in weights.items()], axis=0)
    mean: FloatArray = log_softmax(total / sum(weights.values()), axis=1)
    return -float(mean[np.arange(len(y)), y].mean())
