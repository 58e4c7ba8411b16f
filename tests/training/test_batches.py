import numpy as np
import pytest

from sleepkit.training import Batches, NightEpochs, RowEpochs

NONE = np.full(12, -1)


@pytest.fixture
def epochs(make_features):
    return NightEpochs(make_features({"a": 7, "b": 5}, gaps={"b": [2]}))


def collect(batches):
    """All numbers (each epoch's only feature) and stages that a pass shows."""
    shown = []
    for inputs, targets in batches:
        there = inputs["present"]["eeg"]
        numbers = inputs["inputs"]["eeg"][..., 0][there].astype(int)
        shown += zip(numbers.tolist(), targets["stages"][there].tolist(), strict=True)
        assert np.all(targets["stages"][~there] == -1)
    return shown


def test_alone_only_labelled_epochs_are_shown(epochs):
    stages = NONE.copy()
    stages[[1, 3, 8]] = [2, 0, 4]
    assert collect(Batches(epochs, stages, NONE, 2)) == [(1, 2), (3, 0), (8, 4)]


def test_in_sequences_the_others_are_context(epochs):
    stages = NONE.copy()
    stages[[1, 8]] = [2, 4]
    shown = collect(Batches(epochs, stages, NONE, 2, length=3))
    # [0 1 2] of a; [7 8 .] of b, up to its gap; [3 4 5], [6 . .], [10 11 .] teach none
    assert shown == [(0, -1), (1, 2), (2, -1), (7, -1), (8, 4)]


def test_an_epoch_without_signal_is_not_learnt(epochs):
    stages = np.zeros(12, int)
    batches = Batches(epochs, stages, NONE, 4)
    assert batches.labelled.sum() == 11
    assert 9 not in dict(collect(batches))


@pytest.mark.parametrize("length", [None, 3])
def test_shuffled_passes_show_everything_once(epochs, length):
    stages = np.arange(12) % 5
    batches = Batches(epochs, stages, NONE, 2, length, np.random.default_rng(0))
    first, second = collect(batches), collect(batches)
    expected = [(n, n % 5) for n in range(12) if n != 9]
    assert sorted(first) == sorted(second) == expected
    assert first != second


def test_same_generator_same_batches(epochs):
    stages = np.arange(12) % 5
    passes = [
        collect(Batches(epochs, stages, NONE, 2, 3, np.random.default_rng(1)))
        for _ in range(2)
    ]
    assert passes[0] == passes[1]


def test_domains_go_with_their_epochs(epochs):
    domains = np.repeat([0, 1], [7, 5])
    (_, targets), *_ = Batches(epochs, np.zeros(12, int), domains, 4, length=5)
    assert targets["domains"].tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, -1, -1, -1],
        [1, 1, -1, -1, -1],
        [1, 1, -1, -1, -1],
    ]


def test_no_batch_is_much_smaller_than_the_others():
    rows = RowEpochs({"eeg": np.ones((9, 1))})
    batches = Batches(rows, np.zeros(9, int), np.full(9, -1), 4)
    sizes = [len(targets["stages"]) for _, targets in batches]
    assert sizes == [3, 3, 3]
    assert len(batches) == 3
