"""Distillation loss: its formula, its gradient, its limits."""

from __future__ import annotations

import math

import pytest
import torch

from sleepkit.nn import distillation_loss


def by_hand(student, teacher, temperature):
    """Epoch by epoch, in plain numbers."""
    total = 0.0
    for s, t in zip(student.tolist(), teacher.tolist(), strict=True):
        p = [math.exp(x / temperature) for x in s]
        q = [math.exp(x / temperature) for x in t]
        p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
        total += sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    return temperature**2 * total / len(student)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_formula(temperature):
    student, teacher = torch.randn(6, 5), torch.randn(6, 5)
    found = distillation_loss(student, teacher, temperature=temperature)
    expected = by_hand(student, teacher, temperature)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_logits_are_as_good_as_log_probabilities():
    student, teacher = torch.randn(6, 5), torch.randn(6, 5)
    expected = distillation_loss(student, teacher)
    logs = (x.log_softmax(-1) for x in (student, teacher))
    torch.testing.assert_close(distillation_loss(*logs), expected)


def test_it_is_least_at_the_teacher_and_its_gradient_goes_there():
    student = torch.zeros(1, 3, requires_grad=True)
    teacher = torch.tensor([[0.7, 0.2, 0.1]]).log()
    distillation_loss(student, teacher).backward()
    assert student.grad.sign().tolist() == [[-1.0, 1.0, 1.0]]
    assert float(distillation_loss(teacher, teacher)) == pytest.approx(0, abs=1e-7)


def test_at_a_high_temperature_it_matches_logits():
    """Half the mean square over classes of centred logits, as Hinton et al. derive."""
    student, teacher = torch.randn(8, 5), torch.randn(8, 5)
    gap = student - teacher
    gap = gap - gap.mean(1, keepdim=True)
    found = distillation_loss(student.double(), teacher.double(), temperature=300.0)
    expected = gap.square().mean(1).mean() / 2
    assert found.item() == pytest.approx(float(expected), rel=0.05)


def test_without_an_epoch_it_is_zero():
    student = torch.zeros(0, 5, requires_grad=True)
    loss = distillation_loss(student, torch.zeros(0, 5))
    loss.backward()
    assert loss.item() == 0


def test_bad_temperature():
    with pytest.raises(ValueError, match="'temperature' parameter of distillation_"):
        distillation_loss(torch.zeros(1, 2), torch.zeros(1, 2), temperature=0)
