"""Masked spectra: what is hidden stays hidden, and is what the loss counts."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import (
    EarlyFusionNet,
    MaskedOutput,
    MaskedSpectra,
    MaskedSpectraLoss,
    MedFuseNet,
)

SIZES = {
    "d_model": 8,
    "n_heads": 2,
    "n_layers": 1,
    "dim_feedforward": 8,
    "d_head": 8,
    "dropout": 0.0,
}
SHAPES = {"eeg": (1, 6, 8), "eog": (2, 6, 4)}


@pytest.fixture
def inputs():
    return {name: torch.randn(3, 2, *shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("kind", [MedFuseNet, EarlyFusionNet])
def test_shapes_and_shares(kind, inputs):
    net = MaskedSpectra(kind(SHAPES, **SIZES), 8, frames=0.5, bands=0.25)
    output = net(inputs)
    for name, shape in SHAPES.items():
        assert output.predicted[name].shape == (6, *shape)
        torch.testing.assert_close(output.values[name], inputs[name].flatten(0, 1))
        of_frames = output.hidden[name].float().mean((1, 3))
        whole = (of_frames == 1).sum(1)
        assert whole.tolist() == [3] * 6
        assert sorted(of_frames[0].tolist()) == [0.25] * 3 + [1.0] * 3


def test_predictions_do_not_depend_on_what_is_hidden(inputs):
    net = MaskedSpectra(MedFuseNet(SHAPES, **SIZES), 8).eval()
    first = net(inputs)
    changed = {
        name: torch.where(first.hidden[name].view_as(x), 9.0, x)
        for name, x in inputs.items()
    }
    again = net(changed)  # the same places, since validations compare
    for name in SHAPES:
        torch.testing.assert_close(first.predicted[name], again.predicted[name])
        shown = torch.where(first.hidden[name].view_as(inputs[name]), inputs[name], 9.0)
        other = net(inputs | {name: shown}).predicted[name]
        assert not torch.allclose(first.predicted[name], other)


def test_places_are_new_in_training_and_absent_epochs_hide_nothing(inputs):
    net = MaskedSpectra(MedFuseNet(SHAPES, **SIZES), 8)
    first, second = net(inputs), net(inputs)
    assert not torch.equal(first.hidden["eeg"], second.hidden["eeg"])
    there = torch.tensor([[True, False], [False, True], [True, True]])
    hidden = net(inputs, {"eeg": there}).hidden["eeg"].flatten(1).any(1)
    assert hidden.tolist() == there.flatten().tolist()


def test_the_loss_is_the_mean_over_modalities_of_hidden_errors():
    predicted = {n: torch.randn(2, *shape) for n, shape in SHAPES.items()}
    values = {n: torch.randn(2, *shape) for n, shape in SHAPES.items()}
    hidden = {n: torch.rand(2, *shape) < 0.5 for n, shape in SHAPES.items()}
    means = []
    for name in SHAPES:
        errors = [
            (p - v) ** 2
            for p, v, h in zip(
                predicted[name].flatten().tolist(),
                values[name].flatten().tolist(),
                hidden[name].flatten().tolist(),
                strict=True,
            )
            if h
        ]
        means.append(sum(errors) / len(errors))
    found = MaskedSpectraLoss()(MaskedOutput(predicted, values, hidden), {})
    assert found.item() == pytest.approx(sum(means) / 2, rel=1e-5)


def test_where_nothing_is_hidden_the_loss_is_zero():
    x = {"eeg": torch.randn(2, 1, 3, 4, requires_grad=True)}
    nowhere = {"eeg": torch.zeros(2, 1, 3, 4, dtype=torch.bool)}
    loss = MaskedSpectraLoss()(MaskedOutput(x, x, nowhere), {})
    loss.backward()
    assert loss.item() == 0


def test_it_fits_what_can_be_predicted():
    """Frames of one epoch are alike: the hidden ones follow from the others."""
    torch.manual_seed(0)
    net = MaskedSpectra(MedFuseNet({"eeg": (1, 6, 8)}, **SIZES), 8, bands=0.0)
    level = torch.randn(64, 1, 1, 1, 1)
    inputs, loss = {"eeg": level.expand(64, 1, 1, 6, 8)}, MaskedSpectraLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        found = loss(net(inputs), {})
        found.backward()
        optimizer.step()
    assert found.item() < 0.3 * float(level.square().mean())


def test_features_are_refused():
    with pytest.raises(ValueError, match=r"Masked pretraining needs spectra.*'eog'"):
        MaskedSpectra(MedFuseNet({"eeg": (1, 6, 8), "eog": (3,)}, **SIZES), 8)


@pytest.mark.parametrize("name", ["frames", "bands"])
def test_bad_shares(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of MaskedSpectra"):
        MaskedSpectra(MedFuseNet(SHAPES, **SIZES), 8, **{name: 1.0})
