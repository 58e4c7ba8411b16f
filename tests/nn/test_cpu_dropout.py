"""Dropout by bytes: shares, independence, gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from sleepkit.nn._cpu._dropout import Dropout, dropout

pytestmark = pytest.mark.usefixtures("fast_paths_for_small_inputs")


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_share_and_scale(p):
    x = torch.ones(300, 333)
    dropped = Dropout(p)(x)
    share = (dropped == 0).float().mean()
    assert share == pytest.approx(p, abs=0.01)  # 1/256 of rounding, and chance
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert len(dropped.unique()) == 2


@pytest.mark.parametrize("p", [0.001, 0.003, 0.997, 0.999])
def test_probabilities_near_0_and_1(p):
    """They are not rounded to 0 or 1, where nothing or all would be dropped."""
    torch.manual_seed(0)
    share = (Dropout(p)(torch.ones(1000, 1000)) == 0).float().mean()
    assert share == pytest.approx(p, abs=2e-4)  # 3.6 standard errors


def test_draws_are_independent():
    kept = (Dropout(0.5)(torch.ones(64, 4096)) != 0).double()
    correlation = torch.corrcoef(kept)
    correlation.fill_diagonal_(0)
    assert correlation.abs().max() < 0.08  # 5 standard errors
    along = torch.corrcoef(torch.stack([kept[:, :-1].flatten(), kept[:, 1:].flatten()]))
    assert abs(along[0, 1]) < 0.01


def test_gradient_goes_where_the_values_went():
    x = torch.randn(50, 7, dtype=torch.float64, requires_grad=True)
    dropped = Dropout(0.3)(x)
    gradient = torch.randn_like(dropped)
    dropped.backward(gradient)
    torch.testing.assert_close(x.grad, gradient * (dropped / x).detach())
    assert (x.grad == 0).any()


def test_seed():
    x = torch.ones(100)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(Dropout(0.5)(x))
    assert torch.equal(*found)


def test_everything():
    x = torch.ones(5, requires_grad=True)
    dropped = Dropout(1.0)(x)
    dropped.sum().backward()
    assert not dropped.any()
    assert not x.grad.any()


def test_nothing_is_dropped_in_evaluation_or_with_probability_0():
    x = torch.ones(5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0)(x) is x


@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (2, 3, 5)])
def test_any_shape(shape):
    assert Dropout(0.5)(torch.ones(shape)).shape == shape


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_bad_probability(p):
    with pytest.raises(ValueError, match="dropout probability"):
        Dropout(p)


def test_few_values_are_left_to_torch(monkeypatch):
    monkeypatch.undo()
    for n, same in ((16_383, True), (16_384, False)):
        x = torch.ones(n)
        torch.manual_seed(0)
        found = dropout(x, 0.3)
        torch.manual_seed(0)
        assert torch.equal(found, functional.dropout(x, 0.3)) == same
