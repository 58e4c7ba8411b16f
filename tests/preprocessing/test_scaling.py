"""Location and scale: by hand, against numpy on all values, and pooled over nights."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.preprocessing._scaling import measure, pool, stack


def parts_of(values, sizes):
    """Cut values into nights along the first axis."""
    return np.split(values, np.cumsum(sizes)[:-1])


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pooled_mean_and_sd_are_those_of_all_values(offset, dtype):
    rng = np.random.default_rng(0)
    values = (rng.normal(offset, 3, (50, 2, 29, 4))).astype(dtype)
    nights = [
        measure(part, (0, 2), robust=False) for part in parts_of(values, [1, 7, 30, 12])
    ]
    pooled = pool(stack(nights), robust=False)
    exact = values.astype(np.longdouble)
    np.testing.assert_allclose(pooled.center, exact.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(pooled.scale, exact.std(axis=(0, 2)), rtol=1e-6)
    np.testing.assert_array_equal(pooled.n_values, np.full((2, 4), 50 * 29))


def test_pooling_does_not_depend_on_how_nights_are_cut():
    values = np.random.default_rng(1).exponential(2, (40, 3))
    results = [
        pool(
            stack([measure(v, (0,), robust=False) for v in parts_of(values, sizes)]),
            robust=False,
        )
        for sizes in ([40], [1] * 40, [3, 17, 20])
    ]
    for result in results[1:]:
        np.testing.assert_allclose(result.center, results[0].center, rtol=1e-13)
        np.testing.assert_allclose(result.scale, results[0].scale, rtol=1e-13)


def test_missing_values_do_not_count():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.inf, 5.0], [np.nan, 7.0]])
    nights = [measure(part, (0,), robust=False) for part in parts_of(values, [2, 2])]
    pooled = pool(stack(nights), robust=False)
    np.testing.assert_array_equal(pooled.n_values, [2, 2])
    np.testing.assert_allclose(pooled.center, [2, 6])
    np.testing.assert_allclose(pooled.scale, [1, 1])


@pytest.mark.parametrize("robust", [False, True])
def test_what_was_never_seen_is_unknown(robust):
    nights = [measure(np.full((3, 2), np.nan), (0,), robust=robust) for _ in range(2)]
    pooled = pool(stack(nights), robust=robust)
    assert np.isnan(pooled.center).all()
    assert np.isnan(pooled.scale).all()


def test_robust_by_hand():
    # Quartiles of 0..8 are 2, 4, 6; the values beyond do not matter.
    values = np.array([0, 1, 2, 3, 4, 5, 6, 7, 1e9])[:, None]
    found = measure(values, (0,), robust=True)
    np.testing.assert_allclose([found.center, found.scale], [[4], [4 / 1.3489795]])


def test_robust_scale_is_the_normal_sd():
    values = np.random.default_rng(0).normal(5, 3, (100_000, 1))
    found = measure(values, (0,), robust=True)
    np.testing.assert_allclose([found.center, found.scale], [[5], [3]], atol=0.03)


def test_robust_pooling_is_the_median_over_nights():
    nights = [np.full((5, 1), c) + np.arange(5)[:, None] for c in (0.0, 10.0, 1e6)]
    nights.append(np.full((5, 1), np.nan))
    pooled = pool(stack(measure(n, (0,), robust=True) for n in nights), robust=True)
    np.testing.assert_allclose(pooled.center, [12])
    np.testing.assert_allclose(pooled.scale, [2 / 1.3489795])


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constants_become_zero(robust, constant, dtype):
    values = np.full((1000, 1), constant, dtype)
    scaled = measure(values, (0,), robust=robust).apply(values, (0,))
    assert scaled.dtype == dtype
    np.testing.assert_allclose(scaled, 0, atol=1e-6)


def test_apply_refuses_other_channels():
    scaling = measure(np.ones((4, 2, 10)), (0, 2), robust=False)
    with pytest.raises(ValueError, match=r"of shape \(2,\); got \(1,\)"):
        scaling.apply(np.ones((4, 1, 10)), (0, 2))
