"""Coordinated fusion: the paper's sizes, two passes that share their weights."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import MedFuseNet
from sleepkit.nn._cpu._dropout import Dropout


@pytest.fixture(scope="module")
def paper():
    """The net of the paper, without values."""
    with torch.device("meta"):
        return MedFuseNet({"eeg": (1, 29, 128), "eog": (1, 29, 128)})


def test_paper_size(paper):
    """10.0 million parameters for EEG and EOG, counted by hand."""
    attention = 3 * (128 * 128 + 128) + 128 * 128 + 8 * 13 * 16
    feedforward = 128 * 1024 + 1024 + 1024 * 128 + 128
    layer = 2 * attention + feedforward + 3 * (128 + 128)
    head = 128 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 5 + 5
    total = 2 * (2 * 4 * layer + 128) + 3 * head
    assert total == pytest.approx(10.0e6, rel=0.02)
    assert sum(p.numel() for p in paper.parameters()) == total


def test_heads_and_distances_of_the_paper(paper):
    """Eight heads of 16, and 13 distances."""
    tables = [p for name, p in paper.named_parameters() if name.endswith("positions")]
    assert {tuple(p.shape) for p in tables} == {(8, 13, 16)}
    assert len(tables) == 2 * 2 * 4 * 2  # modalities, encoders, layers, attentions


def test_dropout_of_the_paper(paper):
    """In every layer (updates, hidden units) and in the two hidden layers of heads."""
    dropouts = [module for module in paper.modules() if isinstance(module, Dropout)]
    assert {module.p for module in dropouts} == {0.3}
    assert len(dropouts) == 2 * 2 * 4 * 2 + 3 * 2


@pytest.fixture
def passes_by_hand(encode_by_hand):
    """Both passes over one sequence, epoch after epoch."""

    def run(net, inputs, row):
        unimodal, multimodal, tokens, frames = {}, {}, {}, {}
        for name, stream in net.streams.items():
            tokens[name] = [
                torch.cat([stream.cls[None], x[0]]) for x in inputs[name][row]
            ]
            frames[name] = [encode_by_hand(stream.inner, x) for x in tokens[name]]
            epochs = torch.stack([x[0] for x in frames[name]])
            unimodal[name] = encode_by_hand(stream.outer, epochs)
        for name, other in (("eeg", "eog"), ("eog", "eeg")):
            stream = net.streams[name]
            pairs = zip(tokens[name], frames[other], strict=True)
            epochs = [encode_by_hand(stream.inner, *pair)[0] for pair in pairs]
            multimodal[name] = encode_by_hand(
                stream.outer, torch.stack(epochs), unimodal[other]
            )
        return frames, unimodal, multimodal

    return run


@pytest.fixture
def net(make_fusion):
    return make_fusion(MedFuseNet)


def test_both_passes_by_hand(net, make_inputs, passes_by_hand):
    """In every layer the queries are the other's last unimodal tokens."""
    inputs = make_inputs(net)
    output = net(inputs)
    for row in range(2):
        frames, unimodal, multimodal = passes_by_hand(net, inputs, row)
        for name in inputs:
            cls = torch.stack([x[0] for x in frames[name]])
            torch.testing.assert_close(output.embeddings[name][row], cls)
            expected = net.heads[name](unimodal[name])
            torch.testing.assert_close(output.logits[name][row], expected)
        fused = net.heads["fused"](multimodal["eeg"] + multimodal["eog"])
        torch.testing.assert_close(output.logits["fused"][row], fused)


def names_with_gradient(net):
    return {n for n, p in net.named_parameters() if p.grad is not None and p.grad.any()}


def test_passes_share_their_weights(net, make_inputs):
    """Only cross-modal attention and its norm belong to the multimodal pass alone."""
    inputs = make_inputs(net)
    names = {name for name, _ in net.named_parameters()}
    output = net(inputs)
    output.logits["eeg"].square().sum().backward(retain_graph=True)
    own = {n for n in names if n.startswith("streams.eeg") and ".cross" not in n}
    own |= {n for n in names if n.startswith("heads.eeg")}
    # a bias of keys shifts all scores of a query alike, so that it has no gradient
    ignored = {n for n in names if n.endswith("key.bias")}
    assert names_with_gradient(net) - ignored == own - ignored
    net.zero_grad()
    output.logits["fused"].square().sum().backward()
    others = {n for n in names if n.startswith(("heads.eeg", "heads.eog"))}
    assert names_with_gradient(net) - ignored == names - others - ignored


def test_gradients_reach_the_unimodal_pass(make_fusion, make_inputs):
    """Numerical derivatives of the fused logits: nothing is detached."""
    net = make_fusion(MedFuseNet, n_layers=1).double()
    inputs = {m: x[:1, :2] for m, x in make_inputs(net, torch.float64).items()}

    def fused(eeg, eog):
        return net({"eeg": eeg, "eog": eog}).logits["fused"]

    arguments = tuple(x.requires_grad_() for x in inputs.values())
    assert torch.autograd.gradcheck(fused, arguments)


def test_features_beside_spectra(make_fusion, make_inputs):
    """Two tokens attend to four, and four to two."""
    net = make_fusion(MedFuseNet, {"eeg": (1, 3, 8), "eog": (4,)})
    inputs = make_inputs(net)
    before = net(inputs).logits["fused"]
    inputs["eog"] = inputs["eog"] + 1
    assert not torch.equal(net(inputs).logits["fused"], before)


def test_a_single_modality_has_no_cross_modal_attention(make_fusion):
    net = make_fusion(MedFuseNet, ["eeg"])
    assert not [name for name, _ in net.named_parameters() if "cross" in name]
