"""DAN: its size, what an output depends on, the target domain, its loss."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from sleepkit.nn import DAN, DANLoss, DANOutput, StageLoss, maximum_mean_discrepancy

SHAPES = {"eeg": (2, 600), "eog": (1, 600)}


def tiny_net(**options):
    return DAN(SHAPES, **{"sfreq": 20.0, "d_model": 6, "hidden_size": 4} | options)


def sequences(batch=2, seq=5):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def test_number_of_parameters():
    with torch.device("meta"):
        net = DAN({"eeg": (6, 3000), "eog": (2, 3000), "emg": (2, 3000)})
    assert sum(p.numel() for p in net.parameters()) == 1_137_637


def test_an_output_depends_on_epochs_before_and_after():
    net, inputs = tiny_net().eval(), sequences(1)
    other = {name: x.clone() for name, x in inputs.items()}
    other["eog"][:, 2] += 1
    with torch.no_grad():
        before, after = net(inputs), net(other)
        encoded = net.encode(inputs)[0] != net.encode(other)[0]
    assert bool((before.logits != after.logits).any(-1).all())
    assert encoded.any(-1).tolist() == [False, False, True, False, False]
    assert before.logits.shape == (1, 5, 5)
    assert before.features.shape == (1, 5, 8)
    torch.testing.assert_close(before.logits, net.head(before.features))


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    padded = torch.tensor([[0, 1, 1, 1, 0], [1, 1, 1, 1, 1]]).bool()
    present, inputs = dict.fromkeys(SHAPES, padded), sequences()
    net = tiny_net(dropout=0.0).train(training)
    other = copy.deepcopy(net)
    filled = {
        name: torch.where(padded[..., None, None], x, math.nan)
        for name, x in inputs.items()
    }
    first, second = net(inputs, present).logits, other(filled, present).logits
    torch.testing.assert_close(first[padded], second[padded], rtol=0, atol=0)
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)
    if not training:
        short = net({name: x[:1, 1:4] for name, x in inputs.items()}).logits
        torch.testing.assert_close(first[:1, 1:4], short)


def test_the_target_is_encoded_beside_the_source():
    net, inputs, target = tiny_net().eval(), sequences(2), sequences(3)
    there = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 1, 1]]).bool()
    masks = {name: torch.ones(2, 5).bool() for name in SHAPES}
    with torch.no_grad():
        target = {"inputs": target, "present": dict.fromkeys(SHAPES, there)}
        both = net(inputs, masks, target)
        alone = net(inputs, masks)
        expected = net(target["inputs"], target["present"]).features[there]
    torch.testing.assert_close(both.logits, alone.logits)
    torch.testing.assert_close(both.features, alone.features)
    features, rows = both.target
    torch.testing.assert_close(features, expected)
    assert features.shape == (11, 8)
    assert rows.tolist() == [0] * 5 + [1] * 2 + [2] * 4
    assert alone.target is None


# --------------------------------------------------------------------------------- loss

STAGES = torch.tensor([[0, 1, -1], [2, 4, 3], [0, 1, 2], [1, -1, 1]])
DOMAINS = torch.tensor([[0, 0, -1], [1, 1, 1], [0, 0, 0], [1, -1, 1]])
SEQUENCES = torch.tensor([0, 0, 1, 1, 1, 2, 2, 2, 3, 3])


def targets(domains=DOMAINS):
    return {"stages": STAGES, "domains": domains}


def test_the_loss_between_domains_of_the_batch():
    output = DANOutput(torch.randn(4, 3, 5), torch.randn(4, 3, 4))
    weight = torch.rand(5)
    entropy = StageLoss(weight)(output.logits, targets())
    known = DOMAINS >= 0
    apart = maximum_mean_discrepancy(output.features[known], DOMAINS[known], SEQUENCES)
    found = DANLoss(weight, strength=3.0)(output, targets())
    torch.testing.assert_close(found, entropy + 3 * apart)
    loss = DANLoss(weight, strength=0)
    torch.testing.assert_close(loss(output, targets()), entropy)
    unknown = targets(torch.full_like(DOMAINS, -1))  # as in validations
    torch.testing.assert_close(DANLoss(weight)(output, unknown), entropy)


def test_the_loss_between_source_and_target():
    """All labelled epochs are one domain, those of the target the other."""
    target, rows = torch.randn(7, 4) + 2, torch.tensor([0, 0, 0, 1, 1, 2, 2])
    output = DANOutput(torch.randn(4, 3, 5), torch.randn(4, 3, 4), (target, rows))
    source = output.features[DOMAINS >= 0]
    apart = maximum_mean_discrepancy(
        torch.cat([source, target]),
        torch.tensor([0] * 10 + [1] * 7),
        torch.cat([SEQUENCES, rows]),
    )
    found = DANLoss()(output, targets())
    torch.testing.assert_close(found, StageLoss()(output.logits, targets()) + apart)


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["n_classes", "d_model", "hidden_size"])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of DAN"):
        tiny_net(**{name: 0})


def test_bad_inputs():
    net, inputs = tiny_net(), sequences()
    with pytest.raises(ValueError, match="all of its modalities, eeg, eog; got eeg"):
        net({"eeg": inputs["eeg"]})
    with pytest.raises(ValueError, match=r"'eog' of shape \(batch, seq, n_channels"):
        net(inputs | {"eog": inputs["eog"][0]})
