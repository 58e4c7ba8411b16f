"""Attention with relative positions, against the formula."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from sleepkit.nn._attention import RelativeAttention, relative_scores


@pytest.fixture
def attention():
    return RelativeAttention(8, 2, 2).double()


def tokens(n_tokens, batch=3, dim=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, n_tokens, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("n_queries", "n_keys"), [(7, 7), (2, 7), (7, 2), (1, 1)])
def test_formula(attention, slow_attention, n_queries, n_keys):
    """Seven tokens reach beyond the largest distance, 2, on both sides."""
    query, key_value = tokens(n_queries), tokens(n_keys, seed=2)
    expected = slow_attention(attention, query, key_value)
    torch.testing.assert_close(attention(query, key_value, None), expected)


def test_scores_by_hand():
    """One head of one dimension: query i times the entry for clip(j - i, -1, 1)."""
    queries = torch.tensor([1.0, 10.0, 100.0])[None, None, :, None]
    table = torch.tensor([2.0, 3.0, 5.0])[None, :, None]
    expected = torch.tensor([[3.0, 5, 5, 5], [20, 30, 50, 50], [200, 200, 300, 500]])
    torch.testing.assert_close(relative_scores(queries, table, 4)[0, 0], expected)


def test_keys_beyond_the_largest_distance_are_alike(attention):
    key_value = tokens(9)
    swapped = key_value[:, [0, 1, 2, 3, 4, 5, 8, 7, 6]]
    first, fifth = 0, 5
    before, after = (
        attention(key_value, key_value, None),
        attention(key_value, swapped, None),
    )
    torch.testing.assert_close(before[:, first], after[:, first])
    assert (before[:, fifth] - after[:, fifth]).abs().max() > 1e-3


def test_without_distances_order_does_not_matter():
    attention = RelativeAttention(8, 2, 0).double()
    x = tokens(5)
    torch.testing.assert_close(attention(x, x.flip(1), None), attention(x, x, None))


def test_invalid_keys_are_not_attended_to(attention):
    x, valid = tokens(5), torch.tensor([True, True, True, False, False])
    mkey_value = attention(x, x, valid.expand(3, -1))
    torch.testing.assert_close(mkey_value, attention(x, x[:, :3], None))


def test_each_row_has_its_own_mask(attention):
    x = tokens(4, batch=2)
    valid = torch.tensor([[True, True, True, True], [True, True, False, False]])
    mkey_value = attention(x, x, valid)
    torch.testing.assert_close(mkey_value[0], attention(x, x, None)[0])
    torch.testing.assert_close(mkey_value[1], attention(x, x[:, :2], None)[1])


def test_no_valid_key_is_finite(attention):
    x = tokens(4).requires_grad_()
    attended = attention(x, x, torch.zeros(3, 4, dtype=torch.bool))
    attended.sum().backward()
    assert attended.isfinite().all()
    assert x.grad.isfinite().all()


def test_gradients(attention):
    query, key_value = tokens(4, batch=1), tokens(3, batch=1, seed=2)
    query.requires_grad_()
    key_value.requires_grad_()

    def attend(query, key_value, positions):
        state = {"positions": positions}
        return torch.func.functional_call(attention, state, (query, key_value, None))

    assert torch.autograd.gradcheck(attend, (query, key_value, attention.positions))


def test_parameters(attention):
    """Biases on queries, keys and values, not on the output; 2 k + 1 distances."""
    shapes = {name: tuple(p.shape) for name, p in attention.named_parameters()}
    expected = {"positions": (2, 5, 4), "output.weight": (8, 8)}
    for name in ("query", "key", "value"):
        expected |= {f"{name}.weight": (8, 8), f"{name}.bias": (8,)}
    assert shapes == expected


def test_positions_start_with_the_spread_of_keys():
    positions = RelativeAttention(128, 8, 200).positions
    assert positions.std().item() == pytest.approx(16**-0.5, rel=0.02)


def test_probabilities_are_not_dropped(attention):
    x = tokens(4)
    assert torch.equal(attention.train()(x, x, None), attention.eval()(x, x, None))


def test_heads_divide_the_model():
    with pytest.raises(ValueError, match="d_model must be a multiple of n_heads=3"):
        RelativeAttention(8, 3, 2)


def test_lower_precision(attention):
    """Products in bfloat16, a softmax in float32: nearly the exact result."""
    x, low = tokens(7), attention.float()
    expected = deepcopy(low).double()(x, x, None)
    with torch.autocast("cpu", torch.bfloat16):
        found = low(x.float(), x.float(), None)
        scores = relative_scores(x.float()[:, None], torch.randn(1, 5, 8), 7)
    assert found.dtype == torch.bfloat16
    assert scores.dtype == torch.float32
    assert (found - expected).norm() < 0.03 * expected.norm()
    whole = deepcopy(low).bfloat16()(x.bfloat16(), x.bfloat16(), None)
    assert (whole - expected).norm() < 0.03 * expected.norm()


def test_queries_from_the_middle():
    """Some rows of the whole, with their own distances to the keys."""
    attention, x = RelativeAttention(8, 2, 2), torch.randn(3, 6, 8)
    whole = attention(x, x, None)
    some = attention(x[:, [0, 4]], x, None, [0, 4])
    torch.testing.assert_close(some, whole[:, [0, 4]])
