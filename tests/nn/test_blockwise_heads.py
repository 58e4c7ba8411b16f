"""SleepMGNet has the heads, blocks and extractors that callbacks need."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import BlockwiseHeads, SleepMGNet

SHAPES = {"eeg": (6,), "emg": (2,)}


@pytest.mark.parametrize("n_domains", [0, 3])
def test_heads_of_sleepmg(n_domains):
    net: BlockwiseHeads = SleepMGNet(SHAPES, n_domains=n_domains)
    expected = {"classifier": net.stage_head}
    if n_domains:
        expected["discriminator"] = net.domain_head
    assert net.heads == expected
    assert list(net.slices) == list(net.extractors) == list(SHAPES)


def test_blocks_of_sleepmg():
    net = SleepMGNet(SHAPES)
    x = torch.randn(4, 6)
    features = net({"eeg": x}).features
    torch.testing.assert_close(features[:, net.slices["eeg"]], net.extractors["eeg"](x))
    assert (features[:, net.slices["emg"]] == 0).all()


def test_attention_leaves_no_block_to_a_modality():
    assert SleepMGNet(SHAPES, fusion="attention").slices == {}
