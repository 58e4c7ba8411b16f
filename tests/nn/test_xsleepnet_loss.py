"""Loss of XSleepNet: weights of the heads, and the head that validates."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from sleepkit.nn import XSleepNetLoss, XSleepNetOutput

STAGES = torch.tensor([[0, 2, -1], [1, 4, 3]])


@pytest.fixture
def output():
    return XSleepNetOutput(*torch.randn(3, 2, 3, 5, requires_grad=True))


def cross_entropies(output, class_weight=None):
    known = STAGES >= 0
    return torch.stack(
        [
            functional.cross_entropy(x[known], STAGES[known], class_weight)
            for x in output
        ]
    )


def test_heads_count_alike_at_first(output):
    loss = XSleepNetLoss()(output, {"stages": STAGES})
    torch.testing.assert_close(loss, cross_entropies(output).mean())


def test_weights(output):
    criterion = XSleepNetLoss()
    criterion.weights.copy_(torch.tensor([0.2, 0.7, 0.1]))
    expected = (criterion.weights * cross_entropies(output)).sum()
    torch.testing.assert_close(criterion(output, {"stages": STAGES}), expected)


def test_a_head_without_weight_gets_no_gradient(output):
    criterion = XSleepNetLoss()
    criterion.weights.copy_(torch.tensor([0.5, 0.5, 0.0]))
    grads = torch.autograd.grad(criterion(output, {"stages": STAGES}), output)
    assert [bool((grad == 0).all()) for grad in grads] == [False, False, True]


def test_the_joint_head_alone_validates(output):
    criterion = XSleepNetLoss().eval()
    loss = criterion(output, {"stages": STAGES})
    torch.testing.assert_close(loss, cross_entropies(output)[2])


def test_class_weights(output):
    class_weight = torch.tensor([1.0, 2.0, 3.0, 0.5, 1.0])
    criterion = XSleepNetLoss(class_weight)
    expected = cross_entropies(output, class_weight)
    found = criterion.losses(output, {"stages": STAGES})
    torch.testing.assert_close(found, expected)


def test_the_weights_are_a_part_of_the_state():
    criterion = XSleepNetLoss()
    criterion.weights.zero_()
    again = XSleepNetLoss()
    again.load_state_dict(criterion.state_dict())
    assert again.weights.tolist() == [0, 0, 0]
