"""Early fusion: the tokens of all modalities in one row, the same encoders alone."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import EarlyFusionNet


@pytest.fixture
def net(make_fusion):
    return make_fusion(EarlyFusionNet)


def tokens_by_hand(stream, epoch):
    """CLS, which has no modality token, and frames, which have."""
    return torch.cat([stream.cls[None], epoch[0] + stream.modality_token])


def test_three_passes_by_hand(net, make_inputs, encode_by_hand):
    """Four tokens an epoch and modality, and five epochs."""
    inputs = make_inputs(net)
    output = net(inputs)
    for row in range(2):
        tokens = {
            name: [tokens_by_hand(stream, x) for x in inputs[name][row]]
            for name, stream in net.streams.items()
        }
        for name, rows in tokens.items():
            cls = torch.stack([encode_by_hand(net.inner, x)[0] for x in rows])
            torch.testing.assert_close(output.embeddings[name][row], cls)
            alone = net.heads[name](encode_by_hand(net.outer, cls))
            torch.testing.assert_close(output.logits[name][row], alone)
        pairs = zip(tokens["eeg"], tokens["eog"], strict=True)
        joint = [encode_by_hand(net.inner, torch.cat(pair)) for pair in pairs]
        in_time = [x[0] for x in joint] + [x[4] for x in joint]
        outer = encode_by_hand(net.outer, torch.stack(in_time))
        fused = net.heads["fused"](outer[:5] + outer[5:])
        torch.testing.assert_close(output.logits["fused"][row], fused)


def test_one_pair_of_encoders(make_fusion):
    """A further modality adds its entrance and its head, no encoder."""
    two, three = (
        {
            name: p.numel()
            for name, p in make_fusion(EarlyFusionNet, m).named_parameters()
        }
        for m in (["eeg", "eog"], ["eeg", "eog", "emg"])
    )
    new = {name for name in three.keys() - two.keys() if "heads" not in name}
    assert new == {"streams.emg.cls", "streams.emg.modality_token"}
    assert sum(name.endswith("positions") for name in two) == 2 * 2  # layers


def test_the_modality_token_counts(net, make_inputs):
    inputs = make_inputs(net)
    before = net(inputs).logits["eeg"]
    with torch.no_grad():
        net.streams["eeg"].modality_token += torch.randn(8)
    assert not torch.allclose(net(inputs).logits["eeg"], before)


def test_both_passes_teach_the_same_encoders(net, make_inputs):
    output = net(make_inputs(net))
    for head in ("eeg", "eog", "fused"):
        net.zero_grad()
        output.logits[head].square().sum().backward(retain_graph=True)
        assert net.inner.layers[0].attention.query.weight.grad.abs().sum() > 0
        tokens = {m: s.modality_token for m, s in net.streams.items()}
        trained = {m for m, token in tokens.items() if token.grad is not None}
        assert trained == ({"eeg", "eog"} if head == "fused" else {head})


def test_an_absent_one_keeps_its_place(make_fusion, make_inputs):
    """Features are two tokens: without its place, others would move together."""
    shapes = {"eeg": (4,), "eog": (4,), "emg": (4,)}
    net = make_fusion(EarlyFusionNet, shapes, max_relative_distance=6)
    inputs = make_inputs(net)
    nowhere = {"eog": torch.zeros(2, 5, dtype=torch.bool)}
    absent = net(inputs, nowhere).logits["fused"]
    given = {name: inputs[name] for name in ("eeg", "emg")}
    torch.testing.assert_close(net(given).logits["fused"], absent)
