"""Whole nets under what traces, exports and transforms them."""

import pytest
import torch

from sleepkit.nn import EarlyFusionNet, MedFuseNet, MidLateFusionNet

SHAPES = {"eeg": (1, 4, 6), "eog": (2, 3, 5)}


@pytest.fixture(params=[MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def net(request):
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 2, "dim_feedforward": 12}
    return request.param(SHAPES, **sizes, d_head=10).eval()


class Fused(torch.nn.Module):
    """Tensors in, a tensor out."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, eeg, eog):
        return self.net({"eeg": eeg, "eog": eog}).logits["fused"]


@pytest.fixture
def inputs():
    return tuple(torch.randn(2, 3, *shape) for shape in SHAPES.values())


@pytest.mark.parametrize(
    "net", [MedFuseNet], indirect=True
)  # the others' parts, and more
@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # of its own constants
def test_export(net, inputs):
    free = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    with torch.no_grad():
        exported = torch.export.export(
            Fused(net), inputs, dynamic_shapes=(free, free), strict=False
        ).module()
        for batch, seq in ((2, 3), (3, 7)):  # another number and length of sequences
            others = [torch.randn(batch, seq, *shape) for shape in SHAPES.values()]
            torch.testing.assert_close(exported(*others), Fused(net)(*others))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_trace(net, inputs):
    with torch.no_grad():
        traced = torch.jit.trace(Fused(net), inputs, check_trace=False)
        torch.testing.assert_close(traced(*inputs), Fused(net)(*inputs))


def test_gradients_by_transform(net, inputs):
    def logit(eeg, eog):
        return Fused(net)(eeg, eog)[0, 1, 2]

    found = torch.func.grad(logit)(*inputs)
    eeg = inputs[0].clone().requires_grad_()
    (expected,) = torch.autograd.grad(logit(eeg, inputs[1]), eeg)
    torch.testing.assert_close(found, expected)
