"""The pooled convolution is what torch's own layers make, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._pooled_convolution import pooled_convolution

WIDE = [(1, 32, 50, 6, 16), (1, 64, 400, 50, 8), (3, 4, 7, 3, 5), (2, 3, 4, 5, 2)]


def layers(n_in, n_out, kernel, stride):
    convolution, norm = nn.Conv1d(n_in, n_out, kernel, stride), BatchNorm(n_out)
    for values in (norm.running_mean, norm.weight.data, norm.bias.data):
        values.normal_()  # weights below zero too, where the smallest counts
    norm.running_var.uniform_(0.5, 2)
    return convolution, norm


def plain(x, convolution, norm, pool):
    """By torch's layers; in training the batch goes before the running statistics."""
    z = nn.functional.conv1d(
        x, convolution.weight, convolution.bias, convolution.stride
    )
    arguments = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    z = nn.functional.batch_norm(z, *arguments, training=norm.training)
    return nn.functional.max_pool1d(z, pool)


def both(x, convolution, norm, pool):
    """Values, gradients and running statistics of either way, in double precision."""
    found = []
    for way in (plain, pooled_convolution):
        modules = nn.ModuleList([convolution, norm])
        state = {name: value.clone() for name, value in modules.state_dict().items()}
        x = x.detach().requires_grad_()
        pooled = way(x, convolution, norm, pool)
        weights = torch.linspace(-1, 2, pooled.numel(), dtype=x.dtype)
        (pooled.flatten() * weights).sum().backward()
        gradients = [parameter.grad for parameter in modules.parameters()]
        statistics = [norm.running_mean.clone(), norm.running_var.clone()]
        found.append([pooled.detach(), x.grad, *gradients, *statistics])
        modules.load_state_dict(state)
        modules.zero_grad()
    return found


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("wide", WIDE)
def test_values_gradients_and_statistics_of_plain_layers(wide, training):
    *sizes, pool = wide
    modules = [module.double().train(training) for module in layers(*sizes)]
    x = 20 * torch.randn(70, sizes[0], 3000 if sizes[0] == 1 else 101).double() + 9
    for ours, theirs in zip(*both(x, *modules, pool), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n_times", [400, 401, 449, 450, 3001, 3049])
def test_any_number_of_samples(n_times):
    convolution, norm = layers(1, 4, 400, 50)
    x = torch.randn(3, 1, n_times)
    torch.testing.assert_close(
        pooled_convolution(x, convolution, norm.eval(), 1),
        plain(x, convolution, norm, 1),
    )


def test_single_precision_far_from_zero():
    """An offset a thousand times as large as the waves costs no digits to speak of."""
    convolution, norm = layers(1, 32, 50, 6)
    norm.reset_parameters()
    convolution.bias.data.zero_()
    x = torch.randn(200, 1, 3000)
    shifted = pooled_convolution(x + 1000, convolution, norm, 16)
    torch.testing.assert_close(
        shifted, plain(x, convolution, norm, 16), atol=2e-3, rtol=0
    )


def test_epochs_a_few_at_a_time(monkeypatch):
    """How many are read at a time makes no difference."""
    x = torch.randn(7, 1, 600).double()
    found = []
    for size in (2**20, 3 * 32 * 92, 1):
        monkeypatch.setattr("sleepkit.nn._pooled_convolution._SIZE", size)
        torch.manual_seed(0)
        convolution, norm = (module.double() for module in layers(1, 32, 50, 6))
        pooled = pooled_convolution(x, convolution, norm, 16)
        pooled.square().sum().backward()
        found.append((pooled, convolution.weight.grad, norm.running_var))
    for others in found[1:]:
        torch.testing.assert_close(others, found[0])


def test_the_bias_of_the_convolution_is_not_learnt():
    """A mean takes it away; rounding must not move it instead."""
    convolution, norm = layers(1, 8, 50, 6)
    pooled_convolution(torch.randn(5, 1, 600), convolution, norm, 4).sum().backward()
    assert torch.equal(convolution.bias.grad, torch.zeros(8))


@pytest.mark.parametrize("training", [True, False])
def test_mixed_precision(training):
    convolution, norm = layers(1, 32, 50, 6)
    norm.train(training)
    x = torch.randn(9, 1, 600)
    exact = plain(x, convolution, norm, 16)
    with torch.autocast("cpu", torch.bfloat16):
        pooled = pooled_convolution(x, convolution, norm, 16)
    pooled.sum().backward()
    torch.testing.assert_close(pooled.float(), exact, atol=0.05, rtol=0.02)
    assert convolution.weight.grad.isfinite().all()


def test_the_whole_is_never_kept():
    """What autograd keeps has no more numbers than the signal and what is pooled."""
    convolution, norm = layers(1, 32, 50, 6)
    x, kept = torch.randn(8, 1, 3000), []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda at: at):
        pooled_convolution(x, convolution, norm, 16)
    assert max(tensor.numel() for tensor in kept) <= x.numel()
