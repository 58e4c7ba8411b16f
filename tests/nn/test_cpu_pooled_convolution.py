"""The pooled convolution equals its reference, in values, gradients and statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._cpu import _pooled_convolution as fast
from sleepkit.nn._cpu._pooled_convolution import reference

WIDE = [(1, 32, 50, 6, 16), (1, 64, 400, 50, 8), (3, 4, 7, 3, 5), (2, 3, 4, 5, 2)]


def layers(n_in, n_out, kernel, stride):
    convolution, norm = nn.Conv1d(n_in, n_out, kernel, stride), BatchNorm(n_out)
    for values in (norm.running_mean, norm.weight.data, norm.bias.data):
        values.normal_()  # weights below zero too, where the smallest counts
    norm.running_var.uniform_(0.5, 2)
    return convolution, norm


def pooled_convolution(x, convolution, norm, pool):
    return fast.pooled_convolution(x, convolution, norm, nn.MaxPool1d(pool))


def plain(x, convolution, norm, pool):
    return reference(x, convolution, norm, nn.MaxPool1d(pool))


def both(x, convolution, norm, pool):
    """Values, gradients and running statistics of reference and fast path."""
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


def test_channels_with_offsets_of_their_own():
    """The mean of each is taken away, not that of all together."""
    convolution, norm = layers(2, 4, 50, 6)
    norm.reset_parameters()
    x = torch.randn(200, 2, 600)
    offsets = torch.tensor([[1000.0], [-1000.0]])
    torch.testing.assert_close(
        pooled_convolution(x + offsets, convolution, norm, 16),
        plain(x, convolution, norm, 16),
        atol=5e-3,
        rtol=0,
    )


@pytest.mark.parametrize("momentum", [None, 0.5])
def test_running_statistics_follow_the_momentum(momentum):
    convolution, norm = (module.double() for module in layers(1, 4, 50, 6))
    theirs = nn.BatchNorm1d(4, momentum=momentum).double()
    norm.reset_running_stats()
    norm.momentum = momentum
    for seed in range(3):
        torch.manual_seed(seed)
        x = 3 * torch.randn(5, 1, 600).double()
        pooled_convolution(x, convolution, norm, 16)
        theirs(convolution(x))
    torch.testing.assert_close(norm.running_mean, theirs.running_mean)
    torch.testing.assert_close(norm.running_var, theirs.running_var)


def test_all_in_lower_precision():
    """A module that was converted as a whole trains as well."""
    convolution, norm = layers(1, 32, 50, 6)
    x = torch.randn(9, 1, 600)
    exact = plain(x, convolution, norm, 16)
    convolution, norm = convolution.bfloat16(), norm.bfloat16()
    pooled = pooled_convolution(x.bfloat16(), convolution, norm, 16)
    pooled.sum().backward()
    assert pooled.dtype == convolution.weight.grad.dtype == torch.bfloat16
    assert (pooled - exact).norm() < 0.03 * exact.norm()


def test_weights_made_of_others():
    """A convolution whose weight is computed, as by torch's parametrizations."""
    convolution, norm = layers(1, 4, 50, 6)
    x = torch.randn(3, 1, 600)
    exact = plain(x, convolution, norm, 16)
    nn.utils.parametrizations.weight_norm(convolution)
    torch.testing.assert_close(pooled_convolution(x, convolution, norm, 16), exact)


def test_chunks(monkeypatch):
    """The size of a chunk makes no difference."""
    x = torch.randn(7, 1, 600).double()
    found = []
    for size in (2**20, 3 * 32 * 92, 1):
        monkeypatch.setattr("sleepkit.nn._cpu._pooled_convolution._CHUNK", size)
        torch.manual_seed(0)
        convolution, norm = (module.double() for module in layers(1, 32, 50, 6))
        pooled = pooled_convolution(x, convolution, norm, 16)
        pooled.square().sum().backward()
        found.append((pooled, convolution.weight.grad, norm.running_var))
    for others in found[1:]:
        torch.testing.assert_close(others, found[0])


def test_the_bias_of_the_convolution_is_not_trained():
    """Normalisation removes it; rounding must not move it instead."""
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


def test_frames_are_not_kept():
    """Autograd keeps no tensor larger than the signal."""
    convolution, norm = layers(1, 32, 50, 6)
    x, kept = torch.randn(8, 1, 3000), []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda at: at):
        pooled_convolution(x, convolution, norm, 16)
    assert max(tensor.numel() for tensor in kept) <= x.numel()
