"""The choice of heads: the least cross-entropy, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sleepkit.classifiers._head_choice import (
    _best_weights,
    choose_heads,
    pairs_and_more,
)
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


@pytest.mark.parametrize("fused", [0.0, 1.0, 2.0, 6.0])
def test_the_least_cross_entropy(stages, fused):
    logs = {
        "fused": guess(stages, fused, 1),
        "eeg": guess(stages, 2.0, 2),
        "eog": guess(stages, 0.5, 3),
    }
    found = by_hand(logs, _best_weights(logs, stages), stages)
    for share in (0.25, 0.5, 1, 2, 4):
        assert found <= by_hand(logs, {"fused": 1, "eeg": share}, stages) + 1e-12
    for head in logs:
        assert found <= by_hand(logs, {head: 1}, stages) / 0.95 + 1e-12


def test_either_may_stage_alone(stages):
    good, bad = guess(stages, 5, 1), guess(stages, -2, 2)
    assert _best_weights({"fused": good, "eeg": bad}, stages) == {"fused": 1.0}
    assert _best_weights({"fused": bad, "eeg": good}, stages) == {"eeg": 1.0}


def test_a_mean_is_left_for_a_clear_gain_alone(stages):
    """One head is a little better by itself, which few subjects do not settle."""
    better = guess(stages, 2, 1)
    flatter = better - 0.2 * better  # the same order of stages, less sure
    flatter -= np.log(np.exp(flatter).sum(axis=1, keepdims=True))
    logs = {"fused": better, "eeg": flatter}
    alone = by_hand(logs, {"fused": 1}, stages)
    mean = by_hand(logs, {"fused": 1, "eeg": 0.25}, stages)
    assert 0.95 * mean < alone < mean
    assert _best_weights(logs, stages) == {"fused": 1.0, "eeg": 0.25}


def test_two_equals_are_averaged(stages):
    logs = {"fused": guess(stages, 2, 1), "eeg": guess(stages, 2, 2)}
    assert set(_best_weights(logs, stages)) == {"fused", "eeg"}


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


def choose(source, rows, y, logs):
    """Choose heads where each head gives known log-probabilities."""
    seen = []

    def stage(part, selector):
        ((_, heads),) = selector.chosen.items()
        seen.append(part.present)
        return logs[next(iter(heads))][part.row_to_epoch]

    return choose_heads(stage, source, ("eeg", "eog"), rows, y), seen


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


@pytest.mark.parametrize(("strength", "clear"), [(2.0, False), (4.0, True)])
def test_all_together_are_left_to_the_fused_head(stages, two, strength, clear):
    """Unless another choice is clearly better; a part of them is not."""
    logs = {"fused": guess(stages, 2, 1), "eog": guess(stages, 0, 3)}
    logs["eeg"] = logs["fused"] if not clear else guess(stages, strength, 2)
    found, _ = choose(two, np.ones(200, bool), stages, logs)
    assert (found["eeg+eog"] == {"fused": 1.0}) == (not clear)


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
