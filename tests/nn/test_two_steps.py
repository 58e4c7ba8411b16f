"""Encode and decode: two steps, which compute no more than the heads need."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from sleepkit.nn import EarlyFusionNet, MedFuseNet, MidLateFusionNet
from sleepkit.nn._encoded_epochs import EncodedEpochs
from sleepkit.nn._transformer import FusionLayer

THREE = ("eeg", "eog", "emg")
SHAPES = {"eeg": (1, 3, 8), "eog": (2, 5, 4), "emg": (6,)}  # 4, 6 and 2 tokens


@pytest.fixture(params=[MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def make(request, make_fusion):
    """A factory of small nets of one kind."""
    return partial(make_fusion, request.param)


def partly():
    """Epochs with all, some and (at the end, as padding) none of the modalities."""
    return {
        "eeg": torch.tensor([[1, 1, 0, 1, 0], [0, 1, 0, 0, 0]]).bool(),
        "eog": torch.tensor([[1, 0, 0, 1, 1], [1, 1, 0, 1, 0]]).bool(),
        "emg": torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 0, 0]]).bool(),
    }


def rows_used(net, call):
    """Count the rows that go through the feed-forward layers of a net."""
    rows = []

    def note(_, inputs):
        rows.append(inputs[0].shape[:-1].numel())

    layers = [m for m in net.modules() if isinstance(m, FusionLayer)]
    hooks = [layer.feedforward.register_forward_pre_hook(note) for layer in layers]
    call()
    for hook in hooks:
        hook.remove()
    return sum(rows)


@pytest.mark.parametrize("shapes", [dict.fromkeys(THREE, (1, 3, 8)), SHAPES])
@pytest.mark.parametrize("heads", [["fused"], ["eog"], ["eeg", "fused"]])
def test_two_steps_equal_forward(make, make_inputs, shapes, heads):
    net = make(shapes)
    inputs, present = make_inputs(net), partly()
    whole = net(inputs, present)
    output = net.decode(net.encode(inputs, present, heads), present, heads)
    assert list(output.logits) == heads
    for head in heads:
        torch.testing.assert_close(output.logits[head], whole.logits[head])


@pytest.mark.parametrize("given", [["eeg"], ["emg", "eog"]])
def test_some_modalities(make, make_inputs, given):
    net = make(SHAPES)
    inputs, everywhere = make_inputs(net), torch.ones(2, 5, dtype=torch.bool)
    inputs = {name: inputs[name] for name in given}
    present = dict.fromkeys(given, everywhere)
    encoded = net.encode(inputs, heads=["fused"])
    output = net.decode(encoded, present, ["fused"])
    torch.testing.assert_close(output.logits["fused"], net(inputs).logits["fused"])


@pytest.mark.parametrize("heads", [None, ["eeg", "fused"]])
def test_epochs_may_be_encoded_one_by_one(make, make_inputs, heads):
    """And be put into sequences afterwards, here those that start an epoch apart."""
    net = make(SHAPES)
    inputs, present = make_inputs(net), partly()
    sequences = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])

    def in_sequences(values):
        return {name: x[0][sequences] for name, x in values.items()}

    each = [
        net.encode(
            {name: x[:1, [i]] for name, x in inputs.items()},
            {name: there[:1, [i]] for name, there in present.items()},
            heads,
        )
        for i in range(5)
    ]
    encoded = EncodedEpochs(
        *(
            {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}
            for parts in zip(*each, strict=True)
        )
    )
    encoded = EncodedEpochs(*(in_sequences(part) for part in encoded))
    output = net.decode(encoded, in_sequences(present), heads)
    whole = net(in_sequences(inputs), in_sequences(present))
    for head in heads or net.heads:
        torch.testing.assert_close(output.logits[head], whole.logits[head])


def test_gradients_of_a_whole_run_are_those_of_both_steps(make, make_inputs):
    net = make(SHAPES)
    inputs, present = make_inputs(net), partly()
    net(inputs, present).logits["fused"].square().sum().backward()
    expected = {name: p.grad for name, p in net.named_parameters()}
    net.zero_grad()
    encoded = net.encode(inputs, present, ["fused"])
    net.decode(encoded, present, ["fused"]).logits["fused"].square().sum().backward()
    for name, parameter in net.named_parameters():
        if parameter.grad is None:
            assert expected[name] is None or not expected[name].any()
        else:
            torch.testing.assert_close(parameter.grad, expected[name])


# Rows of 10 epochs of two modalities, with 4 tokens each, in 2 inner and 2 outer
# layers; a CLS row for an epoch where the last inner layer gives that alone.
FULL, LAST = 10 * (4 + 4), 10 * (4 + 1)


@pytest.mark.parametrize(
    ("kind", "heads", "encoding", "decoding"),
    [
        (MedFuseNet, None, 2 * 2 * FULL, 2 * 40),
        (MedFuseNet, ["fused"], 2 * (FULL + LAST), 2 * 40),
        (MedFuseNet, ["eog"], 2 * LAST, 40),
        (MidLateFusionNet, ["fused"], 2 * LAST, 40),
        (EarlyFusionNet, ["fused"], 2 * LAST, 40),
        (EarlyFusionNet, ["eeg", "fused"], 3 * LAST, 60),
        (EarlyFusionNet, None, 2 * 2 * FULL, 80),
    ],
)
def test_no_more_is_computed_than_needed(
    make_fusion, make_inputs, kind, heads, encoding, decoding
):
    net = make_fusion(kind)
    inputs = make_inputs(net)
    present = dict.fromkeys(inputs, torch.ones(2, 5, dtype=torch.bool))
    assert rows_used(net, lambda: net.encode(inputs, heads=heads)) == encoding
    encoded = net.encode(inputs, heads=heads)
    assert rows_used(net, lambda: net.decode(encoded, present, heads)) == decoding


def test_other_heads_do_not_run(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    present = dict.fromkeys(inputs, torch.ones(2, 5, dtype=torch.bool))
    encoded = net.encode(inputs)
    net.heads["eeg"] = None
    assert list(net.decode(encoded, present, ["fused", "eog"]).logits) == [
        "eog",
        "fused",
    ]


def test_faster_products_are_the_same(make, make_inputs):
    """Without gradients float32 goes through another library."""
    net = make(SHAPES)
    inputs, present = make_inputs(net), partly()
    whole = net(inputs, present)
    with torch.inference_mode():
        output = net(inputs, present)
    for head, logits in whole.logits.items():
        torch.testing.assert_close(output.logits[head], logits)


def test_copies_in_lower_precision(make, make_inputs):
    net = make(SHAPES)
    inputs, present = make_inputs(net), partly()
    whole = net(inputs, present)
    low = {name: x.bfloat16() for name, x in inputs.items()}
    with torch.inference_mode():
        output = net.bfloat16()(low, present)
    for head, logits in whole.logits.items():
        assert output.logits[head].dtype == torch.bfloat16
        torch.testing.assert_close(
            output.logits[head].float(), logits, atol=0.05, rtol=0.05
        )
