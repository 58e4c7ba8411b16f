"""Overlapping labels against a plain reference that paints one label after another."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sleepkit.io._overlaps import cover


def painted(edges, begins, ends, codes):
    """Codes of segments and overlaps of labels, by painting each label's segments."""
    nothing = -2
    segments = np.full(len(edges) - 1, nothing)
    overlaps = []
    for begin, end, code in zip(begins, ends, codes, strict=True):
        inside = (edges[:-1] >= begin) & (edges[1:] <= end)
        others = inside & (segments != nothing) & (segments != code)
        overlaps.append(np.diff(edges)[others].sum())
        segments[inside] = code
    return np.maximum(segments, -1), np.array(overlaps)


@pytest.mark.parametrize("seed", range(300))
def test_as_painted(seed):
    rng = np.random.default_rng(seed)
    n_labels, longest = int(rng.integers(1, 40)), int(rng.integers(1, 30))
    begins = np.sort(rng.integers(0, 40, n_labels)).astype(float)
    begins -= begins[0]
    ends = begins + rng.integers(0, longest, n_labels)
    codes = rng.integers(-1, 5, n_labels)
    edges = np.unique([begins, ends])
    segments, overlaps = cover(edges, begins, ends, codes)
    expected = painted(edges, begins, ends, codes)
    np.testing.assert_array_equal(segments, expected[0])
    np.testing.assert_allclose(overlaps, expected[1])


def seconds(n_labels):
    """Time for labels of which each lasts until the end."""
    begins = np.arange(n_labels, dtype=float)
    ends = np.full(n_labels, n_labels + 1.0)
    edges = np.unique([begins, ends])
    begun = time.process_time()
    cover(edges, begins, ends, np.arange(n_labels) % 5)
    return time.process_time() - begun


def test_time_is_linear():
    """Painting takes a hundred times as long for ten times the labels."""
    assert min(seconds(60_000) for _ in range(3)) < 2
