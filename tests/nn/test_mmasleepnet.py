"""MMASleepNet: sizes as published, planes and tokens, the softmax of the release."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import MMASleepNet

SHAPES = {"eeg": (2, 800), "eog": (1, 800), "emg": (1, 800)}
TINY = {"n_filters": (4, 8), "dim_feedforward": 12, "d_head": 6}


def tiny_net(**options):
    return MMASleepNet(SHAPES, **TINY | options)


def epochs(batch=3):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, *shape) for name, shape in SHAPES.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def published(n_eeg, n_times=3000, **more):
    shapes = {"eeg": n_eeg, "eog": 1, "emg": 1} | more
    with torch.device("meta"):
        return MMASleepNet({name: (n, n_times) for name, n in shapes.items()})


def test_numbers_of_parameters():
    net = published(2)
    assert count(net) == 1_604_229
    assert count(net.encoder.branches.of["eeg"]) == 648_960
    assert count(net.encoder.branches.of["eog"]) == 162_688
    assert count(net.encoder.mix) == 96
    assert count(net.encoder.layer) == 432_992
    assert count(net.head) == 196_805
    assert count(published(6)) == 1_751_685


def test_steps_follow_from_the_length():
    assert published(2).n_steps == 24
    assert published(2, 3750).n_steps == published(2, 3840).n_steps == 28
    assert published(2, ecg=1).head[0].in_features == 7680


def test_planes_of_the_modalities():
    """EEG has two; a change of EMG changes its own plane, and all behind the mixing."""
    encoder = tiny_net().eval().encoder
    x = torch.randn(2, 4, 800)
    other = x.clone()
    other[:, 3] += torch.randn(2, 800)
    with torch.no_grad():
        planes, changed = encoder.branches(x), encoder.branches(other)
        mixed, others = (encoder.mix.layers(p.flatten(2)) for p in (planes, changed))
    assert planes.shape[:3] == (2, 4, 4)
    same = [bool((a == b).all()) for a, b in zip(planes[0], changed[0], strict=True)]
    assert same == [True, True, True, False]
    assert (mixed != others).any(-1).all()


def test_a_token_is_four_features_of_a_plane():
    encoder = tiny_net(n_filters=(4, 16)).eval().encoder
    with torch.no_grad():
        x = torch.randn(2, 4, 800)
        planes, tokens = encoder.branches(x), encoder.tokens(x)
        mixed = encoder.mix(planes.flatten(2)).view_as(planes)
    torch.testing.assert_close(tokens[:, 3], mixed[:, 1, 4:8].flatten(1))


def test_logits_are_no_probabilities():
    net, released = tiny_net().eval(), tiny_net(released_double_softmax=True).eval()
    released.load_state_dict(net.state_dict())
    inputs = epochs()
    logits = net(inputs)
    assert not torch.allclose(logits.exp().sum(1), torch.ones(3))
    torch.testing.assert_close(released(inputs), logits.softmax(-1))


def test_a_short_epoch_is_padded():
    shapes = {"eeg": (1, 5), "eog": (2, 5)}
    net = MMASleepNet(shapes, **TINY)
    inputs = {name: torch.randn(2, *shape) for name, shape in shapes.items()}
    assert net(inputs).shape == (2, 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of MMASleepNet"),
        ({"d_head": 0}, "'d_head' parameter of MMASleepNet"),
        ({"n_heads": 5}, "'n_heads' parameter .* 4 times the steps .* Got 5"),
        ({"n_filters": (1, 8)}, r"'n_filters\[0\]' .* >= 2. Got 1"),
        ({"n_filters": (4, 12)}, r"'n_filters' .* multiple of 8. Got \(4, 12\)"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_net(**options)
