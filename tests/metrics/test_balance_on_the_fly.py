"""Coefficients of OGM-GE, for two modalities and for more."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.metrics import modulation_coefficients


def by_the_published_code(a, v, alpha):
    """Two modalities: the better one gets the coefficient, the other one 1."""
    ratio_v = v / a
    if ratio_v > 1:
        return [1, 1 - np.tanh(alpha * max(ratio_v, 0))]
    return [1 - np.tanh(alpha * max(1 / ratio_v, 0)), 1]


@pytest.mark.parametrize("alpha", [0.1, 0.8])
@pytest.mark.parametrize("performance", [(0.2, 0.7), (0.7, 0.2), (0.31, 0.3)])
def test_two_modalities(performance, alpha):
    found = modulation_coefficients(performance, alpha=alpha)
    np.testing.assert_allclose(found, by_the_published_code(*performance, alpha))


def test_more_are_compared_pair_by_pair():
    found = modulation_coefficients([0.8, 0.4, 0.2], alpha=0.2)
    ratios = [(2 + 4) / 2, (0.5 + 2) / 2]
    np.testing.assert_allclose(found, [*(1 - np.tanh(0.2 * np.array(ratios))), 1])


@pytest.mark.parametrize(
    ("performance", "expected"),
    [
        ([0.3], [1]),
        ([0.0], [1]),
        ([0.4, 0.4, 0.4], [1, 1, 1]),
        ([0.0, 0.0], [1, 1]),
        ([0.5, 0.0], [0, 1]),
    ],
)
def test_degenerate_cases(performance, expected):
    np.testing.assert_allclose(modulation_coefficients(performance), expected)


def test_the_worst_is_never_reduced():
    rng = np.random.default_rng(0)
    for performance in rng.random((200, 5)):
        found = modulation_coefficients(performance, alpha=0.5)
        assert found[performance.argmin()] == 1
        assert found[performance.argmax()] < 1 - np.tanh(0.5)
        assert (found >= 0).all()


@pytest.mark.parametrize("alpha", [0, -0.1, np.inf])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match="'alpha' parameter of modulation_coeff"):
        modulation_coefficients([0.1, 0.2], alpha=alpha)
