"""Gaps are interpolated linearly, and their mask returned."""

from __future__ import annotations

import numpy as np

from sleepkit.signal._gaps import as_floats, bridge_gaps


def test_lines_by_hand():
    nan, inf = np.nan, np.inf
    x = np.array([[nan, 2, nan, nan, 8, -inf], [1, 2, 3, 4, 5, 6], [nan] * 6])
    bridged, gaps = bridge_gaps(x)
    np.testing.assert_array_equal(
        bridged, [[2, 2, 4, 6, 8, 8], [1, 2, 3, 4, 5, 6], [0] * 6]
    )
    np.testing.assert_array_equal(gaps, ~np.isfinite(x))
    assert np.isnan(x[0, 0])


def test_nothing_to_bridge_copies_nothing():
    x = np.ones((2, 3))
    assert bridge_gaps(x) == (x, None)


def test_bridges_views_that_are_not_contiguous():
    x = np.arange(12.0).reshape(6, 2).T.copy(order="F")
    x[0, 2] = np.nan
    bridged, _ = bridge_gaps(x)
    np.testing.assert_array_equal(bridged, np.arange(12.0).reshape(6, 2).T)


def test_only_float32_stays_as_it_is():
    single = np.ones(3, np.float32)
    assert as_floats(single) is single
    assert as_floats([1, 2]).dtype == np.float64
    assert as_floats(np.ones(3, np.float16)).dtype == np.float64
