"""The choice of the heads that stage a subset of the modalities."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers._head_choice import choose_heads, pairs_and_more
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


def choose(source, rows, y, logs, rule=HeadSelector()):  # noqa: B008
    """Choose heads of two modalities where each gives known log-probabilities."""
    seen = []

    def stage(part, selector):
        ((_, heads),) = selector.chosen.items()
        seen.append(part.present)
        return logs[next(iter(heads))][part.row_to_epoch]

    split = Split(y, np.arange(len(y)) % 4, ~rows, rows)
    return choose_heads(stage, source, [("eeg", "eog")], split, rule), seen


def test_rows_that_have_the_subset_decide(stages, two):
    """In the others the EEG is good, which does not count."""
    eeg = guess(stages, 1, 1)
    eeg[:50] = guess(stages, 9, 1)[:50]
    logs = {"eeg": eeg, "eog": guess(stages, 2, 3)}
    found, seen = choose(two, np.ones(200, bool), stages, logs)
    assert found == {"eeg+eog": {"fused": 1.0, "eog": 1.0}}
    assert [[n for n, p in part.items() if p.any()] for part in seen] == [
        ["eeg"],
        ["eog"],
    ]


@pytest.mark.parametrize("complete", [2, 3])
def test_the_best_unimodal_head_counts_as_much_as_the_joint_ones(stages, two, complete):
    """Those are the fused head, and the subset head beside it where one is missing."""
    logs = {"eeg": guess(stages, 2, 1), "eog": guess(stages, 0, 3)}
    rule = HeadSelector(complete=complete)
    found, _ = choose(two, np.ones(200, bool), stages, logs, rule)
    joint = {"fused": 1.0, "subset": 1.0} if complete == 3 else {"fused": 1.0}
    assert found == {"eeg+eog": joint | {"eeg": float(len(joint))}}


@pytest.mark.parametrize("n_rows", [59, 60])
def test_few_rows_decide_nothing(stages, two, n_rows):
    logs = {head: guess(stages, 2, 1) for head in ("eeg", "eog")}
    rows = (np.arange(200) >= 50) & (np.arange(200) < 50 + n_rows)
    found, seen = choose(two, rows, stages, logs)
    assert bool(found) == bool(seen) == (n_rows == 60)
    assert all(not part["eeg"][~rows].any() for part in seen)  # nor are others staged


def test_rows_of_one_stage_decide_nothing(stages, two):
    logs = {head: guess(stages, 2, 1) for head in ("eeg", "eog")}
    found, _ = choose(two, np.ones(200, bool), np.zeros(200, int), logs)
    assert found == {}
