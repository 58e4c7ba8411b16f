"""DeepSleepNet: sizes as published, what each epoch depends on, padding, states."""

from __future__ import annotations

import copy
import math
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from sleepkit.nn import DeepSleepNet
from sleepkit.nn._two_scale import SameConv1d, SameMaxPool1d

SHAPES = {"eeg": (2, 600), "eog": (1, 600)}
TINY = {"sfreq": 20.0, "n_filters": (3, 4), "hidden_size": 6, "momentum": 0.1}


def tiny_net(**options):
    return DeepSleepNet(SHAPES, **TINY | options)


def sequences(batch=2, seq=7):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# ------------------------------------------------------------------------- as published


@pytest.fixture(scope="module")
def published():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DeepSleepNet({"eeg": (1, 3000)}).eval()


def test_numbers_of_parameters(published):
    """Independent stacks; 24,744,837 would be those of coupled directions."""
    assert count(published) == 22_647_685
    assert count(published.encoder) == 604_032
    assert count(published.epoch_classifier()) == 619_397
    assert count(published.shortcut) == 3_147_776
    assert count(published.head) == 5_125


def test_features_of_an_epoch(published):
    assert published.n_features == 3072
    encoder = published.encoder
    with torch.no_grad():
        x = torch.randn(2, 1, 3000)
        for branch, n_steps in [(encoder.cnn.small, 16), (encoder.cnn.large, 8)]:
            unflattened = nn.Sequential(*list(branch)[:-1])
            assert unflattened(x).shape == (2, 128, n_steps)
        assert published.encode({"eeg": x[None]}).shape == (1, 2, 3072)


def test_channels_are_those_of_the_first_convolutions(published):
    ten = DeepSleepNet({"eeg": (6, 3000), "eog": (2, 3000), "emg": (2, 3000)})
    assert count(ten) - count(published) == 259_200


