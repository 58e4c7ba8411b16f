"""The gradient is turned round on its way back, and nothing else happens."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn import gradient_reversal


def test_values_pass_unchanged():
    x = torch.randn(3, 4)
    torch.testing.assert_close(gradient_reversal(x, 0.3), x, rtol=0, atol=0)


@pytest.mark.parametrize("strength", [0.0, 0.1, 1.0, 2.5])
def test_gradient_is_minus_strength_times(strength):
    x = torch.randn(5, requires_grad=True)
    weights = torch.randn(5)
    (gradient_reversal(x, strength) * weights).sum().backward()
    torch.testing.assert_close(x.grad, -strength * weights)


def test_the_head_descends_and_the_extractor_climbs():
    torch.manual_seed(0)
    extractor, head = nn.Linear(4, 3).double(), nn.Linear(3, 2).double()
    x, domain = torch.randn(8, 4).double(), torch.arange(8) % 2
    parameters = [*extractor.parameters(), *head.parameters()]

    def loss(strength=None):
        features = extractor(x)
        if strength is not None:
            features = gradient_reversal(features, strength)
        return nn.functional.cross_entropy(head(features), domain)

    plain = torch.autograd.grad(loss(), parameters)
    turned = torch.autograd.grad(loss(0.7), parameters)
    for ours, theirs in zip(turned[:2], plain[:2], strict=True):
        torch.testing.assert_close(ours, -0.7 * theirs)
    for ours, theirs in zip(turned[2:], plain[2:], strict=True):
        torch.testing.assert_close(ours, theirs)
