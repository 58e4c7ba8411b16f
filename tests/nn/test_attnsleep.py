"""AttnSleep: sizes as published, causal context, and lengths that do not fit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sleepkit.nn import AttnSleep
from sleepkit.nn._attnsleep import CausalConv1d, ContextLayer, UnbiasedLayerNorm

TINY = {"n_filters": (3, 4), "n_tokens": 5, "n_heads": 1, "dim_feedforward": 7}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_numbers_of_parameters():
    """Those that any output depends on: 522,805 as released less 12,980."""
    with torch.device("meta"):
        net = AttnSleep({"eeg": (1, 3000)})
        at_125 = AttnSleep({"eeg": (1, 3750)})
    cnn, residual, *layers, norm, _ = net.encoder
    assert count(cnn) + count(residual) == 407_600
    assert sum(map(count, layers)) + count(norm) == 103_200 - 12_980
    assert count(net.head) == 12_005
    assert count(net) == 509_825
    assert count(at_125) == 505_249


def test_every_parameter_has_a_gradient():
    net = AttnSleep({"eeg": (1, 600)}, **TINY)
    net({"eeg": torch.randn(4, 1, 600)}).square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_steps_of_both_branches():
    net = AttnSleep({"eeg": (1, 3000)}, **TINY | {"n_heads": 5}).eval()
    small, large = net.encoder[0].small, net.encoder[0].large
    with torch.no_grad():
        x = torch.randn(2, 1, 3000)
        assert small(x).shape == (2, 4, 64)
        assert large(x).shape == (2, 4, 16)
        assert net.encoder[0](x).shape == (2, 4, 80)
    assert net.n_steps == 80
    assert isinstance(small[2], nn.GELU)


@pytest.mark.parametrize(("n_times", "kernel"), [(3000, 7), (3750, 6)])
def test_the_kernel_of_the_large_branch_is_that_of_the_rate(n_times, kernel):
    with torch.device("meta"):
        net = AttnSleep({"eeg": (1, n_times)})
    assert net.encoder[0].large[5].kernel_size == (kernel,)


@pytest.mark.parametrize("n_times", [1500, 1920, 3840, 6000, 7500, 7680])
def test_steps_that_the_heads_do_not_divide(n_times):
    with pytest.raises(
        ValueError, match=rf"n_heads=5 divides: 3000 .* Got epochs of {n_times} samples"
    ):
        AttnSleep({"eeg": (1, n_times)})
    with pytest.raises(ValueError, match=r"99 steps\."):
        AttnSleep({"eeg": (1, 3750)}, large_kernel=7)


def test_context_is_causal():
    """A step depends on itself and the six before it, and on none after it."""
    convolution = CausalConv1d(3)
    x = torch.randn(1, 3, 20)
    other = x.clone()
    other[..., 9] += 1
    changed = (convolution(x) != convolution(other)).any(1)[0]
    assert changed.tolist() == [9 <= step <= 15 for step in range(20)]


def test_a_layer_by_hand():
    """The residual is the query; keys and values are of the input as it is."""
    layer = ContextLayer(3, 8, 2, 5, dropout=0.0)
    x = torch.randn(2, 3, 8)
    query, key, value = layer.query(x), layer.key(x), layer.value(x)
    parts = []
    for head in (slice(0, 4), slice(4, 8)):
        scores = query[..., head] @ key[..., head].transpose(1, 2) / 2
        parts.append(scores.softmax(-1) @ value[..., head])
    attended = query + layer.output(torch.cat(parts, -1))
    expected = attended + layer.feedforward(layer.norm(attended))
    torch.testing.assert_close(layer(x), expected)


def test_the_norm_by_hand():
    x = torch.tensor([[1.0, 2.0, 6.0]])
    deviation = (((x - 3) ** 2).sum() / 2).sqrt() + 1e-6
    torch.testing.assert_close(UnbiasedLayerNorm(3)(x), (x - 3) / deviation)


def test_initial_weights():
    net = AttnSleep({"eeg": (1, 3000)})
    convolution, norm = net.encoder[0].small[0], net.encoder[0].small[1]
    assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.5)
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.02)
    reduced = net.encoder[1].layers[0].weight
    assert reduced.std().item() == pytest.approx(0.02, rel=0.1)
    for layer in net.encoder[2:4]:
        for causal in (layer.query, layer.key, layer.value):
            bound = 1 / math.sqrt(30 * 7)  # of torch
            assert causal.weight.abs().max().item() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize("name", ["n_classes", "n_layers", "n_heads", "n_tokens"])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of AttnSleep"):
        AttnSleep({"eeg": (1, 600)}, **TINY | {name: 0})
