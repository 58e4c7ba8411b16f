"""The layer of both passes, against the equations."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn._dropout import Dropout
from sleepkit.nn._transformer import Encoder, FusionLayer, Question, questions_for

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
    """Give the norms weights that tell them apart."""
    for module in layer.modules():
        if isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight, 1, 0.3)
            torch.nn.init.normal_(module.bias, 0, 0.3)


def test_unimodal_pass(slow_attention):
    """Eq. 1 to 5: the norm comes after the residual."""
    layer, x = make_layer(), tokens(1)
    random_norms(layer)
    seen = slow_attention(layer.attention, x, x)
    expected = feedforward(norm(x + seen, layer.attention_norm), layer)
    torch.testing.assert_close(layer(x), expected)


def test_multimodal_pass(slow_attention):
    """Eq. 6, 7: others ask; keys, values and residual are own; answers are summed."""
    layer, x = make_layer(("eog", "emg")), tokens(1)
    random_norms(layer)
    asking = {"eog": tokens(2), "emg": tokens(3)}
    seen = slow_attention(layer.attention, x, x)
    own = norm(x + seen, layer.attention_norm)
    answers = [slow_attention(layer.cross[m], asking[m], own) for m in asking]
    expected = feedforward(norm(own + sum(answers), layer.cross_norm), layer)
    questions = {m: Question(asking[m], EVERYWHERE) for m in asking}
    torch.testing.assert_close(layer(x, None, questions), expected)


def test_norm_of_cross_modal_attention_is_its_own():
    layer = make_layer()
    norms = {m for m in layer.modules() if isinstance(m, torch.nn.LayerNorm)}
    assert norms == {layer.attention_norm, layer.cross_norm, layer.feedforward_norm}
    assert len(norms) == 3


def test_direction_of_cross_modal_attention(slow_attention):
    """Asking the other stream instead would be something else."""
    layer, x, other = make_layer(), tokens(1), tokens(2)
    cross = layer.cross["eog"]
    ours, reverse = slow_attention(cross, other, x), slow_attention(cross, x, other)
    torch.testing.assert_close(cross(other, x, None), ours)
    assert (ours - reverse).abs().max() > 0.01


def test_nobody_asks():
    """Where no other is present, the multimodal pass is the unimodal one."""
    layer, x = make_layer(("eog", "emg")), tokens(1)
    there = torch.tensor([True, False])[:, None, None]
    questions = {m: Question(tokens(2), there) for m in ("eog", "emg")}
    both = layer(x, None, questions)
    assert torch.equal(both[1], layer(x)[1])
    assert (both[0] - layer(x)[0]).abs().max() > 0.01


def test_absent_questions_do_not_count():
    layer, x = make_layer(("eog", "emg")), tokens(1)
    eog = Question(tokens(2), EVERYWHERE)
    emg = Question(tokens(3), ~EVERYWHERE)
    heard = layer(x, None, {"eog": eog, "emg": emg})
    assert torch.equal(heard, layer(x, None, {"eog": eog}))


def test_one_question_for_all_tokens():
    """Query 0 asks, and every token of the own stream gets the answer."""
    layer, x, cls = make_layer(), tokens(1), tokens(2, n_tokens=1)
    own = layer.attention_norm(x + layer.attention(x, x, None))
    answer = layer.cross["eog"](cls, own, None).expand(-1, N_TOKENS, -1)
    expected = feedforward(layer.cross_norm(own + answer), layer)
    heard = layer(x, None, {"eog": Question(cls, EVERYWHERE)})
    torch.testing.assert_close(heard, expected)


def test_keys_that_are_not_valid_are_not_seen():
    layer, x, other = make_layer(), tokens(1), tokens(2)
    valid = torch.tensor([True, True, True, False]).expand(BATCH, -1)
    masked = layer(x, valid, {"eog": Question(other, EVERYWHERE)})
    shorter = layer(x[:, :3], None, {"eog": Question(other[:, :3], EVERYWHERE)})
    torch.testing.assert_close(masked[:, :3], shorter)


def test_dropout_is_on_updates_not_on_the_residual():
    layer, x = make_layer(dropout=1.0).train(), tokens(1)
    questions = {"eog": Question(tokens(2), EVERYWHERE)}
    own = layer.attention_norm(x)
    torch.testing.assert_close(layer(x), layer.feedforward_norm(own))
    heard = layer.feedforward_norm(layer.cross_norm(own))
    torch.testing.assert_close(layer(x, None, questions), heard)


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
    x, questions = tokens(1), {"eog": Question(tokens(2), EVERYWHERE)}
    expected = x
    for layer in layers:
        expected = layer(expected, None, questions)
    assert torch.equal(Encoder(layers)(x, None, questions), expected)


def test_questions():
    """Another number of tokens: the first, CLS, asks for all."""
    frames = {"eeg": tokens(1), "eog": tokens(2), "emg": tokens(3, n_tokens=2)}
    there = {name: torch.tensor([[True, False]]) for name in frames}
    questions = questions_for("eeg", frames, there)
    assert set(questions) == {"eog", "emg"}
    assert torch.equal(questions["eog"].tokens, frames["eog"])
    assert torch.equal(questions["emg"].tokens, frames["emg"][:, :1])
    assert questions["eog"].present.tolist() == [[[True]], [[False]]]
