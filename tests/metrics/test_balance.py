"""Equations 4 to 6 of SleepMG, by hand, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.metrics import (
    balance_coefficients,
    imbalance_degree,
    modality_performance,
    performance_shares,
)

LOG3 = np.log(3)  # softmax of (log 3, 0) is (3/4, 1/4)


def rho(performance, **options):
    return balance_coefficients(performance_shares(performance), **options)


def test_performance_goes_by_the_true_class_by_hand():
    logits = [
        [[LOG3, 0], [0, LOG3], [LOG3, 0]],  # sure, and right, right, wrong
        [[0, 0], [0, 0], [0, 0]],
    ]
    y = [0, 1, 1]
    v = modality_performance(logits, y)
    np.testing.assert_allclose(v, [(0.75 + 0.75 + 0.25) / 3, 0.5])
    confidence = 0.75  # what comparing with the predicted class would give
    assert v[0] < confidence


def test_correct_probabilities_by_hand():
    logits = [[[LOG3, 0], [0, LOG3], [LOG3, 0]]]
    v = modality_performance(logits, [0, 1, 1], score="correct_prob")
    np.testing.assert_allclose(v, [(0.75 + 0.75 + 0) / 3])


def test_performance_equals_a_plain_reference():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 20, 5))
    y = rng.integers(5, size=20)
    for u, v in enumerate(modality_performance(logits, y)):
        total = 0.0
        for i in range(20):
            exp = np.exp(logits[u, i])
            total += exp[y[i]] / exp.sum()
        assert v == pytest.approx(total / 20)


def test_samples_without_label_are_left_out():
    logits = np.random.default_rng(0).normal(size=(2, 4, 3))
    with_rest = modality_performance(logits, [0, -1, 2, -1])
    np.testing.assert_array_equal(
        with_rest, modality_performance(logits[:, ::2], [0, 2])
    )
    with pytest.raises(ValueError, match="a sample with a label >= 0; got none"):
        modality_performance(logits, [-1] * 4)


def test_huge_logits_do_not_overflow():
    v = modality_performance([[[1e4, -1e4]], [[-1e4, 1e4]]], [0])
    np.testing.assert_array_equal(v, [1, 0])


@pytest.mark.parametrize(
    ("performance", "expected"),
    [([0.9, 0.3], [0.75, 0.25]), ([0.4], [1]), ([0, 0, 0, 0], [0.25] * 4)],
)
def test_shares(performance, expected):
    np.testing.assert_allclose(performance_shares(performance), expected)


def test_imbalance_by_hand_and_its_limits():
    assert imbalance_degree([0.5, 0.25, 0.25]) == pytest.approx(1 / 36 + 2 / 144)
    assert imbalance_degree([0.25] * 4) == 0
    assert imbalance_degree([1, 0, 0, 0]) == pytest.approx(3 / 4)
    assert imbalance_degree([1]) == 0


def test_two_modalities_always_get_the_same():
    rng = np.random.default_rng(0)
    for v in [*rng.uniform(size=(20, 2)), [0.5, 0.5 + 1e-7], [1, 0], [0.3, 0.3]]:
        np.testing.assert_allclose(rho(v), [np.tanh(0.5)] * 2, rtol=1e-6)
    assert np.tanh(0.5) == pytest.approx(0.4621, abs=1e-4)


@pytest.mark.parametrize("metric", ["squared", "signed"])
@pytest.mark.parametrize("n_modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("level", [0, 1e-9, 0.2, 1])
def test_equal_modalities_get_equal_parts(n_modalities, level, metric):
    coefficients = rho([level] * n_modalities, metric=metric)
    np.testing.assert_allclose(coefficients, np.tanh(1 / n_modalities))


@pytest.mark.parametrize("metric", ["squared", "signed"])
def test_rounding_is_not_imbalance(metric):
    v = [0.1 + 0.2, 0.3, 0.3, 0.3]
    assert v[0] != v[1]
    np.testing.assert_allclose(rho(v, metric=metric), np.tanh(0.25))


@pytest.mark.parametrize("step", [1e-1, 1e-3, 1e-5])
def test_small_differences_count_as_much_as_large_ones(step):
    v = [0.5 + step, 0.5, 0.5, 0.5]
    expected = np.tanh([9 / 12, 1 / 12, 1 / 12, 1 / 12])
    np.testing.assert_allclose(rho(v), expected, rtol=1e-6)


def test_the_square_forgets_the_sign():
    best, worst = [0.9, 0.5, 0.5, 0.5], [0.35, 0.6, 0.6, 0.6]
    # shares deviate by 3e and -e, -e, -e: parts 9/12 and 1/12 each
    expected = np.tanh([9 / 12, 1 / 12, 1 / 12, 1 / 12])
    np.testing.assert_allclose(rho(best), expected)
    np.testing.assert_allclose(rho(worst), expected)
    np.testing.assert_allclose(expected, [0.635, 0.083, 0.083, 0.083], atol=5e-4)


def test_the_signed_metric_favours_the_weak():
    third, one = np.tanh(1 / 3), np.tanh(1)
    np.testing.assert_allclose(
        rho([0.9, 0.5, 0.5, 0.5], metric="signed"), [0, third, third, third]
    )
    np.testing.assert_allclose(
        rho([0.35, 0.6, 0.6, 0.6], metric="signed"), [one, 0, 0, 0]
    )


def test_four_modalities_by_hand():
    # shares .4 .3 .2 .1 deviate by .15 .05 -.05 -.15; squares sum to .05
    v = [0.8, 0.6, 0.4, 0.2]
    np.testing.assert_allclose(rho(v), np.tanh([0.45, 0.05, 0.05, 0.45]))
    np.testing.assert_allclose(rho(v, metric="signed"), np.tanh([0, 0, 0.25, 0.75]))


@pytest.mark.parametrize("metric", ["squared", "signed"])
def test_sums_and_limits(metric):
    rng = np.random.default_rng(0)
    for n in (2, 3, 4, 7):
        for v in rng.dirichlet(np.full(n, 0.3), size=50):
            coefficients = rho(v, metric=metric)
            assert np.isfinite(coefficients).all()
            assert np.arctanh(coefficients).sum() == pytest.approx(1)
            if metric == "squared":
                assert coefficients.max() <= np.tanh((n - 1) / n) + 1e-12


def test_order_and_scale_do_not_matter():
    v, order = np.array([0.9, 0.4, 0.3, 0.1]), [2, 0, 3, 1]
    np.testing.assert_allclose(rho(v)[order], rho(v[order]))
    np.testing.assert_allclose(rho(v), rho(v / 7))


def test_unknown_options():
    with pytest.raises(ValueError, match="'metric' parameter of balance_coefficients"):
        balance_coefficients([0.5, 0.5], metric="cubed")
    with pytest.raises(ValueError, match="'score' parameter of modality_performance"):
        modality_performance([[[0, 0]]], [0], score="luck")
