from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn._feed_forward import FeedForward


@pytest.fixture
def x():
    return torch.randn(4, 3, 6, dtype=torch.float64, requires_grad=True)


def layers(dropout, seed=0):
    torch.manual_seed(seed)
    return FeedForward(6, 10, dropout).double()


def check_both(module, x, ours, theirs):
    """Values and all gradients are the same."""
    torch.testing.assert_close(ours, theirs)
    weights = torch.arange(ours.numel(), dtype=ours.dtype).view(ours.shape)
    found = [
        torch.autograd.grad((out * weights).sum(), [x, *module.parameters()])
        for out in (ours, theirs)
    ]
    torch.testing.assert_close(*found)


def test_equals_its_layers(x):
    fused = layers(0)
    plain = nn.Sequential(*fused)
    ours, theirs = fused(x), plain(x)
    check_both(fused, x, ours, theirs)


def test_with_what_was_dropped(x):
    fused = layers(0.4)
    first, _, dropout, last = fused
    torch.manual_seed(1)
    ours = fused(x)
    torch.manual_seed(1)  # the same draw
    hidden = dropout(torch.relu(first(x.reshape(-1, 6))))
    theirs = last(hidden).view(x.shape)
    assert (hidden == 0).float().mean() > 0.5
    check_both(fused, x, ours, theirs)


def test_evaluation_drops_nothing(x):
    fused = layers(0.4).eval()
    first, _, _, last = fused
    torch.testing.assert_close(fused(x), last(torch.relu(first(x))))
    with torch.no_grad():
        torch.testing.assert_close(fused(x), last(torch.relu(first(x))))


def test_parameters_without_gradient_of_the_input(x):
    fused = layers(0.2)
    fused(x.detach()).sum().backward()
    assert all(parameter.grad is not None for parameter in fused.parameters())


def test_autocast_computes_as_torch_does(x):
    fused = layers(0.2).float()
    with torch.autocast("cpu", torch.bfloat16):
        assert fused(x.detach().float()).dtype == torch.bfloat16
