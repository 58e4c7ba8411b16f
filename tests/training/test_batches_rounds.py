import numpy as np
import pytest

from sleepkit.training import ArraySource, Batches
from sleepkit.training._batches import Rounds


@pytest.fixture
def batches():
    """Five batches of one epoch, whose number is its class."""
    source = ArraySource({"eeg": np.arange(5.0)[:, np.newaxis]})
    return Batches(source, {"stages": np.arange(5)}, 1)


def stages(rounds):
    return [int(targets["stages"][0]) for _, targets in rounds]


@pytest.mark.parametrize("n_steps", [1, 2, 5, 7, 15, 99])
def test_rounds_go_on_through_the_passes(batches, n_steps):
    rounds = Rounds(batches, 3, n_steps)
    seen = [stages(rounds) for _ in range(rounds.n_rounds)]
    assert [stage for part in seen for stage in part] == [0, 1, 2, 3, 4] * 3
    assert all(len(part) == n_steps for part in seen[:-1])
    assert 0 < len(seen[-1]) <= n_steps


def test_each_pass_is_shuffled_anew(batches):
    batches.rng = np.random.default_rng(0)
    rounds = Rounds(batches, 2, 5)
    first, second = stages(rounds), stages(rounds)
    assert sorted(first) == sorted(second) == [0, 1, 2, 3, 4]
    assert first != second


@pytest.mark.parametrize("n_done", [0, 1, 2, 3])
def test_a_state_gives_the_same_rounds_again(batches, n_done):
    batches.rng = np.random.default_rng(0)
    rounds = Rounds(batches, 3, 4)
    for _ in range(n_done):
        stages(rounds)
    state = rounds.state_dict()
    expected = [stages(rounds) for _ in range(n_done, rounds.n_rounds)]
    batches.rng = np.random.default_rng(1)
    again = Rounds(batches, 3, 4)
    stages(again)
    again.load_state_dict(state)
    assert [stages(again) for _ in range(n_done, again.n_rounds)] == expected
