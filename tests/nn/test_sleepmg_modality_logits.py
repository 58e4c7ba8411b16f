"""Logits of a modality alone are those of the net without the others."""

from __future__ import annotations

import torch

from sleepkit.nn import SleepMGNet, modality_logits

VECTORS = {"eeg": (6,), "eog": (3,), "emg": (2,)}


def batch(n=4):
    return {name: torch.randn(n, *shape) for name, shape in VECTORS.items()}


def test_modality_logits_are_slices_of_the_head():
    torch.manual_seed(0)
    net = SleepMGNet(VECTORS, n_domains=3).double().eval()
    inputs = {name: x.double() for name, x in batch().items()}
    output = net(inputs)
    heads = [
        (net.stage_head, output.stage_logits),
        (net.domain_head, output.domain_logits),
    ]
    for head, logits in heads:
        alone = modality_logits(head, output.features, net.slices)
        total = sum(one - head.bias for one in alone.values()) + head.bias
        torch.testing.assert_close(total, logits)
    alone = modality_logits(net.stage_head, output.features, net.slices)
    for name, logits in alone.items():
        torch.testing.assert_close(net({name: inputs[name]}).stage_logits, logits)


def test_equal_parts_of_the_bias_make_the_whole():
    net = SleepMGNet(VECTORS).eval()
    output = net(batch())
    alone = modality_logits(
        net.stage_head, output.features, net.slices, bias_share=1 / 3
    )
    torch.testing.assert_close(sum(alone.values()), output.stage_logits)


def test_features_of_a_lower_precision():
    net = SleepMGNet(VECTORS).eval()
    features = net(batch()).features
    full = modality_logits(net.stage_head, features, net.slices)
    for name, half in modality_logits(
        net.stage_head, features.bfloat16(), net.slices
    ).items():
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, full[name], atol=0.03, rtol=0.03)
