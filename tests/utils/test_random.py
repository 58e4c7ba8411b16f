from __future__ import annotations

import numpy as np
import pytest

from sleepkit.utils import check_random_state, draw_seed


def test_a_seed_gives_one_stream():
    first, second = check_random_state(3), check_random_state(3)
    assert first.integers(1 << 40) == second.integers(1 << 40)
    assert check_random_state(4).integers(1 << 40) != check_random_state(3).integers(
        1 << 40
    )


def test_a_generator_is_used_as_it_is():
    generator = np.random.default_rng(0)
    assert check_random_state(generator) is generator


def test_a_legacy_state_seeds_a_generator():
    def draw(seed):
        return check_random_state(np.random.RandomState(seed)).integers(1 << 40)

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_a_legacy_state_moves_on():
    state = np.random.RandomState(0)
    draws = [check_random_state(state).integers(1 << 40) for _ in range(2)]
    assert draws[0] != draws[1]


def test_none_draws_fresh_entropy_and_leaves_the_global_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    draws = {int(check_random_state(None).integers(1 << 62)) for _ in range(3)}
    assert len(draws) == 3
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_rubbish_is_refused():
    with pytest.raises((TypeError, ValueError)):
        check_random_state("seed")


def test_seeds_are_drawn_from_the_generator():
    generator = np.random.default_rng(0)
    seeds = {draw_seed(generator) for _ in range(50)}
    assert len(seeds) == 50
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
    assert draw_seed(3) == draw_seed(3) != draw_seed(4)
