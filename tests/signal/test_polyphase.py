"""The matrix product against scipy's filter."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from sleepkit.signal._polyphase import polyphase

RATIOS = [(25, 64), (4, 5), (2, 1), (1, 2), (25, 128), (64, 25), (100, 99), (999, 1000)]


@pytest.mark.parametrize(("up", "down"), RATIOS)
@pytest.mark.parametrize("n_times", [2, 37, 4000])
def test_equals_scipy(up, down, n_times):
    x = np.random.default_rng(n_times).standard_normal((2, n_times))
    expected = scipy.signal.resample_poly(x, up, down, axis=-1, padtype="reflect")
    np.testing.assert_allclose(polyphase(x, up, down), expected, atol=1e-12)


def test_one_sample_and_float32():
    x = np.full((1, 1), 3, np.float32)
    out = polyphase(x, 2, 1)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, 3, rtol=0.1)
