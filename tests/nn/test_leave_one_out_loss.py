"""Leave-one-out contrastive loss: its formula, limits, and what it does not read."""

from __future__ import annotations

import math

import pytest
import torch

from sleepkit.nn import LeaveOneOutLoss, alignment_loss

NAMES = ("eeg", "eog", "emg")


def embeddings(n_epochs=5, names=NAMES, dim=4):
    return {name: torch.randn(n_epochs, dim) for name in names}


def everywhere(output):
    there = {n: torch.ones(x.shape[:-1], dtype=torch.bool) for n, x in output.items()}
    return {"present": there}


def unit(vector):
    length = math.sqrt(sum(v * v for v in vector))
    return [v / length for v in vector]


def by_hand(output, present, temperature):
    """Modality by modality and epoch by epoch, in plain numbers."""
    z = {name: [unit(row) for row in x.tolist()] for name, x in output.items()}
    losses = []
    for name in z:
        rows, own, mean = range(len(z[name])), [], []
        for i in rows:
            others = [z[n][i] for n in z if n != name and present[n][i]]
            if present[name][i] and others:
                own.append(z[name][i])
                total = [sum(v) / len(others) for v in zip(*others, strict=True)]
                mean.append(unit(total))
        scores = [
            [sum(a * b for a, b in zip(u, v, strict=True)) / temperature for v in mean]
            for u in own
        ]
        terms = []
        for i in range(len(own)):
            along = sum(math.exp(s) for s in scores[i])
            down = sum(math.exp(row[i]) for row in scores)
            match = math.exp(scores[i][i])
            terms.append(-(math.log(match / along) + math.log(match / down)) / 2)
        losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_formula(temperature):
    output = embeddings()
    targets = everywhere(output)
    targets["present"]["emg"][1] = targets["present"]["eeg"][3] = False
    found = LeaveOneOutLoss(temperature)(output, targets)
    expected = by_hand(output, targets["present"], temperature)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_of_two_modalities_it_is_info_nce():
    output = embeddings(names=("eeg", "eog"))
    expected = alignment_loss(output["eeg"][None], output["eog"][None]) / 2
    torch.testing.assert_close(LeaveOneOutLoss()(output, everywhere(output)), expected)


def test_order_scale_and_shape_do_not_matter():
    loss, output = LeaveOneOutLoss(), embeddings(6)
    expected = loss(output, everywhere(output))
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    changed = {n: 3 * output[n][order].view(2, 3, -1) for n in reversed(NAMES)}
    torch.testing.assert_close(loss(changed, everywhere(changed)), expected)


def test_what_is_absent_does_not_matter():
    output = embeddings()
    targets = everywhere(output)
    targets["present"]["eog"][2] = False
    expected = LeaveOneOutLoss()(output, targets)
    output["eog"][2] = torch.nan
    torch.testing.assert_close(LeaveOneOutLoss()(output, targets), expected)


def test_its_gradient_pulls_the_modalities_of_an_epoch_together():
    eeg = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    eog = torch.tensor([[1.0, 1.0], [1.0, -1.0]], requires_grad=True)
    output = {"eeg": eeg, "eog": eog}
    LeaveOneOutLoss(1.0)(output, everywhere(output)).backward()
    assert eog.grad[0] @ torch.tensor([1.0, -1.0]) < 0  # descent goes towards (1, 0)


def test_with_a_high_temperature_it_guesses_and_with_a_low_one_it_counts():
    output = embeddings(8)
    guess = LeaveOneOutLoss(1e6)(output, everywhere(output))
    assert float(guess) == pytest.approx(math.log(8), abs=1e-4)
    same = dict.fromkeys(NAMES, torch.eye(8))
    assert LeaveOneOutLoss(0.01)(same, everywhere(same)) < 1e-6


def test_without_a_pair_it_is_zero():
    output = {n: x.requires_grad_() for n, x in embeddings(2).items()}
    targets = everywhere(output)
    targets["present"] = {n: torch.tensor([n == "eeg", False]) for n in NAMES}
    loss = LeaveOneOutLoss()(output, targets)
    loss.backward()
    assert loss.item() == 0
    assert all(torch.isfinite(x.grad).all() for x in output.values())


def test_a_trained_temperature_stays_above_a_hundredth():
    loss = LeaveOneOutLoss(0.1, learn_temperature=True)
    assert loss.temperature.item() == pytest.approx(0.1)
    output = embeddings()
    loss(output, everywhere(output)).backward()
    assert loss.log_scale.grad != 0
    with torch.no_grad():
        loss.log_scale.fill_(50)
    assert loss.temperature.item() == pytest.approx(0.01)


def test_bad_temperature():
    with pytest.raises(ValueError, match="'temperature' parameter of LeaveOneOutLoss"):
        LeaveOneOutLoss(0)
