"""Attention weights within epochs, against the outputs that they explain."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import MedFuseNet, MidLateFusionNet
from sleepkit.nn._epoch_attention import recorded_weights, rollout

SHAPES = {"eeg": (1, 3, 8), "eog": (1, 3, 8), "emg": (4,)}


@pytest.fixture
def net(make_fusion):
    return make_fusion(MedFuseNet, SHAPES)


def rows_sum_to_one(weights):
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))


def test_weights_give_the_outputs(net, make_inputs):
    """Weights times values, through the output layer, are what the module returns."""
    calls = []

    def check(attention, inputs, output):
        weights = attention.weights(*inputs)
        values = attention.value(inputs[1])
        parts = values.unflatten(-1, (attention.n_heads, -1))
        mixed = torch.einsum("bhij,bjhd->bihd", weights, parts)
        torch.testing.assert_close(attention.output(mixed.flatten(-2)), output)
        calls.append(attention)

    attentions = [each for each in net.modules() if hasattr(each, "weights")]
    for attention in attentions:
        attention.register_forward_hook(check)
    net(make_inputs(net))
    assert set(calls) == set(attentions)


def test_shapes_and_sums(net, make_inputs):
    found = net.attention(make_inputs(net))
    assert found.own["eeg"].shape == (10, 2, 2, 4, 4)
    assert found.cross["eeg"]["eog"].shape == (10, 2, 2, 4, 4)
    assert found.cross["eeg"]["emg"].shape == (10, 2, 2, 1, 4)  # its CLS token alone
    assert {name: tuple(x.shape) for name, x in found.frames.items()} == {
        "eeg": (10, 3),
        "eog": (10, 3),
        "emg": (10, 1),
    }
    for name, own in found.own.items():
        rows_sum_to_one(own)
        rows_sum_to_one(found.frames[name])
        for weights in found.cross[name].values():
            rows_sum_to_one(weights)


def test_weights_by_the_formula(net, make_inputs):
    """The first layer, whose inputs are the tokens themselves."""
    inputs = make_inputs(net)
    own = net.attention(inputs).own["eeg"][:, 0]
    embedding = net.streams["eeg"]
    tokens = embedding.tokens(inputs["eeg"], torch.ones(2, 5, dtype=torch.bool))
    attention = embedding.inner.layers[0].attention
    q, k = (
        layer(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        for layer in (attention.query, attention.key)
    )
    scores = torch.empty(10, 2, 4, 4)
    for i in range(4):
        for j in range(4):
            place = max(-2, min(2, j - i)) + 2
            with_place = k[:, :, j] + attention.positions[:, place]
            scores[:, :, i, j] = (q[:, :, i] * with_place).sum(-1) / 2
    torch.testing.assert_close(own, scores.softmax(-1))


def test_one_modality_is_the_unimodal_pass(net, make_inputs):
    """It has no cross-modal attention, and neither has a sum of encoders."""
    inputs = make_inputs(net)
    alone = net.attention({"eeg": inputs["eeg"]})
    together = net.attention(inputs)
    assert alone.cross == {"eeg": {}}
    torch.testing.assert_close(alone.own["eeg"][:, 0], together.own["eeg"][:, 0])
    assert (alone.own["eeg"][:, 1] - together.own["eeg"][:, 1]).abs().max() > 1e-4


def test_without_the_others_an_epoch_is_alone(net, make_inputs):
    inputs = make_inputs(net)
    present = {name: torch.ones(2, 5, dtype=torch.bool) for name in inputs}
    for other in ("eog", "emg"):
        present[other][0, 0] = False
    found = net.attention(inputs, present).frames["eeg"]
    alone = net.attention({"eeg": inputs["eeg"]}).frames["eeg"]
    torch.testing.assert_close(found[0], alone[0])
    assert (found[1] - alone[1]).abs().max() > 1e-4


def test_a_sum_of_encoders_has_no_cross_attention(make_fusion, make_inputs):
    net = make_fusion(MidLateFusionNet)
    assert net.attention(make_inputs(net)).cross == {"eeg": {}, "eog": {}}


def test_rollout_by_hand():
    """One head, two layers, one frame that the CLS token attends to in the last."""
    to_itself, to_the_last = torch.eye(3), torch.zeros(3, 3)
    to_the_last[:, 2] = 1
    weights = torch.stack([to_itself, to_the_last])[None, :, None]
    torch.testing.assert_close(rollout([weights]), torch.tensor([[0.0, 1.0]]))
    spread = torch.full((3, 3), 1 / 3)
    weights = torch.stack([to_the_last, spread])[None, :, None]
    # after the second layer: 2/3 CLS, 1/6 each; half of all goes to the last frame
    torch.testing.assert_close(rollout([weights]), torch.tensor([[1.0, 7.0]]) / 8)


def test_recording_ends(net, make_inputs):
    inputs = make_inputs(net)
    with recorded_weights(net) as recorded:
        net(inputs)
    n_calls = {len(calls) for calls in recorded.values()}
    net(inputs)
    assert {len(calls) for calls in recorded.values()} == n_calls
