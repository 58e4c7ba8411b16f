import numpy as np
import pytest

from sleepkit.training import ArraySource, Batches, RecordingSource

UNLABELLED = np.full(12, -1)


@pytest.fixture
def source(make_features):
    return RecordingSource(make_features({"a": 7, "b": 5}, gaps={"b": [2]}))


def collect(batches):
    """All numbers (each epoch's only feature) and stages of a pass."""
    shown = []
    for inputs, targets in batches:
        there = inputs["present"]["eeg"]
        numbers = inputs["inputs"]["eeg"][..., 0][there].astype(int)
        shown += zip(numbers.tolist(), targets["stages"][there].tolist(), strict=True)
        assert np.all(targets["stages"][~there] == -1)
    return shown


def test_alone_only_labelled_epochs_are_shown(source):
    stages = UNLABELLED.copy()
    stages[[1, 3, 8]] = [2, 0, 4]
    assert collect(Batches(source, {"stages": stages}, 2)) == [(1, 2), (3, 0), (8, 4)]


def test_in_sequences_the_others_are_context(source):
    stages = UNLABELLED.copy()
    stages[[1, 8]] = [2, 4]
    shown = collect(Batches(source, {"stages": stages}, 2, length=3))
    # [0 1 2] of a; [7 8 .] of b, up to its gap; the others hold no label
    assert shown == [(0, -1), (1, 2), (2, -1), (7, -1), (8, 4)]


def test_an_epoch_without_signal_is_not_trained_on(source):
    stages = np.zeros(12, int)
    batches = Batches(source, {"stages": stages}, 4)
    assert batches.labelled.sum() == 11
    assert 9 not in dict(collect(batches))


@pytest.mark.parametrize("length", [None, 3])
def test_shuffled_passes_show_everything_once(source, length):
    stages = np.arange(12) % 5
    batches = Batches(
        source, {"stages": stages}, 2, length, rng=np.random.default_rng(0)
    )
    first, second = collect(batches), collect(batches)
    expected = [(n, n % 5) for n in range(12) if n != 9]
    assert sorted(first) == sorted(second) == expected
    assert first != second


def test_same_generator_same_batches(source):
    stages = np.arange(12) % 5
    passes = [
        collect(Batches(source, {"stages": stages}, 2, 3, rng=np.random.default_rng(1)))
        for _ in range(2)
    ]
    assert passes[0] == passes[1]


def test_extra_targets_go_with_their_epochs(source):
    domains = np.repeat([0, 1], [7, 5])
    targets = {"stages": np.zeros(12, int), "domains": domains}
    (_, targets), *_ = Batches(source, targets, 4, length=5)
    assert targets["domains"].tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, -1, -1, -1],
        [1, 1, -1, -1, -1],
        [1, 1, -1, -1, -1],
    ]


def test_no_batch_is_much_smaller_than_the_others():
    rows = ArraySource({"eeg": np.ones((9, 1))})
    batches = Batches(rows, {"stages": np.zeros(9, int)}, 4)
    sizes = [len(targets["stages"]) for _, targets in batches]
    assert sizes == [3, 3, 3]
    assert len(batches) == 3


def test_balanced_passes_show_every_class_as_often(source):
    stages = UNLABELLED.copy()
    stages[:9] = [0, 0, 0, 0, 0, 1, 1, 2, -1]
    batches = Batches(
        source,
        {"stages": stages},
        4,
        sampler="balanced",
        rng=np.random.default_rng(0),
    )
    first, second = collect(batches), collect(batches)
    for shown in (first, second):
        assert sorted(stage for _, stage in shown) == [0] * 5 + [1] * 5 + [2] * 5
        times = np.bincount([number for number, _ in shown], minlength=8)
        assert times[:5].tolist() == [1] * 5  # the most frequent class: once each
        assert sorted(times[5:7]) == [2, 3]  # twice, and one drawn for the remainder
        assert times[7] == 5
    assert first != second
    assert len(batches) == 4


def test_in_order_rows_continue_those_of_the_last_batch(make_features):
    source = RecordingSource(make_features({"a": 7, "b": 3, "c": 9}, gaps={"c": [1]}))
    stages = np.zeros(19, int)
    stages[[0, 18]] = -1  # a begins, and c ends, with an epoch that has no label
    batches = Batches(
        source, {"stages": stages}, 2, length=3, sampler="in_order", carry_state=True
    )
    shown = []
    for inputs, targets in batches:
        numbers = inputs["inputs"]["eeg"][..., 0].astype(int)
        numbers[~inputs["present"]["eeg"]] = -1
        assert np.all((targets["stages"] == 0) == (numbers >= 0))
        shown.append((bool(inputs["continues"].all()), numbers.tolist()))
    # longest first: a, c after its gap; then b, c up to its gap
    assert shown == [
        (False, [[1, 2, 3], [12, 13, 14]]),
        (True, [[4, 5, 6], [15, 16, 17]]),
        (False, [[7, 8, 9], [10, -1, -1]]),
    ]
    assert len(batches) == 3


def test_samplers_that_do_not_fit_are_refused(source):
    targets = {"stages": UNLABELLED}
    with pytest.raises(ValueError, match=r"'sampler' parameter of Batches.*'random'"):
        Batches(source, targets, 2, sampler="random")
    with pytest.raises(ValueError, match=r"takes epochs alone\. Got sequences of 3"):
        Batches(source, targets, 2, 3, sampler="balanced")
    with pytest.raises(
        ValueError, match=r"carry_state=True .* needs sampler='in_order'"
    ):
        Batches(source, targets, 2, 3, carry_state=True)


@pytest.mark.parametrize("sampler", ["shuffled", "balanced", "in_order"])
def test_a_state_gives_the_same_pass_again_without_its_first_batches(source, sampler):
    stages = np.arange(12) % 2
    rng = np.random.default_rng(0)
    batches = Batches(source, {"stages": stages}, 2, sampler=sampler, rng=rng)
    state = batches.state_dict()
    shown = collect(batches)
    assert sampler == "in_order" or collect(batches) != shown
    batches.load_state_dict(state)
    assert collect(batches.skip(2)) == shown[4:]
