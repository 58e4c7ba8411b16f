"""The choice of heads: the least cross-entropy, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sleepkit.classifiers._head_choice import (
    _best_alone,
    _best_weights,
    choose_heads,
    pairs_and_more,
)
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.classifiers._split import Split
from sleepkit.training import ArraySource


@pytest.fixture
def stages():
    return np.random.default_rng(0).integers(0, 3, 200)


def guess(stages, strength, seed):
    """Log-probabilities that know the stage by so much."""
    scores = np.random.default_rng(seed).normal(size=(len(stages), 3))
    scores += strength * (stages[:, np.newaxis] == np.arange(3))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def by_hand(logs, weights, y):
    total = sum(weight * logs[head] for head, weight in weights.items())
    proba = np.exp(total / sum(weights.values()))
    return log_loss(y, proba / proba.sum(axis=1, keepdims=True), labels=range(3))


def best(logs, y, n_subjects=4):
    """The choice for a subset that lacks a modality, by so many subjects."""
    default = {"+": 1.0, _best_alone(logs, y): 1.0}
    return _best_weights(logs, default, y, np.arange(len(y)) % n_subjects)


@pytest.mark.parametrize("joint", [0.0, 1.0, 2.0, 6.0])
def test_the_least_cross_entropy(stages, joint):
    logs = {
        "+": guess(stages, joint, 1),
        "eeg": guess(stages, 2.0, 2),
        "eog": guess(stages, 0.5, 3),
    }
    default = {"+": 1.0, "eeg": 1.0}
    weights = best(logs, stages)
    found, bar = (by_hand(logs, w, stages) for w in (weights, default))
    others = [{"+": 1}, {"eeg": 1}, {"eog": 1}]
    others += [
        {"+": 1, head: share}
        for head in ("eeg", "eog")
        for share in (0.25, 0.5, 1, 2, 4)
    ]
    least = min(by_hand(logs, w, stages) for w in others)
    assert (weights == default) == (least >= 0.9 * bar)
    assert found == pytest.approx(least if least < 0.9 * bar else bar)


@pytest.mark.parametrize(("n_subjects", "alone"), [(3, False), (4, True)])
def test_either_may_stage_alone(stages, n_subjects, alone):
    """Where enough subjects decide it."""
    good, bad = guess(stages, 5, 1), guess(stages, -2, 2)
    for names in (("+", "eeg"), ("eeg", "+")):
        logs = dict(zip(names, (good, bad), strict=True))
        found = best(logs, stages, n_subjects)
        assert found == ({names[0]: 1.0} if alone else {"+": 1.0, "eeg": 1.0})


def test_the_best_unimodal_head_takes_part(stages):
    logs = {"+": guess(stages, 2, 1), "eog": guess(stages, 1, 2)}
    logs["eeg"] = guess(stages, 2, 3)
    assert best(logs, stages, 1) == {"+": 1.0, "eeg": 1.0}


def test_the_default_is_left_for_a_clear_gain_alone(stages):
    """A mean is a little better, which few subjects do not settle."""
    flatter = guess(stages, 2, 1)
    sharper = 1.3 * flatter
    sharper -= np.log(np.exp(sharper).sum(axis=1, keepdims=True))
    logs = {"+": flatter, "eeg": sharper}
    default, mean = {"+": 1.0, "eeg": 1.0}, {"+": 1.0, "eeg": 4.0}
    losses = [by_hand(logs, weights, stages) for weights in (default, mean)]
    assert 0.9 * losses[0] < losses[1] < losses[0]
    assert best(logs, stages) == default


@pytest.mark.parametrize(("n_worse", "changed"), [(1, True), (2, False)])
def test_a_gain_must_be_that_of_most_subjects(stages, n_worse, changed):
    """Four of them: a large gain of two is not enough."""
    subject = np.arange(len(stages)) % 4
    joint, good = guess(stages, -3, 3), guess(stages, 4, 1)
    logs = {"+": joint}
    worse = joint - 0.2 * (stages[:, np.newaxis] == np.arange(3))
    logs["eeg"] = np.where((subject < n_worse)[:, np.newaxis], worse, good)
    default, alone = {"+": 1.0, "eeg": 1.0}, {"eeg": 1.0}
    losses = [by_hand(logs, weights, stages) for weights in (default, alone)]
    assert losses[1] < 0.9 * losses[0]
    assert (best(logs, stages) != default) == changed


def test_every_subset_of_several_once():
    found = list(pairs_and_more(("a", "b", "c", "d")))
    assert len(found) == len(set(found)) == 11
    assert [len(subset) for subset in found] == [4] + [3] * 4 + [2] * 6


def test_many_modalities_begin_with_those_that_are_likely():
    sizes = [len(subset) for subset in pairs_and_more("abcdefg")][:64]
    assert sizes == [7] + [6] * 7 + [2] * 21 + [5] * 21 + [4] * 14


@pytest.fixture
def two():
    """A source of two modalities, the second one missing in the first 50 epochs."""
    eog = np.ones((200, 1))
    eog[:50] = np.nan
    return ArraySource({"eeg": np.ones((200, 1)), "eog": eog})


def choose(
    source,
    rows,
    y,
    logs,
    rule=HeadSelector(),  # noqa: B008
    n_subjects=4,
    n_modalities=3,
):
    """Choose heads of two modalities where each gives known log-probabilities."""
    seen = []

    def stage(part, selector):
        ((_, heads),) = selector.chosen.items()
        seen.append(part.present)
        return logs[next(iter(heads))][part.row_to_epoch]

    subject = np.arange(len(y)) % n_subjects
    split = Split(y, subject, ~rows, rows)
    pair = [("eeg", "eog")]
    return choose_heads(stage, source, pair, split, rule, n_modalities), seen


def test_rows_that_have_the_subset_decide(stages, two):
    """In the others the fused head is good, which does not count."""
    fused = guess(stages, -3, 1)
    fused[:50] = guess(stages, 9, 1)[:50]
    logs = {"fused": fused, "eeg": guess(stages, 3, 2), "eog": guess(stages, 1, 3)}
    rows = np.ones(200, bool)
    found, seen = choose(two, rows, stages, logs)
    assert found == {"eeg+eog": {"eeg": 1.0}}
    assert [sorted(n for n, p in part.items() if p.any()) for part in seen] == [
        ["eeg"],
        ["eog"],
        ["eeg", "eog"],
    ]


@pytest.mark.parametrize("complete", [2, 3])
def test_the_best_unimodal_head_counts_as_much_as_each_joint_one(stages, two, complete):
    """Those are the fused head, and the subset head beside it where one is missing."""
    logs = dict.fromkeys(("fused", "eeg"), guess(stages, 2, 1))
    logs["eog"] = guess(stages, 0, 3)
    rule = HeadSelector(complete=complete)
    found, _ = choose(two, np.ones(200, bool), stages, logs, rule)
    joint = {"fused": 1.0, "subset": 1.0} if complete == 3 else {"fused": 1.0}
    assert found == {"eeg+eog": joint | {"eeg": 1.0}}


@pytest.mark.parametrize(
    ("fused", "n_subjects", "expected"),
    [(5.0, 4, "fused"), (-3.0, 3, "fused"), (-3.0, 4, "eeg")],
)
def test_all_modalities_leave_the_fused_head_for_a_clear_gain_alone(
    stages, two, fused, n_subjects, expected
):
    """As where one of them is noise in some nights."""
    logs = {"fused": guess(stages, fused, 1), "eog": guess(stages, 0, 3)}
    logs["eeg"] = guess(stages, 2, 2)
    params = {"n_subjects": n_subjects, "n_modalities": 2}
    found, _ = choose(two, np.ones(200, bool), stages, logs, **params)
    assert found == {"eeg+eog": {expected: 1.0}}


@pytest.mark.parametrize("n_rows", [59, 60])
def test_few_rows_decide_nothing(stages, two, n_rows):
    logs = {head: guess(stages, 2, 1) for head in ("fused", "eeg", "eog")}
    rows = (np.arange(200) >= 50) & (np.arange(200) < 50 + n_rows)
    found, seen = choose(two, rows, stages, logs)
    assert bool(found) == bool(seen) == (n_rows == 60)
    assert all(not part["eeg"][~rows].any() for part in seen)  # nor are others staged


def test_rows_of_one_stage_decide_nothing(stages, two):
    logs = {head: guess(stages, 2, 1) for head in ("fused", "eeg", "eog")}
    found, _ = choose(two, np.ones(200, bool), np.zeros(200, int), logs)
    assert found == {}
