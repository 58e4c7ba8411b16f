"""Weights of the heads for each subset of the modalities, by held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Any, Final

import numpy as np
from scipy.special import log_softmax, softmax

from sleepkit._typing import FloatArray, IntArray
from sleepkit.classifiers._head_selector import HeadSelector, SeparateHeads
from sleepkit.classifiers._split import Split
from sleepkit.training import EpochSource

MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_MIN_STAGES: Final = 2
_N_EPOCHS: Final = 8  # of which it is the likelihood: held-out subjects are few

Weights = dict[str, float]
Read = Callable[[EpochSource, Any, int], FloatArray]


def pairs_and_more(modalities: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Subsets of several modalities: all, all but one, pairs, then the larger ones."""
    names = list(modalities)
    sizes = [len(names), len(names) - 1, 2, *range(len(names) - 2, 2, -1)]
    for size in dict.fromkeys(size for size in sizes if size > 1):
        yield from combinations(names, size)


def weigh_heads(
    read: Read,
    source: EpochSource,
    subsets: Iterable[tuple[str, ...]],
    split: Split,
    rule: HeadSelector,
    n_classes: int,
) -> dict[str, Weights]:
    """Weigh the heads that stage some subsets of the modalities, on held-out rows.

    Those are the joint heads of the rule and the unimodal heads of the subset. A weight
    is in proportion to ``exp(-8 L)``, with ``L`` the cross-entropy of the head over the
    rows that have all of the subset: the likelihood of eight epochs like these. More
    would leave the choice to few subjects. Weights are rounded to hundredths. Where the
    rows are too few, the subset is left out.
    """

    def by_heads(part: EpochSource, *names: str) -> dict[str, FloatArray]:
        heads = SeparateHeads(names)
        return heads.split(read(part, heads, len(names) * n_classes))

    alone: dict[str, FloatArray] = {}
    weights: dict[str, Weights] = {}
    numbers = np.flatnonzero(split.valid)
    if split.subject is None:
        return weights
    for subset in islice(subsets, MAX_SUBSETS):
        part = source.only(subset, numbers)
        complete = np.logical_and.reduce([source.present[name] for name in subset])
        there = complete[part.row_to_epoch]
        rows = numbers[there]
        if len(rows) < _MIN_ROWS or len(np.unique(split.y[rows])) < _MIN_STAGES:
            continue
        for name in subset:
            if name not in alone:
                alone |= by_heads(source.only([name], numbers), name)
        logs = by_heads(part, *rule.weights(subset))
        logs |= {name: alone[name] for name in subset}
        losses = {n: _loss(logs[n][there], split.y[rows]) for n in logs}
        weights["+".join(subset)] = _likelihoods(losses)
    return weights


def _loss(log_proba: FloatArray, y: IntArray) -> float:
    """Cross-entropy of log-probabilities, which need not be normalised."""
    normalised = log_softmax(log_proba, axis=1)
    return float(-normalised[np.arange(len(y)), y].mean())


def _likelihoods(losses: Mapping[str, float]) -> Weights:
    """Weights by the likelihood, in hundredths, that are not 0."""
    shares = softmax(-_N_EPOCHS * np.array([*losses.values()])).round(2).tolist()
    return {name: share for name, share in zip(losses, shares, strict=True) if share}
