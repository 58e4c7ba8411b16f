from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn._cpu._feed_forward import FeedForward

pytestmark = pytest.mark.usefixtures("fast_paths_for_small_inputs")


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


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_lower_precision(x, dropout):
    """The same as in double precision, but for what eight bits leave out."""
    exact, fused = layers(dropout), layers(dropout).float()
    low = x.detach().float().requires_grad_()
    found = []
    for module, inputs in ((exact, x), (fused, low)):
        torch.manual_seed(1)  # the same draw
        with torch.autocast("cpu", torch.bfloat16, enabled=module is fused):
            output = module(inputs)
        (output.double() ** 2).sum().backward()
        gradients = [inputs.grad, *(p.grad for p in module.parameters())]
        found.append([output, *gradients])
    assert fused(low).dtype == torch.float32
    assert found[1][0].dtype == torch.bfloat16
    assert {gradient.dtype for gradient in found[1][1:]} == {torch.float32}
    for expected, near in zip(*found, strict=True):
        assert (near - expected).norm() < 0.03 * expected.norm()


def test_lower_precision_computes_what_the_layers_do(x):
    fused, x = layers(0.4).float(), x.detach().float()
    first, _, dropout, last = fused
    with torch.autocast("cpu", torch.bfloat16):
        torch.manual_seed(1)
        ours = fused(x)
        torch.manual_seed(1)
        theirs = last(dropout(torch.relu(first(x.reshape(-1, 6))))).view(x.shape)
    torch.testing.assert_close(ours, theirs, rtol=0.03, atol=0.01)


def test_gradients_out_of_training(x):
    """As maps of what mattered want them, with hooks on the layers."""
    module, calls = layers(0.5).eval(), []
    module[0].register_full_backward_hook(lambda *parts: calls.append(parts))
    module(x).sum().backward()
    assert len(calls) == 1
    assert x.grad.isfinite().all()


def test_dropout_alone_in_training_drops(x):
    """As for predictions by many nets out of one."""
    module = layers(0.5).eval()
    module[2].train()
    with torch.no_grad():
        assert not torch.equal(module(x), module(x))


@pytest.mark.parametrize("n_rows", [5, 4100])
def test_many_rows_in_float32(n_rows):
    """They are mapped some at a time, by the product that float32 takes."""
    fused = layers(0).float()
    x = torch.randn(6, n_rows).T.requires_grad_()  # rows that are not packed
    plain = nn.Sequential(*fused)
    weights = torch.randn(n_rows, 6)
    found = [
        torch.autograd.grad((module(x) * weights).sum(), [x, *fused.parameters()])
        for module in (fused, plain)
    ]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), plain(x))


@pytest.mark.parametrize("training", [True, False])
def test_what_is_not_a_number_stays_so(training):
    """A broken net has no valid output."""
    fused = layers(0).float().train(training)
    torch.nn.init.constant_(fused[0].weight, torch.nan)
    x = torch.randn(5, 6)
    assert fused(x).isnan().all()
    with torch.no_grad():
        assert fused(x).isnan().all()
