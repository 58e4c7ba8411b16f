"""MaskSleepNet: an absent modality has no influence; how modalities are masked."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import MaskSleepNet
from sleepkit.nn._masksleepnet import draw_subsets

SHAPES = {"eeg": (2, 600), "eog": (1, 600), "emg": (1, 600)}
TINY = {"n_filters": (3, 8), "n_heads": 2, "dim_feedforward": 12}


def tiny_net(**options):
    return MaskSleepNet(SHAPES, **TINY | options)


def epochs(batch=4):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, *shape) for name, shape in SHAPES.items()}


def test_numbers_of_parameters():
    with torch.device("meta"):
        three = MaskSleepNet(dict.fromkeys(("eeg", "eog", "emg"), (1, 3000)))
        isruc = {"eeg": (6, 3000), "eog": (2, 3000), "emg": (1, 3000), "ecg": (1, 3000)}
        four = MaskSleepNet(isruc)
    assert sum(p.numel() for p in three.parameters()) == 1_661_189
    assert sum(p.numel() for p in four.parameters()) == 2_263_429
    assert three.n_steps == 80


@pytest.mark.parametrize("training", [False, True])
def test_no_gradient_of_an_absent_modality(training):
    """Exactly zero, and so is the influence of its values, NaN too."""
    net = tiny_net(dropout=0.0, attention_dropout=0.0, masking=0.0).train(training)
    with torch.no_grad():
        for norm in net.modules():
            if isinstance(norm, torch.nn.BatchNorm1d):
                norm.bias.normal_()
    inputs = epochs()
    inputs["eog"].requires_grad_()
    there = {"eog": torch.tensor([True, False, True, False])}
    logits = net(inputs, there)
    logits.square().sum().backward()
    assert (inputs["eog"].grad[1::2] == 0).all()
    assert (inputs["eog"].grad[::2] != 0).any()
    hidden = inputs["eog"].detach().clone()
    hidden[1::2] = torch.nan
    torch.testing.assert_close(net(inputs | {"eog": hidden}, there), logits)


@pytest.mark.parametrize("kept", [["eeg"], ["eog", "emg"], ["emg"]])
def test_any_subset(kept):
    """A modality that is not passed is one that is absent everywhere."""
    net, inputs = tiny_net().eval(), epochs()
    absent = {name: torch.full((4,), name in kept) for name in SHAPES}
    found = net({name: inputs[name] for name in kept})
    torch.testing.assert_close(found, net(inputs, absent))


def test_batch_statistics_are_of_present_epochs():
    net = tiny_net(masking=0.0)
    inputs, there = epochs(), torch.tensor([True, False, True, True])
    net(inputs, {"eog": there})
    mean = net.branches["eog"][0].small[1].running_mean
    first = net.branches["eog"][0].small[0](inputs["eog"][there])
    torch.testing.assert_close(mean, 0.1 * first.mean((0, 2)))


def test_subsets_are_non_empty_and_equally_likely():
    mask = torch.tensor([[True, False, True, True]]).expand(7000, -1)
    drawn = draw_subsets(mask)
    assert not drawn[:, 1].any()
    numbers = (drawn.long() * torch.tensor([1, 0, 2, 4])).sum(1)
    counts = numbers.bincount(minlength=8)
    assert counts[0] == 0
    assert (counts[1:] - 1000).abs().max() < 150
    assert not draw_subsets(torch.zeros(3, 2, dtype=torch.bool)).any()


def test_masking_is_of_training_alone():
    net, inputs = tiny_net(masking=1.0, dropout=0.0, attention_dropout=0.0), epochs(64)
    seen = []
    net.branches["eog"].register_forward_hook(lambda *a: seen.append(len(a[1][0])))
    net(inputs)
    assert 16 < seen[0] < 60  # 4 of 7 subsets have it
    net.eval()(inputs)
    assert seen[1] == 64


def test_an_epoch_without_any_modality_is_finite():
    net = tiny_net().eval()
    nowhere = dict.fromkeys(SHAPES, torch.zeros(4, dtype=torch.bool))
    assert net(epochs(), nowhere).isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of MaskSleepNet"),
        ({"n_heads": 3}, "'n_heads' .* must divide .* 8. Got 3"),
        ({"masking": 1.5}, "'masking' parameter of MaskSleepNet"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_net(**options)


def test_bad_inputs():
    net, inputs = tiny_net(), epochs()
    with pytest.raises(ValueError, match="one or more of eeg, eog, emg; got none"):
        net({})
    with pytest.raises(ValueError, match="got ecg"):
        net({"ecg": inputs["eog"]})
    with pytest.raises(ValueError, match=r"'eog' epochs of shape \(1, 600\); got"):
        net({"eog": inputs["eog"][..., 1:]})
    with pytest.raises(ValueError, match="with the same n_times; got eeg"):
        MaskSleepNet({"eeg": (1, 600), "eog": (1, 300)})
