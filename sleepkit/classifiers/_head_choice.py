"""Choice of the heads for each subset of the modalities, on held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, islice
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.classifiers._split import Split
from sleepkit.training import EpochSource

MAX_SUBSETS: Final = 64  # as many as a table can show
_MIN_ROWS: Final = 60  # half an hour of held-out epochs: fewer decide nothing
_MIN_STAGES: Final = 2

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

    The best unimodal head of a subset, by the cross-entropy of the rows that have all
    of it, counts as much as the joint heads of the rule together: the subset is then
    hardly worse than its best part. Where rows are too few, it is left out. `stage`
    gives log-probabilities by a head selector.

    Held-out subjects could decide on more, such as the joint heads alone. But where a
    modality is noise in some nights only, most of the subjects favour what fails in
    these.
    """
    chosen: dict[str, Weights] = {}
    losses: dict[str, FloatArray] = {}
    numbers = np.flatnonzero(split.valid)
    for subset in islice(subsets, MAX_SUBSETS):
        complete = np.logical_and.reduce([source.present[name] for name in subset])
        there = complete[source.row_to_epoch[numbers]]
        y = split.y[numbers[there]]
        if len(y) < _MIN_ROWS or len(np.unique(y)) < _MIN_STAGES:
            continue
        for name in subset:
            if name not in losses:
                alone = HeadSelector(chosen={frozenset([name]): {name: 1.0}})
                log_proba = stage(source.only([name], numbers), alone)
                losses[name] = -log_proba[np.arange(len(numbers)), split.y[numbers]]
        best = min(subset, key=lambda name: losses[name][there].mean())
        joint = rule.weights(subset)
        chosen["+".join(subset)] = joint | {best: sum(joint.values())}
    return chosen
