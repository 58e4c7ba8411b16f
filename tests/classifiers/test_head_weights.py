"""The weights of heads: likelihoods of held-out epochs, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.classifiers._head_weights import pairs_and_more, weigh_heads
from sleepkit.classifiers._split import Split
from sleepkit.recording import EpochArray
from sleepkit.training import ArraySource, RecordingSource

EVERYWHERE = np.ones(200, bool)


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


def test_many_modalities_have_the_64_that_are_likely():
    sizes = [len(subset) for subset in pairs_and_more("abcdefg")]
    assert sizes == [7] + [6] * 7 + [2] * 21 + [5] * 21 + [4] * 14


@pytest.fixture
def two():
    """A source of two modalities, the second one missing in the first 50 epochs."""
    eog = np.ones((200, 1))
    eog[:50] = np.nan
    return ArraySource({"eeg": np.ones((200, 1)), "eog": eog})


def weigh(source, rows, y, logs, *, complete=3, subject=True, noisy=None):
    """Weigh the heads of two modalities where each gives known log-probabilities."""
    seen = []

    def read(part, heads, n_columns):
        assert n_columns == 3 * len(heads.names)
        seen.append((heads.names, part.present))
        return np.hstack([logs[name][part.row_to_epoch] for name in heads.names])

    split = Split(y, np.arange(len(y)) % 4 if subject else None, ~rows, rows)
    rule = HeadSelector(complete=complete)
    pair = [("eeg", "eog")]
    return weigh_heads(read, source, pair, split, rule, 3, noisy or {}), seen


@pytest.fixture
def logs(stages):
    """Of all heads."""
    strengths = {"fused": 1.5, "subset": 1.8, "eeg": 1.7, "eog": 1.4}
    return {n: guess(stages, s, i) for i, (n, s) in enumerate(strengths.items())}


def test_weights_are_likelihoods_of_eight_epochs(stages, two, logs):
    found, _ = weigh(two, EVERYWHERE, stages, logs)
    there = slice(50, None)
    likelihoods = {
        name: np.exp(-8 * log_loss(stages[there], np.exp(log_proba[there])))
        for name, log_proba in logs.items()
    }
    total = sum(likelihoods.values())
    assert found == {
        "eeg+eog": {
            n: pytest.approx(x / total, abs=0.006) for n, x in likelihoods.items()
        }
    }
    assert all(weight == round(weight, 2) for weight in found["eeg+eog"].values())


def test_heads_need_not_be_normalised(stages, two, logs):
    """Means over sequences that overlap are not."""
    expected, _ = weigh(two, EVERYWHERE, stages, logs)
    shifted = logs | {"eeg": logs["eeg"] - np.arange(200)[:, np.newaxis]}
    assert weigh(two, EVERYWHERE, stages, shifted)[0] == expected


@pytest.mark.parametrize("n_nan", [90, 91])
def test_rows_of_which_a_head_gives_nan_do_not_count(stages, two, logs, n_nan):
    """There are 150 with both modalities, and 60 are needed."""
    bad = np.arange(200) >= 200 - n_nan
    spoilt = logs | {"eog": np.where(bad[:, np.newaxis], np.nan, logs["eog"])}
    found, _ = weigh(two, EVERYWHERE, stages, spoilt)
    assert found == (weigh(two, ~bad, stages, logs)[0] if n_nan == 90 else {})


def test_a_head_without_weight_is_left_out(stages, two, logs):
    logs["fused"] = guess(stages, -5, 0)
    found, _ = weigh(two, EVERYWHERE, stages, logs)
    assert set(found["eeg+eog"]) == {"subset", "eeg", "eog"}


def test_rows_that_have_the_subset_decide(stages, two):
    """In the others the fused head is good, which does not count."""
    fused = guess(stages, -3, 1)
    fused[:50] = guess(stages, 9, 1)[:50]
    logs = {"fused": fused, "eeg": guess(stages, 5, 2), "eog": guess(stages, -3, 3)}
    found, seen = weigh(two, EVERYWHERE, stages, logs, complete=2)
    assert found == {"eeg+eog": {"eeg": 1.0}}
    given = [
        (names, sorted(n for n, p in part.items() if p.any())) for names, part in seen
    ]
    assert given == [
        (("eeg",), ["eeg"]),
        (("eog",), ["eog"]),
        (("fused",), ["eeg", "eog"]),
    ]


@pytest.mark.parametrize("n_rows", [59, 60])
def test_few_rows_decide_nothing(stages, two, logs, n_rows):
    rows = (np.arange(200) >= 50) & (np.arange(200) < 50 + n_rows)
    found, seen = weigh(two, rows, stages, logs)
    assert bool(found) == bool(seen) == (n_rows == 60)
    assert all(not part["eeg"][~rows].any() for _, part in seen)  # nor are others read


def test_rows_of_one_stage_decide_nothing(two, logs):
    assert weigh(two, EVERYWHERE, np.zeros(200, int), logs)[0] == {}


def test_rows_of_no_subject_decide_nothing(stages, two, logs):
    assert weigh(two, EVERYWHERE, stages, logs, subject=False)[0] == {}


@pytest.mark.parametrize(("n_clean", "counts"), [(59, False), (60, True)])
@pytest.mark.parametrize("name", ["eog", "emg"])
def test_nights_with_noise_count_where_there_are_no_others(
    stages, logs, name, n_clean, counts
):
    """And where the noise is in the subset."""
    night = (np.arange(200) >= n_clean).astype(int)
    blocks = {name: np.ones((200, 1)) for name in ("eeg", "eog", "emg")}
    source = RecordingSource(EpochArray.from_arrays(blocks, recording=night))
    found, _ = weigh(source, EVERYWHERE, stages, logs, noisy={1: {name}})
    rows = EVERYWHERE if name == "emg" or not counts else night == 0
    assert found == weigh(source, rows, stages, logs)[0]
    assert (found == weigh(source, EVERYWHERE, stages, logs)[0]) == rows.all()
