import numpy as np
import pytest
import torch

from sleepkit.nn import StageLoss

LOGITS = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[2.0, 2.0], [5.0, 0.0]]])
STAGES = torch.tensor([[0, 1], [-1, 1]])


def by_hand(weights):
    """Weighted mean of -log p of the three labelled epochs."""
    losses = np.array([np.log1p(np.exp(-1)), np.log1p(np.exp(-3)), np.log1p(np.exp(5))])
    weight = np.array([weights[0], weights[1], weights[1]])
    return np.sum(weight * losses) / np.sum(weight)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 0.5)])
def test_by_hand(weights):
    loss = StageLoss(None if weights == (1.0, 1.0) else torch.tensor(weights))
    found = loss(LOGITS, {"stages": STAGES})
    assert found.item() == pytest.approx(by_hand(weights), rel=1e-5)
    alone = loss(LOGITS.flatten(0, 1), {"stages": STAGES.flatten()})
    torch.testing.assert_close(alone, found)


def test_a_batch_without_labels():
    logits = LOGITS.clone().requires_grad_()
    loss = StageLoss()(logits, {"stages": torch.full((2, 2), -1)})
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
