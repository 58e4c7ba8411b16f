"""The strength of the reversal rises, and is the module's own again afterwards."""

from __future__ import annotations

from itertools import pairwise
from math import exp
from types import SimpleNamespace

import pytest
from skorch.history import History

from sleepkit.training import ReversalSchedule


@pytest.mark.parametrize("gamma", [3.0, 10.0])
def test_factor_by_hand(gamma):
    schedule = ReversalSchedule(gamma)
    assert schedule.factor(0) == 0
    assert schedule.factor(0.4) == pytest.approx(2 / (1 + exp(-gamma * 0.4)) - 1)
    factors = [schedule.factor(i / 20) for i in range(21)]
    assert all(a < b < 1 for a, b in pairwise(factors))


def test_a_training():
    module = SimpleNamespace(adversarial=0.5)
    net = SimpleNamespace(module_=module, max_epochs=4, history=History())
    schedule, seen = ReversalSchedule(), []
    schedule.on_train_begin(net)
    for _ in range(4):
        net.history.new_epoch()
        schedule.on_epoch_begin(net)
        seen.append(module.adversarial)
    schedule.on_train_end(net)
    expected = [0.5 * schedule.factor(i / 4) for i in range(4)]
    assert seen == net.history[:, "adversarial"] == expected
    assert seen[0] == 0
    assert module.adversarial == 0.5


@pytest.mark.parametrize("gamma", [0, -1, float("nan")])
def test_bad_gamma(gamma):
    net = SimpleNamespace(module_=SimpleNamespace(adversarial=1.0))
    with pytest.raises(ValueError, match="'gamma' parameter of ReversalSchedule"):
        ReversalSchedule(gamma).on_train_begin(net)
