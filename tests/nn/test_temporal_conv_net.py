"""The temporal convolutional network: by hand, padding, and absent modalities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.nn import TemporalConvNet

SHAPES = {"eeg": (3,), "eog": (2,)}


@pytest.fixture
def net():
    """A small net, with dropout and noise that evaluation ignores."""
    return TemporalConvNet(SHAPES, 4, n_filters=6, dropout=0.5, noise=1.0).eval()


def nights(batch=2, seq=40):
    """Noise for all modalities of `net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def by_hand(net, u, there):
    """Logits (seq, n_classes) of one night, with the sums of the formula.

    `u` has shape (seq, n_values), `there` is bool of shape (seq,).
    """
    weights = {name: value.double().numpy() for name, value in net.state_dict().items()}

    def pointwise(name, x):
        return x @ weights[f"{name}.weight"][:, :, 0].T + weights[f"{name}.bias"]

    x = np.maximum(pointwise("first", u), 0)
    for k, dilation in enumerate((1, 2, 4, 8)):
        x = x * there[:, np.newaxis]
        kernel = weights[f"blocks.{k}.dilated.weight"]
        z = np.tile(weights[f"blocks.{k}.dilated.bias"], (len(x), 1))
        for t in range(len(x)):
            for tap in range(5):
                neighbour = t + (tap - 2) * dilation
                if 0 <= neighbour < len(x):
                    z[t] += kernel[:, :, tap] @ x[neighbour]
        sd = z.std(axis=1, keepdims=True) + 1e-4
        z = np.maximum((z - z.mean(axis=1, keepdims=True)) / sd, 0)
        x = x + pointwise(f"blocks.{k}.mix", z)
    return pointwise("last", x)


@torch.no_grad()
def test_by_hand(net):
    inputs = nights(1)
    present = {name: torch.rand(1, 40) < 0.7 for name in SHAPES}
    found = net(inputs, present)[0]
    flags = torch.cat([present[name] for name in SHAPES]).numpy()
    blocks = [inputs[n][0].numpy() * present[n][0, :, None].numpy() for n in SHAPES]
    u = np.concatenate([*blocks, flags.T], axis=1)
    there = flags.any(axis=0)
    assert not there.all()
    expected = by_hand(net, u, there)
    np.testing.assert_allclose(found[there], expected[there], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("lead", [0, 3, 70])
def test_padding_and_batch_mates_have_no_influence(net, lead):
    inputs, n_padded = nights(), 130
    expected = net(inputs)
    padded = nights(5, n_padded)  # noise, also beyond the nights
    there = torch.rand(5, n_padded) < 0.5
    there[1:3] = False
    there[1:3, lead : lead + 40] = True
    for name in SHAPES:
        padded[name][1:3, lead : lead + 40] = inputs[name]
    found = net(padded, dict.fromkeys(SHAPES, there))[1:3, lead : lead + 40]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_an_absent_modality_is_zeros_and_a_flag(net):
    """Whether it is not passed, or its values (NaN too) are marked as absent."""
    inputs = nights()
    expected = net({"eeg": inputs["eeg"]})
    nowhere = {"eog": torch.zeros(2, 40, dtype=torch.bool)}
    for value in (0.0, 7.0, torch.nan):
        hidden = inputs | {"eog": torch.full((2, 40, 2), value)}
        torch.testing.assert_close(net(hidden, nowhere), expected)
    zero = inputs | {"eog": torch.zeros(2, 40, 2)}
    assert (net(zero) - expected).abs().max() > 1e-3  # present, and zero


def test_receptive_field(net):
    """A logit depends on 30 epochs on either side, and on no others."""
    inputs = nights(1, 101)
    inputs["eeg"].requires_grad_()
    net(inputs)[0, 50].sum().backward()
    where = inputs["eeg"].grad[0].abs().sum(1).nonzero().flatten()
    assert (where.min(), where.max()) == (20, 80)
    assert net.receptive_field == 61


def test_noise_is_of_training_alone():
    net, inputs = TemporalConvNet(SHAPES, dropout=0.0, noise=0.5), nights()
    assert not torch.equal(net(inputs), net(inputs))
    absent = dict.fromkeys(SHAPES, torch.zeros(2, 40, dtype=torch.bool))
    torch.testing.assert_close(net(inputs, absent), net(inputs, absent))
    net.eval()
    torch.testing.assert_close(net(inputs), net(inputs))
    quiet = TemporalConvNet(SHAPES, dropout=0.0)
    torch.testing.assert_close(quiet(inputs), quiet(inputs))


def test_gradients_are_finite_without_a_spread_of_filters():
    """With one filter the standard deviation is zero."""
    net = TemporalConvNet(SHAPES, n_filters=1)
    net(nights()).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_number_of_parameters():
    """Of 64 filters: 10 features of each modality, one flag each."""
    net = TemporalConvNet({"eeg": (10,), "eog": (10,), "emg": (10,)})
    first, block, last = 33 * 64 + 64, 6 * 64 * 64 + 2 * 64, 64 * 5 + 5
    assert sum(p.numel() for p in net.parameters()) == first + 4 * block + last


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of TemporalConvNet"),
        ({"n_filters": 0}, "'n_filters' parameter"),
        ({"dropout": 1}, "'dropout' parameter"),
        ({"noise": -1}, "'noise' parameter"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        TemporalConvNet(SHAPES, **options)


def test_bad_inputs(net):
    with pytest.raises(ValueError, match="one or more of eeg, eog; got none"):
        net({})
    with pytest.raises(ValueError, match="one or more of eeg, eog; got ecg"):
        net({"ecg": nights()["eog"]})
    with pytest.raises(ValueError, match=r"'eog' epochs of shape \(2,\); got \(1,\)"):
        net({"eog": nights()["eog"][..., 1:]})
