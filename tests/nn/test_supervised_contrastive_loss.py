"""Supervised contrastive loss: its formula, what it does not depend on."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from sleepkit.nn import SupervisedContrastiveLoss


def by_hand(views, stages, temperature):
    """Anchor by anchor, as the paper writes it."""
    z = functional.normalize(views.flatten(0, 1), dim=1).tolist()
    labels = [s for s in stages.tolist() for _ in range(views.shape[1])]
    exps = [
        [
            math.exp(sum(a * b for a, b in zip(u, v, strict=True)) / temperature)
            for v in z
        ]
        for u in z
    ]
    losses = []
    for i, label in enumerate(labels):
        others = [j for j in range(len(z)) if j != i]
        total = sum(exps[i][j] for j in others)
        own = [j for j in others if labels[j] == label]
        losses.append(-sum(math.log(exps[i][j] / total) for j in own) / len(own))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_formula(temperature):
    views, stages = torch.randn(5, 2, 3), torch.tensor([0, 1, 0, 0, 2])
    found = SupervisedContrastiveLoss(temperature)(views, {"stages": stages})
    expected = by_hand(views, stages, temperature)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_scale_order_and_shape_do_not_matter():
    loss, views = SupervisedContrastiveLoss(), torch.randn(6, 2, 4)
    stages = torch.tensor([0, 1, 2, 1, 0, 2])
    expected = loss(views, {"stages": stages})
    scaled = views * (0.1 + torch.rand(6, 2, 1))
    torch.testing.assert_close(loss(scaled, {"stages": stages}), expected)
    order = torch.randperm(6)
    mixed = loss(views[order], {"stages": stages[order]})
    torch.testing.assert_close(mixed, expected)
    in_sequences = loss(views.view(2, 3, 2, 4), {"stages": stages.view(2, 3)})
    torch.testing.assert_close(in_sequences, expected)


def test_unlabelled_epochs_do_not_count():
    loss, views = SupervisedContrastiveLoss(), torch.randn(4, 2, 3)
    found = loss(views, {"stages": torch.tensor([0, -1, 1, 0])})
    expected = loss(views[[0, 2, 3]], {"stages": torch.tensor([0, 1, 0])})
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("stages", [[-1, -1], [0, 1]])
def test_without_a_positive_it_is_zero(stages):
    """No label at all, or one view of each of two stages; gradients stay finite."""
    views = torch.randn(2, 1, 3, requires_grad=True)
    found = SupervisedContrastiveLoss()(views, {"stages": torch.tensor(stages)})
    assert found.item() == 0
    found.backward()
    assert torch.isfinite(views.grad).all()


def test_gradients_are_finite_at_equal_views():
    views = torch.ones(3, 2, 4, requires_grad=True)
    SupervisedContrastiveLoss()(views, {"stages": torch.tensor([0, 0, 1])}).backward()
    assert torch.isfinite(views.grad).all()


def test_bad_temperature():
    with pytest.raises(ValueError, match="'temperature' parameter of Supervised"):
        SupervisedContrastiveLoss(0)
