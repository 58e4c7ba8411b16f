"""Linear layers by oneDNN: where it is used, and what it is given."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn._cpu import _linear
from sleepkit.nn._cpu._linear import Linear, can_use_onednn, linear

pytestmark = pytest.mark.usefixtures("fast_paths_for_small_inputs")
needs_onednn = pytest.mark.skipif(not _linear._WORKS, reason="this torch has no oneDNN")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 5), (0, 5)])
def test_it_is_torchs_linear_layer(shape, bias):
    layer, plain = pair(bias)
    x = torch.randn(shape)
    torch.testing.assert_close(layer(x), plain(x))
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize("wanted", ["all", "weights", "tokens"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("n_out", [4, 9])
def test_gradients(n_out, bias, wanted):
    layer, plain = pair(bias, n_out)
    x = torch.randn(2, 3, 5)
    found = [gradients(one, x, wanted) for one in (layer, plain)]
    assert found[0]
    torch.testing.assert_close(*found)


def gradients(layer, x, wanted):
    """Gradients of a loss by weights, tokens or both."""
    x = x.clone().requires_grad_(wanted != "weights")
    layer.requires_grad_(wanted != "tokens")
    layer(x).square().sum().backward()
    tensors = [x, *layer.parameters()]
    return [tensor.grad for tensor in tensors if tensor.requires_grad]


def test_gradients_of_gradients():
    layer, plain = pair(bias=True)
    x = torch.randn(6, 5, requires_grad=True)
    found = []
    for one in (layer, plain):
        (first,) = torch.autograd.grad(one(x).pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [x, one.weight]))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    "taken",
    [lambda x: x[:, 0], lambda x: x.mT[..., :5], lambda x: x[:, :1].expand_as(x)],
)
def test_rows_with_gaps(taken):
    layer, plain = pair(bias=True)
    x = taken(torch.randn(6, 5, 5))
    torch.testing.assert_close(layer(x), plain(x))
    torch.testing.assert_close(gradients(layer, x, "all"), gradients(plain, x, "all"))


@needs_onednn
def test_small_products_are_left_to_torch(monkeypatch):
    monkeypatch.undo()
    assert can_use_onednn(torch.ones(400, 100), torch.ones(100, 100))
    assert not can_use_onednn(torch.ones(399, 100), torch.ones(100, 100))


@needs_onednn
def test_where_onednn_is_used(monkeypatch):
    x = torch.ones(3, 3)
    assert can_use_onednn(x, x)
    assert not can_use_onednn(x.double(), x.double())
    assert not can_use_onednn(x[:0], x)
    assert not can_use_onednn(x.bfloat16(), x)
    assert not can_use_onednn(x.bfloat16(), x.bfloat16())
    assert not can_use_onednn(x, x[:, :2])
    with torch.autocast("cpu", torch.bfloat16):
        assert not can_use_onednn(x, x)
        assert Linear(3, 3)(x).dtype == torch.bfloat16
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert not can_use_onednn(x, x)


def refuse(*_):
    raise RuntimeError


@pytest.mark.parametrize("operator", [refuse, lambda x, *_: x])
def test_an_operator_that_torch_has_changed_is_not_used(monkeypatch, operator):
    monkeypatch.setattr(_linear, "_onednn_product", operator)
    assert not _linear._works()


def test_without_the_operator(monkeypatch):
    layer, plain = pair(bias=True)
    monkeypatch.setattr(_linear, "_WORKS", False)
    x = torch.randn(3, 5)
    assert torch.equal(layer(x), plain(x))
    assert torch.equal(linear(x, layer.weight, layer.bias), plain(x))


@pytest.mark.parametrize("bias", [torch.randn(4, 3)[:, 1], torch.randn(1).expand(4)])
def test_a_bias_with_gaps(bias):
    layer, plain = pair(bias=True)
    for one in (layer, plain):
        one.bias = nn.Parameter(bias)
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize(
    ("x", "weight"),
    [
        (torch.randn(3, 5), torch.randn(4, 6)),
        (torch.randn(3, 5), torch.randn(4, 5, dtype=torch.float64)),
    ],
)
def test_operands_that_do_not_fit_are_left_to_torch(x, weight):
    layer = Linear(5, 4, bias=False)
    layer.weight = nn.Parameter(weight)
    with torch.no_grad(), pytest.raises(RuntimeError):
        layer(x)


def test_a_computed_weight_is_computed_once():
    class Count(nn.Module):
        def forward(self, weight):
            calls.append(1)
            return weight

    calls = []
    layer = nn.utils.parametrize.register_parametrization(
        Linear(5, 4), "weight", Count()
    )
    calls.clear()
    layer(torch.randn(3, 5))
    assert calls == [1]


def test_transforms_of_torch():
    layer, plain = pair(bias=True)
    x = torch.randn(3, 5)
    found = [torch.func.jacrev(one)(x) for one in (layer, plain)]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(torch.func.vmap(layer)(x), plain(x))
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), plain(x))


def pair(bias, n_out=4):
    """A layer of ours and one of torch's, with the same weights."""
    layer, plain = Linear(5, n_out, bias=bias), nn.Linear(5, n_out, bias=bias)
    plain.load_state_dict(layer.state_dict())
    return layer, plain


def test_hooks_run_once():
    """With the tensors as they came."""
    layer, calls = Linear(5, 4), []
    layer.register_forward_hook(
        lambda _, inputs, output: calls.append((*inputs, output))
    )
    with torch.no_grad():
        layer(torch.randn(3, 5))
    assert [[tensor.shape for tensor in run] for run in calls] == [[(3, 5), (3, 4)]]
