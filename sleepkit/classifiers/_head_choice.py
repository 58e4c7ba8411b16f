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
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_SHARES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a unimodal head beside the joint one
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
) -> dict[str, Weights]:
    """Choose the heads that stage some subsets of the modalities, on held-out rows.

    They are those of the rule, one joint head, unless a unimodal head of the subset, or
    a weighted mean of both, has a clearly lower cross-entropy on the rows that have all
    of the subset: by 10 %, and in three quarters of the subjects. Subsets that too few
    rows or subjects have are left out. `stage` gives log-probabilities by a head
    selector.
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
        if not _can_decide(split.y[rows], subject[rows]):
            continue
        for name in subset:
            if name not in alone:
                alone[name] = stage(source.only([name], numbers), _only(name, name))
        (joint,) = rule.weights(subset)
        logs = {joint: stage(part, _only(joint, *subset))}
        logs |= {name: alone[name] for name in subset}
        logs = {head: log_proba[there] for head, log_proba in logs.items()}
        weights = _best_weights(joint, logs, split.y[rows], subject[rows])
        chosen["+".join(subset)] = weights
    return chosen


def _can_decide(y: IntArray, subject: IntArray) -> bool:
    """Whether rows are of more than a few epochs, subjects and stages."""
    n_subjects, n_stages = len(np.unique(subject)), len(np.unique(y))
    return len(y) >= _MIN_ROWS and n_subjects >= _MIN_SUBJECTS and n_stages > 1


def _only(head: str, *subset: str) -> HeadSelector:
    """Selector of one head for the epochs that have a subset of the modalities."""
    return HeadSelector(chosen={frozenset(subset): {head: 1.0}})


def _best_weights(
    joint: str, logs: Mapping[str, FloatArray], y: IntArray, subject: IntArray
) -> Weights:
    """Weights of the joint head alone, or the best of those that are clearly better."""
    default = {joint: 1.0}
    bar = _losses(logs, default, y)
    subjects = subject == np.unique(subject)[:, np.newaxis]  # (n_subjects, n_rows)
    best, least = default, _CLEARLY * bar.mean()
    alone = [head for head in logs if head != joint]
    means = [{joint: 1.0, head: share} for head in alone for share in _SHARES]
    for weights in [*({head: 1.0} for head in alone), *means]:
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
