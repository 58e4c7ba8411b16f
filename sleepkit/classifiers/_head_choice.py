"""Choice of the heads for each subset of the modalities, on held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

import numpy as np
from scipy.special import log_softmax

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.classifiers._split import Split
from sleepkit.training import EpochSource

MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_JOINT: Final = "+"  # the joint heads together; no head has this name
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_MIN_STAGES: Final = 2
_SHARES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a unimodal head beside the joint ones
_CLEARLY: Final = 0.9  # of the cross-entropy: few held-out subjects mislead
_MOST: Final = 0.75  # of these subjects
_MIN_SUBJECTS: Final = 4  # of which most can be more than chance

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
    subsets: Iterable[tuple[str, ...]],
    split: Split,
    rule: HeadSelector,
    n_modalities: int,
) -> dict[str, Weights]:
    """Choose the heads that stage some subsets of the modalities, on held-out rows.

    By default the best unimodal head of a subset counts as much as each of the joint
    heads of the rule: the subset is then hardly worse than its best part. All
    `n_modalities` are staged by the joint heads alone, as in the paper. Where four or
    more subjects are held out, a unimodal head, the joint ones or another mean of both
    are chosen if their cross-entropy is clearly lower: by 10 %, and in three quarters
    of the subjects. The rows are those that have all of the subset; where they are too
    few, it is left out. `stage` gives log-probabilities by a head selector.
    """
    alone: dict[str, FloatArray] = {}
    chosen: dict[str, Weights] = {}
    numbers, subject = np.flatnonzero(split.valid), split.subject
    if subject is None:
        return chosen
    for subset in islice(subsets, MAX_SUBSETS):
        part = source.only(subset, numbers)
        complete = np.logical_and.reduce([source.present[name] for name in subset])
        there = complete[part.row_to_epoch]
        rows = numbers[there]
        if len(rows) < _MIN_ROWS or len(np.unique(split.y[rows])) < _MIN_STAGES:
            continue
        for name in subset:
            if name not in alone:
                one = _selector({name: 1.0}, name)
                alone[name] = stage(source.only([name], numbers), one)
        joint = rule.weights(subset)
        logs = {_JOINT: stage(part, _selector(joint, *subset))}
        logs |= {name: alone[name] for name in subset}
        logs = {head: log_proba[there] for head, log_proba in logs.items()}
        default = {_JOINT: 1.0}
        if len(subset) < n_modalities:
            default[_best_alone(logs, split.y[rows])] = 1 / len(joint)
        weights = _best_weights(logs, default, split.y[rows], subject[rows])
        chosen["+".join(subset)] = _spread(weights, joint)
    return chosen


def _selector(weights: Weights, *subset: str) -> HeadSelector:
    """Selector of heads for the epochs that have a subset of the modalities."""
    return HeadSelector(chosen={frozenset(subset): weights})


def _spread(weights: Weights, joint: Weights) -> Weights:
    """Weights of all heads, from those of the joint ones together and of others."""
    total = sum(joint.values())
    spread = {name: share * weights.get(_JOINT, 0.0) for name, share in joint.items()}
    spread |= {n: total * w for n, w in weights.items() if n != _JOINT}
    return {name: weight for name, weight in spread.items() if weight}


def _best_alone(logs: Mapping[str, FloatArray], y: IntArray) -> str:
    """Name of the unimodal head with the least cross-entropy."""
    alone = [head for head in logs if head != _JOINT]
    return min(alone, key=lambda head: _losses(logs, {head: 1.0}, y).mean())


def _best_weights(
    logs: Mapping[str, FloatArray], default: Weights, y: IntArray, subject: IntArray
) -> Weights:
    """Weights of the joint and of the unimodal heads, the default if none is better."""
    best = default
    if len(np.unique(subject)) < _MIN_SUBJECTS:
        return best
    bar = _losses(logs, best, y)
    subjects = subject == np.unique(subject)[:, np.newaxis]  # (n_subjects, n_rows)
    least = _CLEARLY * bar.mean()
    alone = [head for head in logs if head != _JOINT]
    means = [{_JOINT: 1.0, head: share} for head in alone for share in _SHARES]
    for weights in [*({head: 1.0} for head in logs), *means]:
        losses = _losses(logs, weights, y)
        if losses.mean() < least and _share_better(losses, bar, subjects) >= _MOST:
            best, least = weights, losses.mean()
    return best


def _share_better(losses: FloatArray, bar: FloatArray, subjects: BoolArray) -> float:
    """Share of the subjects whose losses are lower than the others."""
    return float((subjects @ (losses - bar) < 0).mean())


def _losses(
    logs: Mapping[str, FloatArray], weights: Weights, y: IntArray
) -> FloatArray:
    """Cross-entropy of each row by the weighted mean of the log-probabilities."""
    total = np.sum([weight * logs[head] for head, weight in weights.items()], axis=0)
    mean: FloatArray = log_softmax(total / sum(weights.values()), axis=1)
    return -mean[np.arange(len(y)), y]
