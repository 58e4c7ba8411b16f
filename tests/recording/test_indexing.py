from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording._indexing import as_rows, rows_of_each


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        np.int64(2),
        np.uint8(3),
        slice(None),
        slice(1, -1),
        slice(None, None, -2),
        slice(9, 20),
        [],
        [4, 0, 0, -5],
        np.array([], int),
        np.array([1, 1, 3], np.uint64),
        [True, False, True, False, True],
        np.zeros(5, bool),
    ],
)
def test_rows_are_those_of_numpy(key):
    expected = np.atleast_1d(np.arange(5)[key])
    for given in (key, (key, ...)):
        rows = as_rows(given, 5)
        assert rows.dtype == np.intp
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("seed", range(20))
def test_random_rows_are_those_of_numpy(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 50))
    rows = rng.integers(-n, n, rng.integers(1, 80))
    mask = rng.random(n) < 0.5
    start, stop, step = rng.integers(-60, 60, 3)
    for key in (rows, rows.tolist(), mask, slice(start, stop, step or 1)):
        np.testing.assert_array_equal(as_rows(key, n), np.arange(n)[key])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (5, "There are 5 rows; got row number 5"),
        (-6, "got row number -6"),
        ([0, 7, 9], "got row number 7"),
        (np.array([2**63], np.uint64), "got row number 9223372036854775808"),
        (np.ones(4, bool), r"5 booleans; got bool of shape \(4,\)"),
        (np.ones(0, bool), r"5 booleans; got bool of shape \(0,\)"),
        (np.ones((5, 1), bool), r"of shape \(5, 1\)"),
        (True, "5 booleans; got bool"),
        (1.0, "float64"),
        ([1.0, 2.0], "float64"),
        (np.empty(0), "float64"),
        ([[1, 2]], r"int64 of shape \(1, 2\)"),
        ("eeg", "got <U3"),
        (None, "got object"),
        ((1, 2), "by its rows alone; got 2 indices. For columns, make an array"),
        (([1, 2], 0), "by its rows alone"),
        ((slice(None), slice(None), ...), "got 3 indices"),
    ],
)
def test_other_keys_are_named(key, words):
    with pytest.raises(IndexError, match=words):
        as_rows(key, 5)


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_each_group(seed):
    index = np.random.default_rng(seed).integers(0, 4, 30)
    index[index == 2] = 3  # group 2, and the last, stay empty
    groups = rows_of_each(index, 5)
    assert len(groups) == 5
    for i, rows in enumerate(groups):
        np.testing.assert_array_equal(rows, np.flatnonzero(index == i))
