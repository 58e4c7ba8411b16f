"""The layer of both passes, against the equations."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._transformer import CrossQuery, Encoder, FusionLayer, queries_for

BATCH, N_TOKENS, DIM = 2, 4, 8
EVERYWHERE = torch.ones(1, 1, 1, dtype=torch.bool)


def make_layer(others=("eog",), dropout=0.0):
    return FusionLayer(others, DIM, 2, 16, dropout, 3).double()


def tokens(seed, n_tokens=N_TOKENS):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, n_tokens, DIM, generator=generator, dtype=torch.float64)


def norm(x, module):
    centred = x - x.mean(-1, keepdim=True)
    spread = (centred.square().mean(-1, keepdim=True) + module.eps).sqrt()
    return centred / spread * module.weight + module.bias


def feedforward(x, layer):
    """Eq. 4 and 5."""
    first, last = layer.feedforward[0], layer.feedforward[-1]
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    return norm(x + hidden @ last.weight.T + last.bias, layer.feedforward_norm)


def random_norms(layer):
    """Give the norms different weights."""
    for module in layer.modules():
        if isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight, 1, 0.3)
            torch.nn.init.normal_(module.bias, 0, 0.3)


def test_unimodal_pass(slow_attention):
    """Eq. 1 to 5: the norm comes after the residual."""
    layer, x = make_layer(), tokens(1)
    random_norms(layer)
    attended = slow_attention(layer.attention, x, x)
    expected = feedforward(norm(x + attended, layer.attention_norm), layer)
    torch.testing.assert_close(layer(x), expected)


def test_multimodal_pass(slow_attention):
    """Eq. 6, 7: others' queries; own keys, values and residual; a sum."""
    layer, x = make_layer(("eog", "emg")), tokens(1)
    random_norms(layer)
    tokens_of = {"eog": tokens(2), "emg": tokens(3)}
    attended = slow_attention(layer.attention, x, x)
    own = norm(x + attended, layer.attention_norm)
    updates = [slow_attention(layer.cross[m], tokens_of[m], own) for m in tokens_of]
    expected = feedforward(norm(own + sum(updates), layer.cross_norm), layer)
    queries = {m: CrossQuery(tokens_of[m], EVERYWHERE) for m in tokens_of}
    torch.testing.assert_close(layer(x, None, queries), expected)


def test_norm_of_cross_modal_attention_is_its_own():
    layer = make_layer()
    norms = {m for m in layer.modules() if isinstance(m, torch.nn.LayerNorm)}
    assert norms == {layer.attention_norm, layer.cross_norm, layer.feedforward_norm}
    assert len(norms) == 3


def test_direction_of_cross_modal_attention(slow_attention):
    """The other way round gives another result."""
    layer, x, other = make_layer(), tokens(1), tokens(2)
    cross = layer.cross["eog"]
    ours, reverse = slow_attention(cross, other, x), slow_attention(cross, x, other)
    torch.testing.assert_close(cross(other, x, None), ours)
    assert (ours - reverse).abs().max() > 0.01


def test_no_other_is_present():
    """Where no other is present, the multimodal pass is the unimodal one."""
    layer, x = make_layer(("eog", "emg")), tokens(1)
    there = torch.tensor([True, False])[:, None, None]
    queries = {m: CrossQuery(tokens(2), there) for m in ("eog", "emg")}
    both = layer(x, None, queries)
    assert torch.equal(both[1], layer(x)[1])
    assert (both[0] - layer(x)[0]).abs().max() > 0.01


def test_queries_of_absent_modalities_do_not_count():
    layer, x = make_layer(("eog", "emg")), tokens(1)
    eog = CrossQuery(tokens(2), EVERYWHERE)
    emg = CrossQuery(tokens(3), ~EVERYWHERE)
    mapped = layer(x, None, {"eog": eog, "emg": emg})
    assert torch.equal(mapped, layer(x, None, {"eog": eog}))


def test_one_query_for_all_tokens():
    """The result of query 0 is added to every token of the own stream."""
    layer, x, cls = make_layer(), tokens(1), tokens(2, n_tokens=1)
    own = layer.attention_norm(x + layer.attention(x, x, None))
    update = layer.cross["eog"](cls, own, None).expand(-1, N_TOKENS, -1)
    expected = feedforward(layer.cross_norm(own + update), layer)
    mapped = layer(x, None, {"eog": CrossQuery(cls, EVERYWHERE)})
    torch.testing.assert_close(mapped, expected)


def test_invalid_keys_are_not_attended_to():
    layer, x, other = make_layer(), tokens(1), tokens(2)
    valid = torch.tensor([True, True, True, False]).expand(BATCH, -1)
    masked = layer(x, valid, {"eog": CrossQuery(other, EVERYWHERE)})
    shorter = layer(x[:, :3], None, {"eog": CrossQuery(other[:, :3], EVERYWHERE)})
    torch.testing.assert_close(masked[:, :3], shorter)


def test_dropout_is_on_updates_not_on_the_residual():
    layer, x = make_layer(dropout=1.0).train(), tokens(1)
    queries = {"eog": CrossQuery(tokens(2), EVERYWHERE)}
    own = layer.attention_norm(x)
    torch.testing.assert_close(layer(x), layer.feedforward_norm(own))
    mapped = layer.feedforward_norm(layer.cross_norm(own))
    torch.testing.assert_close(layer(x, None, queries), mapped)


def test_hidden_units_are_dropped():
    hidden = make_layer(dropout=0.3).feedforward[2]
    assert isinstance(hidden, Dropout)
    assert hidden.p == 0.3


def test_without_others_there_is_no_cross_modal_attention():
    names = [name for name, _ in make_layer(()).named_parameters()]
    assert [name for name in names if name.startswith("cross")] == []


@pytest.mark.parametrize("n_layers", [1, 3])
def test_encoder_runs_its_layers_in_turn(n_layers):
    layers = [make_layer() for _ in range(n_layers)]
    x, queries = tokens(1), {"eog": CrossQuery(tokens(2), EVERYWHERE)}
    expected = x
    for layer in layers:
        expected = layer(expected, None, queries)
    assert torch.equal(Encoder(layers)(x, None, queries), expected)


def test_queries():
    """Of another number of tokens the first, CLS, is the query for all."""
    frames = {"eeg": tokens(1), "eog": tokens(2), "emg": tokens(3, n_tokens=2)}
    there = {name: torch.tensor([[True, False]]) for name in frames}
    queries = queries_for("eeg", frames, there)
    assert set(queries) == {"eog", "emg"}
    assert torch.equal(queries["eog"].tokens, frames["eog"])
    assert torch.equal(queries["emg"].tokens, frames["emg"][:, :1])
    assert queries["eog"].present.tolist() == [[[True]], [[False]]]
