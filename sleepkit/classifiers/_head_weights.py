"""Weights of the heads for each subset of the modalities, by held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

import numpy as np
from scipy.special import log_softmax, softmax

from sleepkit._typing import FloatArray, IntArray
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.classifiers._split import Split
from sleepkit.training import EpochSource

MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_MIN_STAGES: Final = 2
_EPOCHS: Final = 8  # that the likelihood counts of each held-out subject

Weights = dict[str, float]
Stage = Callable[[EpochSource, tuple[str, ...]], Mapping[str, FloatArray]]


def pairs_and_more(modalities: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Subsets of several modalities: all, all but one, pairs, then the larger ones."""
    names = list(modalities)
    sizes = [len(names), len(names) - 1, 2, *range(len(names) - 2, 2, -1)]
    for size in dict.fromkeys(size for size in sizes if size > 1):
        yield from combinations(names, size)


def weigh_heads(
    stage: Stage,
    source: EpochSource,
    subsets: Iterable[tuple[str, ...]],
    split: Split,
    rule: HeadSelector,
) -> dict[str, Weights]:
    """Weigh the heads that stage some subsets of the modalities, on held-out rows.

    Those are the joint heads of the rule and the unimodal heads of the subset. A weight
    is in proportion to a likelihood, ``exp(-8 n_subjects L)``, with ``L`` the
    cross-entropy of the head over the rows that have all of the subset: as if each
    subject had eight epochs that are independent, for subjects differ. Weights are
    rounded to hundredths. Where the rows are too few, the subset is left out. `stage`
    gives log-probabilities by each of some heads.
    """
    alone: dict[str, FloatArray] = {}
    weights: dict[str, Weights] = {}
    numbers, subject = np.flatnonzero(split.valid), split.subject
    if subject is None:
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
                alone |= stage(source.only([name], numbers), (name,))
        logs = dict(stage(part, tuple(rule.weights(subset))))
        logs |= {name: alone[name] for name in subset}
        losses = {n: _loss(logs[n][there], split.y[rows]) for n in logs}
        n_epochs = _EPOCHS * len(np.unique(subject[rows]))
        weights["+".join(subset)] = _likelihoods(losses, n_epochs)
    return weights


def _loss(log_proba: FloatArray, y: IntArray) -> float:
    """Cross-entropy of log-probabilities, which need not be normalised."""
    normalised = log_softmax(log_proba, axis=1)
    return float(-normalised[np.arange(len(y)), y].mean())


def _likelihoods(losses: Mapping[str, float], n_epochs: int) -> Weights:
    """Weights by the likelihood of so many epochs, in hundredths, that are not 0."""
    shares = softmax(-n_epochs * np.array([*losses.values()])).round(2).tolist()
    return {name: share for name, share in zip(losses, shares, strict=True) if share}
