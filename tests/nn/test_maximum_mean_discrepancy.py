"""Maximum mean discrepancy: its estimator, what it does and does not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.nn import maximum_mean_discrepancy


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def two_domains(shift, n=200, size=32):
    """Features of two domains in turn, the second one moved."""
    domains = torch.arange(2 * n) % 2
    return torch.randn(2 * n, size) + shift * domains[:, None], domains


def test_estimator_by_hand():
    """The unbiased one, pair by pair, for two domains of unequal size."""
    features, domains = torch.randn(7, 3).double(), torch.tensor([0, 0, 1, 0, 1, 1, 1])
    x = features.numpy()
    d2 = ((x[:, None] - x) ** 2).sum(-1)
    off = d2[~np.eye(7, dtype=bool)]
    s = np.sort(off)[(len(off) - 1) // 2]
    k = np.mean([np.exp(-d2 / (s * 2.0**j)) for j in range(-2, 3)], axis=0)
    a, b = (np.flatnonzero(domains.numpy() == i) for i in (0, 1))

    def within(rows):
        return np.mean([k[i, j] for i in rows for j in rows if i != j])

    expected = within(a) + within(b) - 2 * k[np.ix_(a, b)].mean()
    found = maximum_mean_discrepancy(features, domains)
    assert found.item() == pytest.approx(expected)


def test_zero_for_equal_distributions_and_growing_with_a_shift():
    found = [maximum_mean_discrepancy(*two_domains(s)).item() for s in (0, 0.5, 1, 2)]
    assert abs(found[0]) < 0.01
    assert found == sorted(found)
    assert found[2] > 0.1


def test_symmetric():
    features, domains = two_domains(1.0)
    first = maximum_mean_discrepancy(features, domains)
    torch.testing.assert_close(maximum_mean_discrepancy(features, 9 - domains), first)
    order = torch.randperm(len(features))
    mixed = maximum_mean_discrepancy(features[order], domains[order])
    torch.testing.assert_close(mixed, first)


def test_mean_over_pairs():
    features, domains = torch.randn(30, 4), torch.arange(30) % 3
    whole = maximum_mean_discrepancy(features, domains)
    assert whole.ndim == 0
    same = torch.cat([features[domains == 0]] * 3)
    equal = maximum_mean_discrepancy(same, torch.arange(3).repeat_interleave(10))
    assert equal.item() <= 0  # an epoch is compared with its copies, not with itself


@pytest.mark.parametrize("domains", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 2, 3]])
def test_too_few_domains(domains):
    features = torch.randn(4, 3, requires_grad=True)
    found = maximum_mean_discrepancy(features, torch.tensor(domains))
    assert found.item() == 0
    found.backward()
    assert torch.equal(features.grad, torch.zeros(4, 3))


def test_domains_of_one_epoch_do_not_count():
    features, domains = two_domains(1.0, n=10)
    alone = torch.cat([domains, torch.tensor([2])])
    more = torch.cat([features, features[:1]])
    found = maximum_mean_discrepancy(more, alone)
    expected = maximum_mean_discrepancy(features, domains)
    assert found.item() == pytest.approx(expected.item(), rel=0.2)  # another median


def test_gradients_move_domains_together():
    features, domains = two_domains(1.0)
    features.requires_grad_()
    maximum_mean_discrepancy(features, domains).backward()
    downhill = -features.grad.mean(1)
    assert downhill[domains == 0].mean() > 0 > downhill[domains == 1].mean()
    equal = torch.ones(6, 2, requires_grad=True)
    maximum_mean_discrepancy(equal, torch.arange(6) % 2).backward()
    assert torch.isfinite(equal.grad).all()
