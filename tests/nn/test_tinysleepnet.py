"""TinySleepNet: sizes as published, nothing of later epochs, states, its loss."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional

from sleepkit.nn import StageLoss, TinySleepNet, TinySleepNetLoss

SHAPES = {"eeg": (2, 600), "eog": (1, 600)}
TINY = {"sfreq": 20.0, "n_filters": (3, 4), "hidden_size": 6, "momentum": 0.1}


def tiny_net(**options):
    return TinySleepNet(SHAPES, **TINY | options)


def sequences(batch=2, seq=7):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def part(inputs, start, stop, rows=slice(None)):
    return {name: x[rows, start:stop] for name, x in inputs.items()}


# ------------------------------------------------------------------------- as published


def test_number_of_parameters():
    """The LSTM of torch has a second vector of biases instead of peepholes."""
    with torch.device("meta"):
        net = TinySleepNet({"eeg": (1, 3000)})
    assert sum(p.numel() for p in net.parameters()) == 1_516_421


@pytest.mark.parametrize(
    ("sfreq", "n_features"), [(100, 2048), (125, 2176), (128, 1920), (256, 1920)]
)
def test_features_of_an_epoch(sfreq, n_features):
    with torch.device("meta"):
        net = TinySleepNet({"eeg": (1, 30 * sfreq)}, sfreq=sfreq)
        encoded = net.encode({"eeg": torch.zeros(1, 1, 1, 30 * sfreq)})
    assert net.n_features == n_features
    assert encoded.shape == (1, 1, n_features)


def test_initial_weights():
    net = TinySleepNet({"eeg": (1, 3000)}, hidden_size=8)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert all(bool((norm.weight == 1).all()) for norm in norms)
    kernel = net.cnn[5].weight  # 128 filters of 8
    assert kernel.std().item() == pytest.approx(math.sqrt(1 / (128 * 8)), rel=0.02)


# ------------------------------------------------------------ what an output depends on


def test_it_is_causal():
    """Outputs before a changed epoch are the same, bit for bit."""
    net, inputs = tiny_net().eval(), sequences(1)
    other = {name: x.clone() for name, x in inputs.items()}
    other["eeg"][:, 3:] += torch.randn_like(other["eeg"][:, 3:])
    with torch.no_grad():
        before, after = net(inputs)[0], net(other)[0]
    assert torch.equal(before[:3], after[:3])
    assert bool((before[3:] != after[3:]).any(1).all())


def test_earlier_epochs_matter():
    net, inputs = tiny_net().eval(), sequences(1)
    with torch.no_grad():
        assert not torch.allclose(net(inputs)[:, 3:], net(part(inputs, 3, 7)))


def test_a_night_in_parts_with_its_state_is_the_night():
    net, inputs = tiny_net().eval(), sequences(seq=9)
    with torch.no_grad():
        whole = net(inputs)
        parts = [
            net(part(inputs, start, stop), continues=start > 0)
            for start, stop in [(0, 4), (4, 5), (5, 9)]
        ]
        alone = [net(part(inputs, start, start + 1)) for start in range(9)]
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    torch.testing.assert_close(whole, net.decode(net.encode(inputs)))
    assert not torch.allclose(torch.cat(alone, 1), whole)


def test_each_row_continues_or_begins():
    net, night, later = tiny_net().eval(), sequences(), sequences()
    with torch.no_grad():
        net(night, continues=False)
        carried = net(later, continues=True)
        fresh = net(later, continues=False)
        net(night, continues=False)
        mixed = net(later, continues=torch.tensor([False, True]))
        net(night, continues=False)
        fewer = net(part(later, 0, 7, slice(0, 1)), continues=True)
    torch.testing.assert_close(mixed, torch.stack([fresh[0], carried[1]]))
    torch.testing.assert_close(fewer, carried[:1])


def test_a_copy_has_no_state_and_no_gradient_flows_into_the_last_batch():
    net, inputs = tiny_net(dropout=0.0), sequences()
    net(inputs, continues=False).sum().backward()
    net(inputs, continues=True).sum().backward()  # would raise: that graph is freed
    net.eval()
    fresh = net(inputs, continues=False)
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        torch.testing.assert_close(copied(inputs, continues=True), fresh)


# ------------------------------------------------------------------------------ padding

PADDED = torch.tensor([[0, 0, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]]).bool()


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    """Neither in front nor behind, whatever its values; batch statistics too."""
    present = dict.fromkeys(SHAPES, PADDED)
    net = tiny_net(dropout=0.0).train(training)
    other, inputs = copy.deepcopy(net), sequences()
    filled = {
        name: torch.where(PADDED[..., None, None], x, math.nan)
        for name, x in inputs.items()
    }
    first, second = net(inputs, present), other(filled, present)
    torch.testing.assert_close(first[PADDED], second[PADDED], rtol=0, atol=0)
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)
    if not training:
        short = net(part(inputs, 2, 6, slice(0, 1)))
        torch.testing.assert_close(first[:1, 2:6], short)


# --------------------------------------------------------------------------------- loss


def test_the_loss_divides_by_the_number_of_labelled_epochs():
    output, weight = torch.randn(2, 3, 5), torch.tensor([1.0, 1.5, 1, 1, 1])
    stages = torch.tensor([[0, 1, -1], [1, 4, 2]])
    each = functional.cross_entropy(
        output.flatten(0, 1), stages.flatten().clamp(min=0), reduction="none"
    )
    factors = torch.tensor([1.0, 1.5, 0, 1.5, 1, 1])
    found = TinySleepNetLoss(weight)(output, {"stages": stages})
    torch.testing.assert_close(found, (each * factors).sum() / 5)
    plain = StageLoss()(output, {"stages": stages})
    torch.testing.assert_close(TinySleepNetLoss()(output, {"stages": stages}), plain)
    none = TinySleepNetLoss()(output, {"stages": torch.full((2, 3), -1)})
    assert none.item() == 0


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of TinySleepNet"),
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
    with pytest.raises(ValueError, match=r"'eog' of shape \(batch, seq, n_channels"):
        net(inputs | {"eog": inputs["eog"][0]})
