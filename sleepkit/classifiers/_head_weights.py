"""Weights of the heads for each subset of the modalities, by held-out subjects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

import numpy as np
from scipy.special import log_softmax, softmax

from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.classifiers._head_selector import HeadSelector, Read, read_each
from sleepkit.classifiers._split import Split
from sleepkit.training import EpochSource

_MAX_SUBSETS: Final = 64  # each takes a staging of the held-out subjects
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_MIN_STAGES: Final = 2
_N_EPOCHS: Final = 8  # of which it is the likelihood: held-out subjects are few


def pairs_and_more(modalities: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Subsets of several modalities, 64 at most.

    They are all, all but one, pairs, then the larger ones.
    """
    names = list(modalities)
    sizes = [len(names), len(names) - 1, 2, *range(len(names) - 2, 2, -1)]
    sizes = [size for size in dict.fromkeys(sizes) if size > 1]
    subsets = (some for size in sizes for some in combinations(names, size))
    return islice(subsets, _MAX_SUBSETS)


def weigh_heads(
    read: Read,
    source: EpochSource,
    subsets: Iterable[tuple[str, ...]],
    split: Split,
    rule: HeadSelector,
    n_classes: int,
    noisy: Mapping[int, Collection[str]],
) -> dict[str, dict[str, float]]:
    """Weigh the heads that stage some subsets of the modalities, on held-out rows.

    Those are the joint heads of the rule and the unimodal heads of the subset. A weight
    is in proportion to ``exp(-8 L)``, with ``L`` the cross-entropy of the head over the
    rows that have all of the subset: the likelihood of eight epochs like these. More
    would leave the choice to few subjects. Weights are rounded to hundredths. Rows of
    which a head gives NaN do not count, nor do nights in which a modality of the subset
    is `noisy`, unless there are no others. Where too few rows count, the subset is left
    out.
    """
    alone: dict[str, FloatArray] = {}
    weights: dict[str, dict[str, float]] = {}
    numbers, without_noise = np.flatnonzero(split.valid), source.without(noisy)
    for subset in subsets if split.subject is not None else ():
        part = source.only(subset, numbers)
        there = _complete(without_noise, subset)[part.row_to_epoch]
        if _decides_nothing(split.y[numbers[there]]):
            there = _complete(source, subset)[part.row_to_epoch]
        if _decides_nothing(split.y[numbers[there]]):
            continue
        for name in subset:
            if name not in alone:
                one = source.only([name], numbers)
                alone |= read_each(read, one, (name,), n_classes)
        logs = read_each(read, part, tuple(rule.weights(subset)), n_classes)
        logs |= {name: alone[name] for name in subset}
        there &= np.isfinite(np.hstack([*logs.values()])).all(axis=1)
        y = split.y[numbers[there]]
        if not _decides_nothing(y):
            losses = {name: _loss(x[there], y) for name, x in logs.items()}
            weights["+".join(subset)] = _likelihoods(losses)
    return weights


def _complete(source: EpochSource, subset: tuple[str, ...]) -> BoolArray:
    """Epochs that have all modalities of a subset."""
    found: BoolArray = np.logical_and.reduce([source.present[name] for name in subset])
    return found


def _decides_nothing(y: IntArray) -> bool:
    """Whether there are too few rows or stages."""
    return len(y) < _MIN_ROWS or len(np.unique(y)) < _MIN_STAGES


def _loss(log_proba: FloatArray, y: IntArray) -> float:
    """Cross-entropy of log-probabilities, which need not be normalised."""
    normalised = log_softmax(log_proba, axis=1)
    return float(-normalised[np.arange(len(y)), y].mean())


def _likelihoods(losses: Mapping[str, float]) -> dict[str, float]:
    """Weights by the likelihood, in hundredths, that are not 0."""
    shares = softmax(-_N_EPOCHS * np.array([*losses.values()])).round(2).tolist()
    return {name: share for name, share in zip(losses, shares, strict=True) if share}
