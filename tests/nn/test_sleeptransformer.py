"""SleepTransformer: sizes as published, its layers, the order of epochs, padding."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from sleepkit.nn import SleepTransformer
from sleepkit.nn._positioned_encoder import EncoderLayer, Positions

SHAPES = {"eeg": (1, 4, 6), "eog": (1, 4, 6)}
TINY = {
    "n_heads": 2,
    "n_layers": 2,
    "dim_feedforward": 5,
    "attention_size": 3,
    "d_head": 7,
}


def tiny_net(shapes=SHAPES, **options):
    return SleepTransformer(shapes, **TINY | options)


def sequences(batch=3, seq=6, shapes=SHAPES):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in shapes.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# ------------------------------------------------------------------------- as published


def test_numbers_of_parameters():
    net = SleepTransformer({"eeg": (1, 29, 128)})
    assert count(net) == 3_701_893
    assert count(net.frame_encoder) + count(net.sequence_encoder) == 2_506_752
    assert count(net.pooling) == 8_320
    assert count(net.head) == 1_186_821
    assert count(SleepTransformer({"eeg": (1, 29, 128)}, n_layers=2)) == 2_448_517


def test_number_of_parameters_of_two_channels():
    net = SleepTransformer({"eeg": (1, 29, 128), "eog": (1, 29, 128)})
    assert count(net) == 7_126_149


def test_a_layer_by_hand():
    layer, x = EncoderLayer(6, 2, 5, 0.3).eval(), torch.randn(1, 4, 6)
    query, key, value = layer.query_key_value(x[0]).split(6, dim=1)
    heads = []
    for part in (slice(0, 3), slice(3, 6)):
        scores = (query[:, part] @ key[:, part].T / math.sqrt(3)).exp()
        heads.append(scores / scores.sum(1, keepdim=True) @ value[:, part])
    y = normed(x[0] + torch.cat(heads, dim=1))
    enter, leave = layer.feedforward[0], layer.feedforward[3]
    y = normed(y + leave(enter(y).relu()))
    torch.testing.assert_close(layer(x, None)[0], y)


def normed(x):
    """A layer norm without weights."""
    return (x - x.mean(1, keepdim=True)) / x.std(1, correction=0, keepdim=True)


def test_dropout_is_of_the_output_and_of_probabilities():
    layer, x = EncoderLayer(64, 2, 5, 0.5), torch.randn(40, 8, 64)
    assert (layer(x, None) == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    layer.dropout = nn.Identity()
    layer.dropout.p = 0.5
    assert not torch.equal(layer(x, None), layer(x, None))  # probabilities
    layer.dropout.p = 0.0
    assert torch.equal(layer(x, None), layer(x, None))


def test_initial_weights():
    """Glorot's rule for queries, keys and values by themselves; pooling 0.1."""
    net = SleepTransformer({"eeg": (1, 29, 128)}, n_layers=1)
    for encoder in (net.frame_encoder, net.sequence_encoder):
        layer = encoder.layers[0]
        for weight in layer.query_key_value.weight.chunk(3):
            assert weight.std().item() == pytest.approx(128**-0.5, rel=0.05)
        assert not layer.query_key_value.bias.any()
    pooling = net.pooling
    assert pooling.score.weight.std().item() == pytest.approx(0.1, rel=0.3)
    assert pooling.project.weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert pooling.project.bias.any()


