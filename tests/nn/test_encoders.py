"""VectorNet is one layer, normalised and rectified."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import VectorNet


def test_vectors_are_normalised_and_rectified():
    net = VectorNet(7, 16).train()
    features = net(1e3 * torch.randn(50, 7) + 1e4)
    assert features.shape == (50, 16)
    assert features.min() == 0
    assert 0.3 < features.mean() < 0.5  # 1 / sqrt(2 pi) of a rectified normal


@pytest.mark.parametrize("sizes", [(0,), (3, 0), (1.5,)])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="parameter of VectorNet must be a whole"):
        VectorNet(*sizes)
