"""SleePyCo: sizes as published, its tokens, what is frozen, its loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from sleepkit.nn import SleePyCo, SleePyCoLoss, StageLoss
from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._squeeze_excitation import SqueezeExcitation

TINY = {
    "n_filters": (2, 3, 4, 5, 6),
    "d_model": 8,
    "n_heads": 2,
    "n_layers": 1,
    "dim_feedforward": 8,
}
SHAPES = {"eeg": (2, 300), "eog": (1, 300)}


def tiny_net(**options):
    return SleePyCo(SHAPES, **TINY | options)


def sequences(batch=2, seq=4):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def doubled(x):
    return 2 * x


# ------------------------------------------------------------------------- as published


def test_numbers_of_parameters():
    """The released classifier holds a seventh layer, which it never uses."""
    with torch.device("meta"):
        net = SleePyCo({"eeg": (1, 3000)})
        head = net.projector(doubled).head
    assert count(net.backbone) == 1_543_621
    assert count(net.laterals) == 90_496
    assert count(head) == 49_408
    unused = count(net.classifier.encoder[0])
    assert count(net.classifier) + unused == 730_886
    assert count(net) + unused == 2_365_003


@pytest.mark.parametrize(("level", "n"), list(enumerate((2, 2, 3, 3, 3))))
def test_layers_of_a_level(level, n):
    """A pool in front but for the first level, and a gate of the last convolution."""
    net = tiny_net()
    layers = list(net.backbone.levels[level])
    plain = [nn.Conv1d, BatchNorm, nn.PReLU]
    gated = [nn.Conv1d, BatchNorm, SqueezeExcitation, nn.PReLU]
    found = [type(layer) for layer in (layers[1:] if level else layers)]
    assert found == (n - 1) * plain + gated


@pytest.mark.parametrize(
    ("n_epochs", "tokens"), [(1, [120, 24, 5]), (10, [1200, 240, 48])]
)
def test_tokens(n_epochs, tokens):
    net = SleePyCo({"eeg": (1, 3000)}, **TINY).eval()
    with torch.no_grad():
        levels = net.backbone(torch.zeros(1, 1, n_epochs * 3000))
    assert [level.shape[-1] for level in levels[2:]] == tokens
    assert [level.shape[1] for level in levels] == list(TINY["n_filters"])


@pytest.mark.parametrize(("n_tokens", "first"), [(48, 12), (240, 2), (1200, 0)])
def test_positions_are_those_of_the_finest_scale(n_tokens, first):
    classifier = tiny_net().classifier.eval()
    seen = []
    classifier.encoder.register_forward_hook(lambda *a: seen.append(a[1][0]))
    with torch.no_grad():
        for layer in (classifier.embed[0].weight, classifier.embed[0].bias):
            layer.zero_()
        classifier(torch.zeros(1, n_tokens, 8), 1200)
    places = first + 1200 // n_tokens * torch.arange(n_tokens)
    torch.testing.assert_close(seen[0][0, :, 0], places.float().sin())
    slower = places.float() / 10_000 ** (6 / 8)
    torch.testing.assert_close(seen[0][0, :, 7], slower.cos())


def test_pools_are_padded_with_zeros():
    """Seven negative samples: windows 0-3 and 4-6 and one zero before, two behind."""
    pool = tiny_net().backbone.levels[1][0]
    found = pool(-1 - torch.arange(7.0).view(1, 1, 7))
    assert found.flatten().tolist() == [0, 0]
    inside = pool(-1 - torch.arange(15.0).view(1, 1, 15))
    assert inside.flatten().tolist() == [-1, -6, -11]


def test_the_output_pools_the_bounded_states():
    """The head gets a mean of values of tanh, not of what the transformer returns."""
    net = tiny_net().eval()
    pooled = []
    net.classifier.head.register_forward_hook(lambda *a: pooled.append(a[1][0]))
    with torch.no_grad():
        net.classifier.attend.weight.mul_(1e4)
        net(sequences())
    assert len(pooled) == 3
    assert all(float(each.abs().max()) <= 1 for each in pooled)


# ------------------------------------------------------------ what an output depends on


def test_the_order_of_epochs_matters():
    net, inputs = tiny_net().eval(), sequences()
    flipped = {name: x.flip(1) for name, x in inputs.items()}
    with torch.no_grad():
        assert net(inputs).shape == (2, 3, 5)
        assert not torch.allclose(net(inputs), net(flipped))


def test_absent_modalities_are_zero():
    net, inputs = tiny_net().eval(), sequences()
    present = {"eeg": torch.ones(2, 4).bool(), "eog": torch.zeros(2, 4).bool()}
    with torch.no_grad():
        hidden = net(
            inputs | {"eog": torch.full_like(inputs["eog"], math.nan)}, present
        )
        silent = net(inputs | {"eog": torch.zeros_like(inputs["eog"])})
    torch.testing.assert_close(hidden, silent)


# ------------------------------------------------------------------------ the projector


def test_projections_are_of_each_epoch_alone():
    net, inputs = tiny_net(), sequences()
    projector = net.projector(doubled).eval()
    with torch.no_grad():
        found = projector(inputs)
        alone = projector({name: x[:, 1:2] for name, x in inputs.items()})
    assert found.shape == (2, 4, 2, 8)
    torch.testing.assert_close(found[:, 1:2], alone)
    torch.testing.assert_close(found[:, :, 0], found[:, :, 1], rtol=0, atol=0)


def test_training_takes_two_views():
    calls = []

    def view(x):
        calls.append(x)
        return x * (len(calls) + 1)

    found = tiny_net().projector(view)(sequences())
    assert [tuple(x.shape) for x in calls] == [(8, 3, 300)] * 2
    assert not torch.allclose(found[:, :, 0], found[:, :, 1])


# ------------------------------------------------------------------------------- frozen


def test_a_frozen_backbone_is_the_same_bit_for_bit():
    """Weights and running statistics, whatever the optimizer does to the rest."""
    net = tiny_net().freeze_backbone()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        net.train()
        SleePyCoLoss()(net(sequences()), {"stages": torch.tensor([0, 1])}).backward()
        optimizer.step()
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("backbone."), name


def test_the_first_training_reaches_the_backbone_alone():
    net = tiny_net()
    net.projector(doubled)(sequences()).sum().backward()
    reached = {n for n, p in net.named_parameters() if p.grad is not None}
    assert reached == {f"backbone.{n}" for n, _ in net.backbone.named_parameters()}


# --------------------------------------------------------------------------------- loss


def test_the_loss_is_the_sum_over_the_scales():
    output, stages = torch.randn(4, 3, 5), torch.tensor([0, 4, -1, 2])
    weight = torch.rand(5)
    found = SleePyCoLoss(weight)(output, {"stages": stages})
    each = [StageLoss(weight)(o, {"stages": stages}) for o in output.unbind(1)]
    torch.testing.assert_close(found, sum(each))
    plain = SleePyCoLoss()(output[:2], {"stages": stages[:2]})
    expected = functional.cross_entropy(
        output[:2].flatten(0, 1), stages[:2].repeat_interleave(3)
    )
    torch.testing.assert_close(plain, 3 * expected)


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of SleePyCo"),
        ({"n_layers": 0}, "'n_layers'"),
        ({"dim_feedforward": 0}, "'dim_feedforward'"),
        ({"n_filters": (2, 3)}, r"'n_filters' .* five whole numbers. Got \(2, 3\)"),
        ({"n_filters": (2, 3, 0, 2, 2)}, r"'n_filters\[2\]'"),
        ({"d_model": 9}, "'d_model' .* multiple of 'n_heads', 2. Got 9"),
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
    with pytest.raises(ValueError, match=r"with the same n_times; got eeg \(1, 30\)"):
        SleePyCo({"eeg": (1, 30), "eog": (1, 60)})
