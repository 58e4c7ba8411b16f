"""L-SeqSleepNet: size as published, its grid of sub-sequences, padding."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from sleepkit.nn import LSeqSleepNet

SHAPES = {"eeg": (2, 3, 9)}
TINY = {
    "sequence_length": 6,
    "subsequence_length": 3,
    "n_filters": 3,
    "hidden_size": 4,
    "attention_size": 3,
    "d_head": 5,
}


def tiny_net(**options):
    return LSeqSleepNet(SHAPES, **TINY | options)


def sequences(batch=3, seq=6):
    return {"eeg": torch.randn(batch, seq, *SHAPES["eeg"])}


def test_number_of_parameters():
    net = LSeqSleepNet({"eeg": (1, 29, 129)})
    assert sum(p.numel() for p in net.parameters()) == 628_389


def test_axes_of_the_grid():
    """On the transposed grid, one LSTM does what the other does on the grid."""
    net = tiny_net(sequence_length=4, subsequence_length=2).eval()
    net.across.load_state_dict(net.within.state_dict())
    grid, real = torch.randn(2, 2, 2, 8), torch.ones(2, 2, 2).bool()
    found = net.across(grid.transpose(1, 2), real).transpose(1, 2)
    assert not torch.allclose(found, net.within(grid, real))
    turned = net.within(grid.transpose(1, 2), real).transpose(1, 2)
    torch.testing.assert_close(found, turned)


def test_a_residual_lstm_by_hand():
    """What the LSTM reads is mapped, normalised and added to its input."""
    part, grid = tiny_net().across.eval(), torch.randn(2, 3, 2, 8)
    for parameter in (part.norm.weight, part.norm.bias):
        nn.init.normal_(parameter)
    real = torch.ones(2, 3, 2).bool()
    for row in range(3):
        x = grid[:, row]
        y = part.recurrent(x) @ part.project.weight.T + part.project.bias
        deviation = (y.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        normal = (y - y.mean(-1, keepdim=True)) / deviation
        expected = x + normal * part.norm.weight + part.norm.bias
        torch.testing.assert_close(part(grid, real)[:, row], expected)


def test_an_epoch_is_seen_within_its_sub_sequence_first():
    net = tiny_net().eval()
    seen = []
    for part in (net.within, net.across):
        part.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    encoded = torch.arange(6.0)[None, :, None].expand(1, 6, 8)
    net.decode(encoded)
    within, across = seen
    assert within[0, :, :, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert across.shape[1:3] == (3, 2)


def test_an_output_depends_on_all_epochs():
    net, inputs = tiny_net(d_head=64).eval(), sequences()
    other = {"eeg": inputs["eeg"].clone()}
    other["eeg"][:, 1] += 5
    assert (net(inputs) != net(other)).any(-1).all()
    changed = (net.encode(inputs) != net.encode(other)).any(-1)
    assert changed.any(0).tolist() == [i == 1 for i in range(6)]


@pytest.mark.parametrize("seq", [1, 2, 4, 5])
def test_sequences_of_any_length(seq):
    """What is filled up to a whole grid has no effect."""
    net = tiny_net()
    net(sequences())
    net.eval()
    encoded = torch.randn(2, seq, 8)
    mask = {"eeg": torch.ones(2, 6).bool()}
    mask["eeg"][:, seq:] = False
    filled = torch.cat([encoded, torch.randn(2, 6 - seq, 8)], dim=1)
    expected = net.decode(filled, mask)[:, :seq]
    torch.testing.assert_close(net.decode(encoded), expected)


PADDED = torch.tensor([[0, 0, 1, 1, 1, 0], [1] * 6, [0] * 5 + [1]]).bool()


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    net = tiny_net(dropout=0.0).train(training)
    other, (x,) = copy.deepcopy(net), sequences().values()
    hidden = torch.where(PADDED[..., None, None, None], x, math.nan)
    first = net({"eeg": x}, {"eeg": PADDED})
    second = other({"eeg": hidden}, {"eeg": PADDED})
    assert torch.equal(first[PADDED], second[PADDED])
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)
    first[PADDED].sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(("part", "drops"), [("within", False), ("across", True)])
def test_dropout_of_the_input(part, drops):
    lstm, x = getattr(tiny_net(dropout=0.5), part).recurrent, torch.randn(4, 2, 8)
    seen = []
    lstm.dropout.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    lstm(x)
    assert len(seen) == 1 + drops


@pytest.mark.parametrize("name", ["n_classes", *TINY])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of LSeqSleepNet"):
        tiny_net(**{name: 0})
