import pytest
import torch
from torch import nn

from sleepkit.nn import _linear
from sleepkit.nn._linear import Linear, onednn_takes, product

needs_onednn = pytest.mark.skipif(
    not _linear._works(torch.float32), reason="this torch has no oneDNN"
)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 5), (0, 5)])
def test_it_is_torchs_linear_layer(shape, bias):
    layer, plain = pair(bias)
    x = torch.randn(shape)
    torch.testing.assert_close(layer(x), plain(x))
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize("asked", ["all", "weights", "tokens"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("n_out", [4, 9])
def test_gradients(n_out, bias, asked):
    layer, plain = pair(bias, n_out)
    x = torch.randn(2, 3, 5)
    found = [gradients(one, x, asked) for one in (layer, plain)]
    assert found[0]
    torch.testing.assert_close(*found)


def gradients(layer, x, asked):
    """Of a loss, by what is asked to have a gradient."""
    x = x.clone().requires_grad_(asked != "weights")
    layer.requires_grad_(asked != "tokens")
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
def test_what_onednn_takes(monkeypatch):
    x = torch.ones(3, 3)
    assert onednn_takes(x, x)
    assert not onednn_takes(x.double(), x.double())
    assert not onednn_takes(x[:0], x)
    assert not onednn_takes(x.bfloat16(), x)
    assert not onednn_takes(x.to("meta"), x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not onednn_takes(x, x)
        assert Linear(3, 3)(x).dtype == torch.bfloat16
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert not onednn_takes(x, x)


def refuse(*_):
    raise RuntimeError


@needs_onednn
@pytest.mark.parametrize("operator", [refuse, lambda x, *_: x])
def test_an_operator_that_torch_has_changed_is_not_used(monkeypatch, operator):
    layer, plain = pair(bias=True)
    monkeypatch.setattr(_linear, "_multiply_by_onednn", operator)
    monkeypatch.setattr(_linear, "_works", _linear._works.__wrapped__)
    x = torch.randn(3, 5)
    assert not onednn_takes(x, layer.weight)
    assert torch.equal(layer(x), plain(x))
    assert torch.equal(product(x, layer.weight, layer.bias), plain(x))


def pair(bias, n_out=4):
    """A layer of ours and one of torch's, with the same weights."""
    layer, plain = Linear(5, n_out, bias=bias), nn.Linear(5, n_out, bias=bias)
    plain.load_state_dict(layer.state_dict())
    return layer, plain


def test_hooks_see_a_run_once():
    """And with the tensors that came, whatever happens inside."""
    layer, seen = Linear(5, 4), []
    layer.register_forward_hook(
        lambda _, inputs, output: seen.append((*inputs, output))
    )
    with torch.no_grad():
        layer(torch.randn(3, 5))
    assert [[tensor.shape for tensor in run] for run in seen] == [[(3, 5), (3, 4)]]
