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


def sequences_of_one_domain(n_domains, n_sequences, length=5):
    """Features of domains alike; neighbouring epochs have one of three stages."""
    n = n_domains * n_sequences
    centres = 4 * torch.eye(3)[torch.randint(3, (n,))]
    features = (centres[:, None] + torch.randn(n, length, 3)).flatten(0, 1)
    sequences = torch.arange(n).repeat_interleave(length)
    return features, sequences // n_sequences, sequences


@pytest.mark.parametrize("n_sequences", [2, 8])
def test_stages_of_neighbours_are_no_discrepancy(n_sequences):
    """Features that tell stages apart are as zero as others, in domains alike."""
    drawn = [sequences_of_one_domain(6, n_sequences) for _ in range(100)]
    found = torch.stack([maximum_mean_discrepancy(*each) for each in drawn])
    dependent = torch.stack([maximum_mean_discrepancy(*each[:2]) for each in drawn])
    assert abs(found.mean()) < 4 * found.std() / 10
    assert dependent.mean() > 8 * dependent.std() / 10


def test_sequences_by_hand():
    """Within a domain, pairs of different sequences alone."""
    features = torch.randn(7, 3).double()
    domains, sequences = [0, 0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 1, 1]
    d2 = torch.cdist(features, features) ** 2
    s = d2[~torch.eye(7).bool()].median()
    k = sum((-d2 / (s * 2.0**j)).exp() for j in range(-2, 3)) / 5
    first, second = k[:2, 2:4].mean(), k[4, 5:].mean()
    expected = first + second - 2 * k[:4, 4:].mean()
    found = maximum_mean_discrepancy(
        features, torch.tensor(domains), torch.tensor(sequences)
    )
    torch.testing.assert_close(found, expected)


def test_domains_of_one_sequence_do_not_count():
    features, domains, sequences = sequences_of_one_domain(3, 1)
    found = maximum_mean_discrepancy(features, domains, sequences)
    assert found.item() == 0
    assert maximum_mean_discrepancy(features, domains).item() != 0


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
