"""SleepPrintNet: sizes as published, neighbours, and the map of the scalp."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sleepkit.nn import SleepPrintNet
from sleepkit.nn._scalp_map import ScalpMap

SIX = ["F3", "F4", "C3", "C4", "O1", "O2"]
SHAPES = {"eeg": (2, 640), "eog": (1, 640)}
TINY = {"sfreq": 64.0, "n_filters": (2, 4), "n_map_filters": 3, "d_head": 6}


def tiny_net(**options):
    return SleepPrintNet(SHAPES, **TINY | options)


def windows(batch=3, n_epochs=3):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, n_epochs, *SHAPES[name]) for name in SHAPES}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_numbers_of_parameters():
    shapes = {"eeg": (6, 3840), "eog": (2, 3840), "emg": (3, 3840)}
    net = SleepPrintNet(shapes, electrodes=SIX)
    assert net.n_features == 18_976
    assert count(net) == 3_613_701
    branches = net.encoder.branches
    assert [count(branches[name]) for name in shapes] == [797_184, 181_504, 199_936]
    assert count(net.encoder.spectral) == 5_376
    assert count(net.head) == 2_429_701


def test_at_100_hz_with_ecg():
    shapes = {"eeg": (6, 3000), "eog": (2, 3000), "emg": (1, 3000)}
    three = SleepPrintNet(shapes, sfreq=100, electrodes=SIX)
    four = SleepPrintNet(shapes | {"ecg": (1, 3000)}, sfreq=100, electrodes=SIX)
    assert (count(three), three.n_features) == (3_581_893, 19_488)
    assert (count(four), four.n_features) == (4_314_373, 23_968)


def test_initial_weights():
    """Convolutions by He's rule, cut off at two deviations; the head by Glorot's."""
    shapes = {"eeg": (6, 3840), "eog": (2, 3840)}
    net = SleepPrintNet(shapes, electrodes=SIX)
    for module in net.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            weight, std = module.weight, math.sqrt(2 / module.weight[0].numel())
            assert weight.abs().max().item() <= 2 * std
            assert weight.std().item() == pytest.approx(0.88 * std, rel=0.15)
            assert module.bias is None or not module.bias.any()
    for layer in (net.head[0], net.head[2]):
        bound = math.sqrt(6 / (layer.in_features + layer.out_features))
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.02)
        assert not layer.bias.any()


def test_channels_are_not_scrambled_with_time():
    """With the kernels of two channels swapped too, swapped channels are the same."""
    net, inputs = tiny_net().eval(), windows()
    swapped = inputs | {"eeg": inputs["eeg"].flip(2)}
    with torch.no_grad():
        before = net(inputs)
        assert not torch.allclose(net(swapped), before)
        for branch in (
            net.encoder.branches["eeg"].small,
            net.encoder.branches["eeg"].large,
        ):
            branch.first.weight.copy_(branch.first.weight.flip(1))
        torch.testing.assert_close(net(swapped), before)


def test_neighbours_are_read_in_order():
    net, inputs = tiny_net().eval(), windows()
    encoder = net.encoder.branches["eog"]
    joined = torch.cat(inputs["eog"].unbind(1), dim=-1)
    with torch.no_grad():
        expected = encoder(joined)
        found = net.encoder(net.stack(inputs))[:, -expected.shape[1] :]
    torch.testing.assert_close(found, expected)


def test_an_epoch_without_neighbours():
    net = tiny_net(context=0)
    assert net.n_epochs == 1
    assert net(windows(n_epochs=1)).shape == (3, 5)


@pytest.mark.parametrize("electrodes", [None, ["C3", "C4"]])
def test_the_map_is_of_the_epoch_itself(electrodes):
    net, inputs = tiny_net(electrodes=electrodes).eval(), windows()
    seen = []
    if electrodes:
        net.encoder.map.register_forward_hook(lambda *a: seen.append(a[1][0]))
    assert net(inputs).shape == (3, 5)
    assert len(seen) == bool(electrodes)
    assert all(torch.equal(x, inputs["eeg"][:, 1]) for x in seen)


def test_map_of_a_rhythm():
    """Alpha at the back: largest there, in the alpha band, and a gain is no matter."""
    to_map = ScalpMap(SIX, 1000, 100.0)
    times = torch.arange(1000) / 100
    x = 0.1 * torch.randn(1, 6, 1000)
    x[:, 4:] += torch.sin(2 * torch.pi * 10 * times)
    found = to_map(x)[0]
    assert found.shape == (5, 16, 16)
    alpha = found[2]
    assert alpha[-1].mean() > 1 > 0 > alpha[:8].mean()
    torch.testing.assert_close(to_map(50 * x)[0], found, atol=1e-4, rtol=1e-4)
    assert to_map(0 * x).abs().max() == 0


def test_pixels_at_electrodes_are_those_of_the_electrodes():
    """Corners of the grid's inner places; elsewhere the nearest electrode."""
    weights = ScalpMap(["T3", "p8", "Cz"], 100, 10.0).weights.unflatten(1, (16, 16))
    assert weights.sum(0).allclose(torch.ones(16, 16))
    assert weights[0, 7:9, 0].min() > 0.9
    assert weights[1, 11:13, -1].min() > 0.8
    assert weights[2, 7:9, 7:9].min() > 0.8


def test_a_window_without_signal_does_not_change_others():
    net = tiny_net(dropout=0.0, electrodes=["C3", "C4"])
    inputs = windows(4)
    there = torch.tensor([True, True, False, True])[:, None].expand(-1, 3)
    inputs["eeg"][2] = torch.nan
    found = net(inputs, dict.fromkeys(inputs, there))
    expected = net({name: x[there[:, 0]] for name, x in inputs.items()})
    torch.testing.assert_close(found[there[:, 0]], expected)
    assert found.isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of SleepPrintNet"),
        ({"context": -1}, "'context' parameter"),
        ({"n_filters": (2, 1)}, r"'n_filters\[1\]' parameter .* >= 2. Got 1"),
        ({"sfreq": 0}, "'sfreq' parameter"),
        ({"electrodes": ["C3"]}, "channel of 'eeg', which has 2. Got"),
        ({"electrodes": ["C3", "X9"]}, r"10-20 system .* Got \['C3', 'X9'\]"),
        ({"electrodes": "C3"}, "Got 'C3' instead"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_net(**options)


def test_bad_inputs():
    with pytest.raises(ValueError, match=r"'eeg' of shape \(batch, 3, n_channels"):
        tiny_net()(windows(n_epochs=2))