@pytest.mark.parametrize("sfreq", [50, 128, 256])
def test_kernels_last_as_long_at_any_rate(sfreq):
    net = DeepSleepNet({"eeg": (1, 30 * sfreq)}, sfreq=sfreq, hidden_size=2)
    small, large = net.encoder.cnn.small.first, net.encoder.cnn.large.first
    assert small.kernel_size == (sfreq // 2,)
    assert small.stride == (sfreq // 16,)
    assert large.kernel_size == (4 * sfreq,)
    assert large.stride == (sfreq // 2,)
    x = torch.zeros(1, 1, 1, 30 * sfreq)
    assert net.encode({"eeg": x}).shape == (1, 1, net.n_features)


def test_initial_weights(published):
    for module in published.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.eps == 1e-5
            assert module.momentum == 0.001
            assert module.weight.std().item() == pytest.approx(0.002, rel=0.4)
            assert module.weight.mean().item() == pytest.approx(1, abs=1e-3)
    kernel = published.encoder.cnn.large[5].weight  # 64 filters of 6
    std = math.sqrt(2 / (64 * 6))
    assert 1.9 * std < kernel.abs().max() <= 2 * std
    assert kernel.std().item() == pytest.approx(
        0.88 * std, rel=0.02
    )  # of what is cut off
    for stack in (published.recurrent.ahead, published.recurrent.back):
        bias = (stack.bias_ih_l1 + stack.bias_hh_l1).detach()
        expected = [0.0] * 512 + [1.0] * 512 + [0.0] * 1024
        assert bias.tolist() == expected


# ------------------------------------------------------------------------- SAME padding


def windows_by_hand(x, kernel, stride, fill):
    """Windows of SAME padding, one after the other, as TensorFlow documents them."""
    n_out = -(-len(x) // stride)
    total = max((n_out - 1) * stride + kernel - len(x), 0)
    padded = [fill] * (total // 2) + x + [fill] * (total - total // 2)
    return [padded[i * stride : i * stride + kernel] for i in range(n_out)]


@pytest.mark.parametrize("n_times", [1, 7, 30, 61])
@pytest.mark.parametrize(("kernel", "stride"), [(8, 1), (5, 1), (50, 6), (3, 7)])
def test_same_convolution(n_times, kernel, stride):
    convolution = SameConv1d(1, 1, kernel, stride).double()
    x = torch.randn(n_times, dtype=torch.float64)
    windows = windows_by_hand(x.tolist(), kernel, stride, 0.0)
    weight = convolution.weight[0, 0].tolist()
    expected = [sum(a * b for a, b in zip(w, weight, strict=True)) for w in windows]
    found = convolution(x[None, None])[0, 0]
    torch.testing.assert_close(found.tolist(), expected)


@pytest.mark.parametrize("n_times", [1, 7, 30, 61])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_same_pool_never_takes_its_padding(n_times, size):
    x = -1 - torch.rand(n_times)
    windows = windows_by_hand(x.tolist(), size, size, -math.inf)
    found = SameMaxPool1d(size)(x[None, None])[0, 0]
    assert found.tolist() == [max(window) for window in windows]


# ------------------------------------------------------------ what an output depends on


def changed_epochs(run, inputs, t):
    """Which outputs of `run` change if epoch t does."""
    other = {name: x.clone() for name, x in inputs.items()}
    other["eeg"][:, t] += torch.randn_like(other["eeg"][:, t])
    with torch.no_grad():
        before, after = run(inputs), run(other)
    return [bool((a != b).any()) for a, b in zip(before[0], after[0], strict=True)]


def test_an_output_depends_on_epochs_before_and_after():
    assert changed_epochs(tiny_net().eval(), sequences(1), 3) == [True] * 7


def test_an_encoding_depends_on_its_epoch_alone():
    net = tiny_net().eval()
    assert changed_epochs(net.encode, sequences(1), 3) == [i == 3 for i in range(7)]
    assert changed_epochs(net.epoch_classifier(), sequences(1), 3) == [
        i == 3 for i in range(7)
    ]


@pytest.mark.parametrize("direction", ["ahead", "back"])
def test_directions_are_independent(direction):
    """The last layer of one direction does not depend on what is in its future."""
    net = tiny_net().eval()

    def run(inputs):
        found = net.recurrent(net.encode(inputs))[0]
        return found[..., :6] if direction == "ahead" else found[..., 6:]

    order = range(7) if direction == "ahead" else reversed(range(7))
    expected = {i: step >= 3 for step, i in enumerate(order)}
    found = changed_epochs(run, sequences(1), 3)
    assert found == [expected[i] for i in range(7)]


def test_forward_is_decoding_what_was_encoded():
    net, inputs = tiny_net().eval(), sequences()
    torch.testing.assert_close(net(inputs), net.decode(net.encode(inputs)))
    assert net(inputs).shape == (2, 7, 5)


def test_epochs_alone_and_in_sequences_are_the_same():
    net, inputs = tiny_net().eval(), sequences()
    classifier = net.epoch_classifier().eval()
    alone = classifier({name: x.flatten(0, 1) for name, x in inputs.items()})
    assert alone.shape == (14, 5)
    torch.testing.assert_close(classifier(inputs).flatten(0, 1), alone)


def test_the_first_training_does_not_touch_the_second_part():
    net = tiny_net()
    net.epoch_classifier()(sequences()).sum().backward()
    with_gradient = {n for n, p in net.named_parameters() if p.grad is not None}
    assert with_gradient == {f"encoder.{n}" for n, _ in net.encoder.named_parameters()}
    net(sequences()).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


# ------------------------------------------------------------------------------ padding


PADDED = torch.tensor([[0, 0, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]]).bool()


def with_padding(fill):
    """The same epochs with other values where there is padding."""
    torch.manual_seed(1)
    return {
        name: torch.where(PADDED[..., None, None], x, fill)
        for name, x in sequences().items()
    }


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    """Neither in front nor behind, whatever its values; batch statistics too."""
    present = dict.fromkeys(SHAPES, PADDED)
    net = tiny_net(dropout=0.0).train(training)
    other = copy.deepcopy(net)
    first = net(with_padding(0.0), present)
    second = other(with_padding(float("nan")), present)
    torch.testing.assert_close(first[PADDED], second[PADDED], rtol=0, atol=0)
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)


def test_a_padded_sequence_is_like_the_sequence_alone():
    net = tiny_net().eval()
    inputs = with_padding(3.0)
    padded = net(inputs, dict.fromkeys(SHAPES, PADDED))
    short = net({name: x[:1, 2:6] for name, x in inputs.items()})
    torch.testing.assert_close(padded[:1, 2:6], short)


def test_padding_leaves_gradients_finite():
    net = tiny_net()
    present = dict.fromkeys(SHAPES, PADDED)
    net(with_padding(float("nan")), present)[PADDED].sum().backward()
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_an_absent_modality_is_zero():
    net, inputs = tiny_net().eval(), sequences()
    absent = {"eeg": torch.ones(2, 7).bool(), "eog": torch.zeros(2, 7).bool()}
    hidden = net(inputs | {"eog": torch.full_like(inputs["eog"], math.nan)}, absent)
    silent = net(inputs | {"eog": torch.zeros_like(inputs["eog"])})
    torch.testing.assert_close(hidden, silent)


# ----------------------------------------------------------------- states along a night


def read_ahead(net, inputs, chunks):
    """What the forward stack reads of a night that `forward` gets in chunks."""
    found = []
    hook = net.recurrent.ahead.register_forward_hook(lambda *a: found.append(a[2][0]))
    for i, chunk in enumerate(chunks):
        net({n: x[:, chunk] for n, x in inputs.items()}, continues=torch.tensor(i > 0))
    hook.remove()
    return torch.cat(found, dim=1)


def test_carried_state_is_that_of_one_pass():
    net, inputs = tiny_net().eval(), sequences(seq=9)
    whole = read_ahead(net, inputs, [slice(0, 9)])
    parts = read_ahead(net, inputs, [slice(0, 4), slice(4, 6), slice(6, 9)])
    torch.testing.assert_close(parts, whole)
    apart = [read_ahead(net, inputs, [chunk]) for chunk in (slice(0, 4), slice(4, 9))]
    assert not torch.allclose(torch.cat(apart, dim=1), whole)


def test_the_backward_direction_carries_no_state():
    net, inputs = tiny_net().eval(), sequences(seq=8)
    later = {name: x[:, 4:] for name, x in inputs.items()}
    found = []
    hook = net.recurrent.back.register_forward_hook(lambda *a: found.append(a[2][0]))
    net({name: x[:, :4] for name, x in inputs.items()}, continues=False)
    net(later, continues=True)
    net(later)
    hook.remove()
    torch.testing.assert_close(found[1], found[2], rtol=0, atol=0)


def test_each_row_continues_or_begins():
    net = tiny_net(n_filters=(2, 2)).eval()
    night, other = (sequences(batch=2, seq=2) for _ in range(2))
    net(night, continues=False)
    carried = net(other, continues=True)
    fresh = net(other, continues=False)
    assert not torch.allclose(carried[0], fresh[0])
    for continues in ([True, False], [False, True]):
        net(night, continues=False)
        rows = net(other, continues=torch.tensor(continues))
        expected = [carried[i] if c else fresh[i] for i, c in enumerate(continues)]
        torch.testing.assert_close(rows, torch.stack(expected))


def test_rows_that_ended_leave_the_batch():
    net, inputs = tiny_net().eval(), sequences(batch=3, seq=8)
    first = partial(map_rows, inputs, columns=slice(0, 4))
    later = partial(map_rows, inputs, columns=slice(4, 8))
    net(first(rows=slice(0, 3)), continues=False)
    fewer = net(later(rows=slice(0, 2)), continues=True)
    net(first(rows=slice(0, 2)), continues=False)
    torch.testing.assert_close(net(later(rows=slice(0, 2)), continues=True), fewer)


def map_rows(inputs, *, rows, columns):
    return {name: x[rows, columns] for name, x in inputs.items()}


def test_no_gradient_flows_into_the_last_batch():
    net, inputs = tiny_net(), sequences()
    net(inputs, continues=False).sum().backward()
    net(inputs, continues=True).sum().backward()  # would raise: that graph is freed


def test_a_copy_has_no_state():
    net, inputs = tiny_net().eval(), sequences()
    net(inputs, continues=False)
    fresh = net(inputs, continues=False)
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        torch.testing.assert_close(copied(inputs, continues=True), fresh)


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("modalities", "words"),
    [
        ({}, "shape .n_channels, n_times. with the same n_times; got none"),
        ({"eeg": (1, 3000), "emg": (1, 6000)}, r"eeg \(1, 3000\), emg \(1, 6000\)"),
        ({"eeg": (3,)}, r"got eeg \(3,\)"),
    ],
)
def test_modalities_that_cannot_be_stacked_raise(modalities, words):
    with pytest.raises(ValueError, match=words):
        DeepSleepNet(modalities)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of DeepSleepNet"),
        ({"hidden_size": 0}, "'hidden_size'"),
        ({"n_layers": 0}, "'n_layers'"),
        ({"sfreq": 0}, "'sfreq'"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_net(**options)


def test_bad_inputs():
    net, inputs = tiny_net(), sequences()
    with pytest.raises(ValueError, match="all of its modalities, eeg, eog; got eeg"):
        net({"eeg": inputs["eeg"]})
    with pytest.raises(
        ValueError, match=r"needs 'eog' of shape \(batch, seq, n_channels"
    ):
        net(inputs | {"eog": inputs["eog"][0]})
    with pytest.raises(ValueError, match=r"'eog' epochs of shape \(1, 600\); got"):
        net(inputs | {"eog": inputs["eog"][..., 1:]})
