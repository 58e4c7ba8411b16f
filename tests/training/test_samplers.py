import numpy as np
import pytest

from sleepkit.training._samplers import (
    PAD,
    cut_once,
    cut_overlapping,
    find_runs,
)

NIGHT = np.repeat([0, 1, 2], [4, 6, 1])


def test_runs_end_with_the_night():
    runs = find_runs(NIGHT, np.ones(11, bool))
    assert runs == [(0, 4), (4, 10), (10, 11)]


def test_runs_end_at_gaps():
    usable = np.ones(11, bool)
    usable[[0, 5, 6, 10]] = False
    assert find_runs(NIGHT, usable) == [(1, 4), (4, 5), (7, 10)]


def test_nothing_usable_has_no_run():
    assert find_runs(NIGHT, np.zeros(11, bool)) == []


def test_cut_once_by_hand():
    cut = cut_once([(0, 4), (4, 10)], 3, rng=None)
    assert cut.tolist() == [[0, 1, 2], [3, PAD, PAD], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize("length", [1, 3, 21])
def test_every_epoch_is_cut_once_inside_its_run(length):
    runs = [(0, 4), (4, 10), (12, 13)]
    rng = np.random.default_rng(0)
    for _ in range(20):
        cut = cut_once(runs, length, rng)
        assert sorted(cut[cut != PAD]) == [*range(10), 12]
        for sequence in cut:
            real = sequence[sequence != PAD]
            assert np.all(np.diff(real) == 1)
            assert any(start <= real[0] <= real[-1] < stop for start, stop in runs)


def test_cuts_move_with_a_generator():
    rng = np.random.default_rng(0)
    firsts = {cut_once([(0, 30)], 10, rng)[1, 0] for _ in range(100)}
    assert firsts == set(range(1, 11))


def test_overlapping_by_hand():
    wanted = np.ones(8, bool)
    cut = cut_overlapping([(0, 6), (6, 8)], 4, 3, wanted)
    assert cut.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [6, 7, PAD, PAD]]


def test_a_run_as_long_as_a_sequence_is_one():
    assert cut_overlapping([(0, 4)], 4, 1, np.ones(4, bool)).tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_what_is_wanted_chooses_among_the_same_sequences(stride):
    runs, length = [(0, 17), (17, 20)], 5
    everything = {
        tuple(s) for s in cut_overlapping(runs, length, stride, np.ones(20, bool))
    }
    for epoch in range(20):
        wanted = np.arange(20) == epoch
        some = {tuple(s) for s in cut_overlapping(runs, length, stride, wanted)}
        assert some == {s for s in everything if epoch in s}
        assert some
