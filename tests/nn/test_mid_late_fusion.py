"""Mid-late fusion: coordinated fusion without the second pass."""

from __future__ import annotations

import torch

from sleepkit.nn import MedFuseNet, MidLateFusionNet


def test_the_fused_head_gets_the_sum(make_fusion, make_inputs, encode_by_hand):
    net = make_fusion(MidLateFusionNet)
    inputs = make_inputs(net)
    output = net(inputs)
    for row in range(2):
        total = 0
        for name, stream in net.streams.items():
            tokens = [torch.cat([stream.cls[None], x[0]]) for x in inputs[name][row]]
            cls = torch.stack([encode_by_hand(stream.inner, x)[0] for x in tokens])
            epochs = encode_by_hand(stream.outer, cls)
            logits = output.logits[name][row]
            torch.testing.assert_close(logits, net.heads[name](epochs))
            total = total + epochs
        fused = net.heads["fused"](total)
        torch.testing.assert_close(output.logits["fused"][row], fused)


def test_an_absent_epoch_adds_nothing(make_fusion, make_inputs):
    net = make_fusion(MidLateFusionNet)
    inputs = make_inputs(net)
    there = torch.tensor([[1, 1, 0, 1, 0]] * 2).bool()
    logits = net(inputs, {"eog": there}).logits
    torch.testing.assert_close(logits["fused"][~there], logits["eeg"][~there])
    assert not torch.allclose(logits["fused"][there], logits["eeg"][there])


def test_it_is_the_unimodal_pass_of_coordinated_fusion(make_fusion, make_inputs):
    """With the same weights, the logits of each modality alone are the same."""
    coordinated, plain = make_fusion(MedFuseNet), make_fusion(MidLateFusionNet)
    missing, extra = plain.load_state_dict(coordinated.state_dict(), strict=False)
    assert not missing
    assert all(".cross" in name for name in extra)
    inputs = make_inputs(plain)
    a, b = coordinated(inputs).logits, plain(inputs).logits
    assert torch.equal(a["eeg"], b["eeg"])
    assert torch.equal(a["eog"], b["eog"])
    assert not torch.allclose(a["fused"], b["fused"])
