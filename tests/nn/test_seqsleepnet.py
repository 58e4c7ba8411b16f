"""SeqSleepNet: sizes as published, filterbanks, batch norm in the LSTMs, padding."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from sleepkit.nn import SeqSleepNet
from sleepkit.nn._attention_pooling import AttentionPooling
from sleepkit.nn._batch_norm_lstm import BatchNormBiLSTM
from sleepkit.nn._filterbank import Filterbank

SHAPES = {"eeg": (2, 4, 9), "eog": (1, 4, 9)}
TINY = {"sequence_length": 6, "n_filters": 3, "hidden_size": 4, "attention_size": 3}


def tiny_net(shapes=SHAPES, **options):
    return SeqSleepNet(shapes, **TINY | options)


def sequences(batch=3, seq=6, shapes=SHAPES):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in shapes.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# ------------------------------------------------------------------------- as published


@pytest.mark.parametrize(
    ("n_channels", "shared", "n"),
    [
        (1, True, 164_133),
        (1, False, 176_388),
        (2, True, 184_645),
        (3, True, 205_157),
    ],
)
def test_numbers_of_parameters(n_channels, shared, n):
    net = SeqSleepNet({"eeg": (n_channels, 29, 129)}, shared_output=shared)
    assert count(net) == n


def test_without_the_bin_at_0_hz_only_idle_weights_are_missing():
    whole, fewer = (SeqSleepNet({"eeg": (1, 29, n)}).eval() for n in (129, 128))
    assert count(whole) - count(fewer) == 32
    state = whole.state_dict()
    state["encoder.filterbank.weight"] = state["encoder.filterbank.weight"][:, 1:]
    fewer.load_state_dict(state)
    x = torch.randn(1, 20, 1, 29, 129)
    torch.testing.assert_close(whole({"eeg": x}), fewer({"eeg": x[..., 1:]}))


def test_filters():
    bank = Filterbank(1, 129, 32)
    filters = (bank.weight.sigmoid() * bank.triangles)[0]
    assert (filters >= 0).all()
    assert (filters > 0).sum() == 217
    assert (filters > 0).sum(0).max() == 7
    assert (bank.triangles.amax(0) == 1).all()
    edges = [math.floor(257 * i / 66) for i in range(34)]
    assert edges[:4] == [0, 3, 7, 11]
    assert bank.triangles.argmax(0).tolist() == edges[1:-1]
    assert bank.triangles[5, 0].item() == pytest.approx((7 - 5) / (7 - 3))


def test_the_outermost_bins_have_no_effect():
    net = SeqSleepNet({"eeg": (1, 29, 129)}, **TINY | {"n_filters": 32}).eval()
    x = torch.randn(1, 6, 1, 29, 129)
    other = x.clone()
    other[..., [0, 128]] = 100.0
    assert torch.equal(net({"eeg": x}), net({"eeg": other}))


def test_filters_without_a_bin_raise():
    with pytest.raises(ValueError, match=r"of which 9 bins have 7. Got n_filters=8"):
        tiny_net(n_filters=8)


def test_attention_pooling():
    pooling, x = AttentionPooling(4, 3), torch.randn(2, 5, 4)
    for row, found in zip(x, pooling(x), strict=True):
        scores = [pooling.score(pooling.project(step).tanh()).exp() for step in row]
        expected = sum(s * step for s, step in zip(scores, row, strict=True))
        torch.testing.assert_close(found, expected / sum(scores))


def test_start_of_the_pooling():
    for parameter in AttentionPooling(100, 64).parameters():
        assert parameter.std().item() == pytest.approx(0.1, rel=0.3)


# ----------------------------------------------------------- batch norm in the LSTMs


def normalised(x, norm, t, *, training):
    """A batch of one step, by the equation."""
    mean, variance = norm.running_mean[t], norm.running_var[t]
    if training:
        mean, variance = x.mean(0), x.var(0, correction=0)
    offset = 0 if norm.bias is None else norm.bias
    return norm.weight * (x - mean) / (variance + 1e-5).sqrt() + offset


def lstm_by_hand(lstm, x, *, training):
    """Both directions of the layer, one gate at a time."""
    n_hidden = lstm.weight_hidden.shape[1]
    directions = []
    steps = list(x.unbind(1))
    norms = lstm.norm_in, lstm.norm_hidden, lstm.norm_cell
    for d, ordered in enumerate((steps, steps[::-1])):
        hidden = cell = x.new_zeros(len(x), n_hidden)
        found = []
        for t, step in enumerate(ordered):
            products = [step @ lstm.weight_in[d], hidden @ lstm.weight_hidden[d]]
            summed = 0
            for norm, product in zip(norms, products, strict=False):
                both = torch.zeros(len(x), 2, 4 * n_hidden)
                both[:, d] = product
                of_norm = normalised(both.flatten(1), norm, t, training=training)
                summed = summed + of_norm.view(len(x), 2, -1)[:, d]
            i, f, o, g = summed.split(n_hidden, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            both = torch.zeros(len(x), 2, n_hidden)
            both[:, d] = cell
            of_norm = normalised(both.flatten(1), norms[2], t, training=training)
            hidden = o.sigmoid() * of_norm.view(len(x), 2, -1)[:, d].tanh()
            found.append(hidden)
        directions.append(torch.stack(found if d == 0 else found[::-1], dim=1))
    return torch.cat(directions, dim=-1)


def small_lstm(n_steps=4, dropout=0.0):
    return BatchNormBiLSTM(3, 2, n_steps, dropout=dropout, momentum=0.05)


@pytest.mark.parametrize("training", [True, False])
def test_steps_of_the_lstm(training):
    lstm, x = small_lstm(), torch.randn(7, 4, 3)
    lstm(x)  # statistics of each step
    lstm.train(training)
    expected = lstm_by_hand(lstm, x, training=training)
    torch.testing.assert_close(lstm(x), expected)


def test_start_of_the_lstm():
    lstm = small_lstm()
    assert lstm.norm_in.weight.unique().tolist() == [pytest.approx(0.1)]
    offset = lstm.norm_hidden.bias.view(2, 4, 2)
    assert (offset[:, 1] == 1).all()  # of the forget gates
    assert offset.sum() == 4
    for weight, n_in in ((lstm.weight_in[0], 3), (lstm.weight_hidden[1], 2)):
        torch.testing.assert_close(weight @ weight.T, torch.eye(n_in))


def test_running_statistics_of_each_step():
    """Averages of all batches until these are 1 / momentum."""
    lstm, batches = small_lstm(), torch.randn(30, 50, 4, 3)
    means = []
    for x in batches:
        lstm(x)
        products = x @ lstm.weight_in[0]
        means.append(products.mean(0).detach())
    found = lstm.norm_in.running_mean.view(4, 2, -1)[:, 0]
    expected = torch.stack(means[:20]).mean(0)
    for mean in means[20:]:
        expected = expected.lerp(mean, 0.05)
    torch.testing.assert_close(found, expected)
    assert lstm.n_batches.tolist() == [30] * 4


def test_steps_beyond_the_longest_training_take_the_last_statistics():
    lstm = small_lstm(n_steps=6)
    lstm(torch.randn(9, 2, 3))
    for norm in (lstm.norm_in, lstm.norm_hidden, lstm.norm_cell):
        norm.running_mean[2:] = math.nan  # never seen
    assert lstm.eval()(torch.randn(5, 9, 3)).isfinite().all()


def test_one_row_alone_takes_the_running_statistics():
    lstm, x = small_lstm(), torch.randn(8, 4, 3)
    lstm(x)
    before = lstm.norm_cell.running_mean.clone()
    alone = lstm(x[:1])
    assert torch.equal(lstm.norm_cell.running_mean, before)
    torch.testing.assert_close(alone, lstm.eval()(x[:1]))


# ------------------------------------------------------------ what an output depends on


def changed_epochs(run, inputs, t):
    """Which outputs of `run` change if epoch t does."""
    other = {name: x.clone() for name, x in inputs.items()}
    other["eeg"][:, t] += torch.randn_like(other["eeg"][:, t])
    with torch.no_grad():
        before, after = run(inputs), run(other)
    return [bool((a != b).any()) for a, b in zip(before[0], after[0], strict=True)]


def test_an_output_depends_on_epochs_before_and_after():
    assert changed_epochs(tiny_net().eval(), sequences(), 3) == [True] * 6


def test_an_encoding_depends_on_its_epoch_alone():
    net = tiny_net().eval()
    assert changed_epochs(net.encode, sequences(), 3) == [i == 3 for i in range(6)]


def test_forward_is_decoding_what_was_encoded():
    net, inputs = tiny_net().eval(), sequences()
    torch.testing.assert_close(net(inputs), net.decode(net.encode(inputs)))
    assert net(inputs).shape == (3, 6, 5)


def test_outputs_of_each_place():
    net, encoded = tiny_net().eval(), torch.randn(1, 1, 8).expand(1, 6, 8)
    own = net.head(encoded)[0]
    assert all(not torch.equal(own[0], own[t]) for t in range(1, 6))
    shared = tiny_net(shared_output=True).head(encoded)[0]
    assert torch.equal(shared[0], shared[5])


def test_features_are_one_frame():
    shapes = {"eeg": (3,), "eog": (2,)}
    net = tiny_net(shapes).eval()
    assert net(sequences(shapes=shapes)).shape == (3, 6, 5)
    one = tiny_net({"all": (5,)}).eval()
    one.load_state_dict(net.state_dict())
    inputs = sequences(shapes=shapes)
    joined = torch.cat(list(inputs.values()), dim=-1)
    torch.testing.assert_close(net(inputs), one({"all": joined}))


# ------------------------------------------------------------------------------ padding


PADDED = torch.tensor(
    [[0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1]]
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
    """Neither in front nor behind, whatever its values; batch statistics too."""
    present = dict.fromkeys(SHAPES, PADDED)
    net = tiny_net(dropout=0.0).train(training)
    other = copy.deepcopy(net)
    first = net(with_padding(0.0), present)
    second = other(with_padding(math.nan), present)
    assert torch.equal(first[PADDED], second[PADDED])
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)
    if training:
        assert net.recurrent.n_batches.tolist() == [1] * 5 + [0]  # one row has six
        first[PADDED].sum().backward()
        assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("shared_output", [False, True])
def test_a_padded_sequence_is_like_the_sequence_alone(shared_output):
    net = tiny_net(shared_output=shared_output)
    net(sequences())  # other statistics in each step
    net.eval()
    if not shared_output:
        net.head.weight.data[:] = net.head.weight.data[:1].clone()
    inputs = with_padding(3.0)
    padded = net(inputs, dict.fromkeys(SHAPES, PADDED))
    short = net({name: x[:1, 2:5] for name, x in inputs.items()})
    torch.testing.assert_close(padded[:1, 2:5], short)


def test_rows_come_back_in_their_order():
    """They are sorted by their lengths inside."""
    net = tiny_net(dropout=0.0)
    inputs, order = with_padding(0.0), [2, 0, 1]
    found = net(inputs, dict.fromkeys(SHAPES, PADDED))
    turned = {name: x[order] for name, x in inputs.items()}
    again = net(turned, dict.fromkeys(SHAPES, PADDED[order]))
    torch.testing.assert_close(again[PADDED[order]], found[order][PADDED[order]])


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("modalities", "words"),
    [
        ({}, "got none"),
        ({"eeg": (1, 4, 9), "emg": (1, 4, 8)}, r"eeg \(1, 4, 9\), emg \(1, 4, 8\)"),
        ({"eeg": (1, 3000)}, r"got eeg \(1, 3000\)"),
        ({"eeg": (1, 4, 9), "emg": (3,)}, r"got eeg \(1, 4, 9\), emg \(3,\)"),
        ({"eeg": (0, 4, 9)}, r"got eeg \(0, 4, 9\)"),
    ],
)
def test_modalities_that_cannot_be_stacked_raise(modalities, words):
    with pytest.raises(ValueError, match=words):
        tiny_net(modalities)


@pytest.mark.parametrize("name", ["n_classes", *TINY])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of SeqSleepNet"):
        tiny_net(**{name: 0})


def test_bad_inputs():
    net, inputs = tiny_net(), sequences()
    with pytest.raises(ValueError, match="all of its modalities, eeg, eog; got eeg"):
        net({"eeg": inputs["eeg"]})
    with pytest.raises(
        ValueError, match=r"'eog' of shape \(batch, seq, 1, 4, 9\); got"
    ):
        net(inputs | {"eog": inputs["eog"][0]})
    with pytest.raises(ValueError, match="sequences of 6 epochs at most; got 7"):
        net(sequences(seq=7))