def test_positions():
    x = torch.ones(3, 5)
    for place, row in enumerate(Positions()(x)):
        for feature, value in enumerate(row.tolist()):
            angle = place / 10_000 ** (2 * (feature // 2) / 5)
            wave = math.cos(angle) if feature % 2 else math.sin(angle)
            assert value == pytest.approx(math.sqrt(5) + wave, abs=1e-5)


def test_channels_are_interleaved():
    """Neighbouring values of a token are the same bin of all channels."""
    net, inputs = tiny_net(d_model=4), sequences(batch=1, seq=1)
    seen = []
    net.embedding.register_forward_pre_hook(lambda _, args: seen.append(args))
    net(inputs)
    eeg, eog = inputs["eeg"][0, 0, 0], inputs["eog"][0, 0, 0]
    expected = torch.stack([eeg[2, 0], eog[2, 0], eeg[2, 1], eog[2, 1]])
    assert torch.equal(seen[0][0][0, 2, :4], expected)


def test_frames_are_tokens_as_they_are():
    assert isinstance(tiny_net().embedding, nn.Identity)
    assert isinstance(tiny_net(d_model=12).embedding, nn.Identity)
    assert tiny_net(d_model=8).embedding.weight.shape == (8, 12)


# ------------------------------------------------------------ what an output depends on


@pytest.mark.parametrize("positions", [True, False])
def test_the_order_of_epochs_counts_by_their_positions_alone(positions):
    net, inputs = tiny_net().eval(), sequences()
    if not positions:
        net.sequence_encoder.positions = nn.Identity()
    order = [3, 0, 5, 1, 4, 2]
    found = net({name: x[:, order] for name, x in inputs.items()})
    same = torch.allclose(found, net(inputs)[:, order], atol=1e-5)
    assert same is not positions


def test_an_output_depends_on_epochs_before_and_after():
    net, inputs = tiny_net(d_head=64).eval(), sequences()
    other = inputs | {"eeg": inputs["eeg"].clone()}
    other["eeg"][:, 3] += 1
    assert (net(inputs) != net(other)).any(-1).all()
    changed = (net.encode(inputs) != net.encode(other)).any(-1)
    assert changed.any(0).tolist() == [i == 3 for i in range(6)]


def test_forward_is_decoding_what_was_encoded():
    net, inputs = tiny_net().eval(), sequences()
    torch.testing.assert_close(net(inputs), net.decode(net.encode(inputs)))
    assert net(inputs).shape == (3, 6, 5)


def test_features_are_one_frame():
    shapes = {"eeg": (3,), "eog": (1,)}
    net = tiny_net(shapes).eval()
    inputs = sequences(shapes=shapes)
    joined = torch.cat(list(inputs.values()), dim=-1)
    one = tiny_net({"all": (1, 1, 4)}).eval()
    one.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(inputs), one({"all": joined[:, :, None, None]}))


# ------------------------------------------------------------------------------ padding


PADDED = torch.tensor(
    [[0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]]
).bool()


def with_padding(fill):
    """The same epochs with other values where there is padding."""
    torch.manual_seed(1)
    return {
        name: torch.where(PADDED[..., None, None, None], x, fill)
        for name, x in sequences().items()
    }


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    present = dict.fromkeys(SHAPES, PADDED)
    net = tiny_net(dropout=0.0).train(training)
    other = copy.deepcopy(net)
    first = net(with_padding(0.0), present)
    second = other(with_padding(math.nan), present)
    assert torch.equal(first[PADDED], second[PADDED])
    assert first.isfinite().all()
    first[PADDED].sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_padding_is_not_attended_to():
    net, inputs = tiny_net().eval(), with_padding(3.0)
    net.sequence_encoder.positions = nn.Identity()  # those of the short one differ
    padded = net(inputs, dict.fromkeys(SHAPES, PADDED))
    short = net({name: x[:1, 2:5] for name, x in inputs.items()})
    torch.testing.assert_close(padded[:1, 2:5], short)


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["n_classes", "d_model", *TINY])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of SleepTransformer"):
        tiny_net(**{name: 0})


def test_heads_that_do_not_divide_the_token():
    with pytest.raises(ValueError, match=r"the 12 values of a frame.*n_heads=5 for 12"):
        tiny_net(n_heads=5)
    with pytest.raises(ValueError, match=r"d_model: any.*n_heads=5 for 8"):
        tiny_net(n_heads=5, d_model=8)


def test_bad_inputs():
    net, inputs = tiny_net(), sequences()
    with pytest.raises(ValueError, match="SleepTransformer needs all of its modali"):
        net({"eeg": inputs["eeg"]})
    with pytest.raises(ValueError, match=r"SleepTransformer stacks the channels"):
        tiny_net({"eeg": (1, 3000)})
