"""Projections of modalities: what they read, and what they train."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import (
    EarlyFusionNet,
    LeaveOneOutLoss,
    MedFuseNet,
    MidLateFusionNet,
    ModalityProjector,
)

SIZES = {"d_model": 8, "n_heads": 2, "n_layers": 1, "dim_feedforward": 8, "d_head": 8}
SHAPES = {"eeg": (1, 5, 4), "eog": (3,)}


@pytest.mark.parametrize("kind", [MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def test_it_projects_what_each_net_makes_of_a_modality_alone(kind):
    net = kind(SHAPES, **SIZES).eval()
    projector = ModalityProjector(net, 8).eval()
    inputs = {name: torch.randn(4, 1, *shape) for name, shape in SHAPES.items()}
    output, embeddings = projector(inputs), net(inputs).embeddings
    for name, x in embeddings.items():
        torch.testing.assert_close(output[name], projector.projections[name](x))


def test_it_trains_the_encoders_of_epochs_and_no_head():
    net = MedFuseNet(SHAPES, **SIZES)
    inputs = {name: torch.randn(4, 1, *shape) for name, shape in SHAPES.items()}
    targets = {"present": {n: torch.ones(4, 1, dtype=torch.bool) for n in SHAPES}}
    LeaveOneOutLoss()(ModalityProjector(net, 8)(inputs), targets).backward()
    trained = {n for n, p in net.named_parameters() if p.grad is not None}
    assert "streams.eeg.projection.weight" in trained
    assert any("eog.inner" in name for name in trained)
    assert not any("heads" in n or "outer" in n or "cross" in n for n in trained)
