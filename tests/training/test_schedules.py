"""Learning rates step by step, against torch's own where it has one."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from skorch import NeuralNet
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from sleepkit.training import CosineSchedule, RestartSchedule


def test_schedule_rises_then_falls_to_zero():
    schedule = CosineSchedule(100, warmup=0.1)
    factors = [schedule.factor(step) for step in range(101)]
    assert factors[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert factors[10] == 1
    assert all(b < a for a, b in pairwise(factors[10:]))
    assert factors[100] == pytest.approx(0)
    assert schedule.factor(120) == pytest.approx(0)


def test_a_long_training_warms_up_for_20_000_steps():
    schedule = CosineSchedule(1_000_000)
    assert schedule.factor(9_999) == pytest.approx(0.5)
    assert schedule.factor(20_000) == 1


def test_no_warm_up():
    assert CosineSchedule(10, warmup=0).factor(0) == 1


def test_a_training_of_one_step():
    assert CosineSchedule(1).factor(0) == 1


def test_schedule_counts_training_batches_and_scales_each_group():
    groups = [{"lr": 2.0}, {"lr": 0.5}]
    net = SimpleNamespace(optimizer_=SimpleNamespace(param_groups=groups))
    schedule = CosineSchedule(4, warmup=0.5)
    schedule.on_train_begin(net)
    rates = []
    for training in (True, False, True, True):
        schedule.on_batch_begin(net, training=training)
        rates.append([group["lr"] for group in groups])
    assert rates == [[1.0, 0.25], [1.0, 0.25], [2.0, 0.5], [2.0, 0.5]]


def test_a_second_training_starts_from_the_full_rates():
    net = NeuralNet(
        torch.nn.Linear,
        torch.nn.MSELoss,
        module__in_features=1,
        module__out_features=1,
        lr=0.5,
        batch_size=1,
        max_epochs=2,
        train_split=None,
        callbacks=[CosineSchedule(4, warmup=0)],
        verbose=0,
    )
    X = torch.ones(2, 1)
    for _ in range(2):
        net.partial_fit(X, X)
        schedule = CosineSchedule(4, warmup=0)
        (group,) = net.optimizer_.param_groups
        assert group["lr"] == 0.5 * schedule.factor(3)


def released(step, cycles=20):
    """By the list of the cycles' ends: 4 (2 ** n - 1)."""
    if step < 22_000:
        return 1.0
    ends = [4 * (2**n - 1) for n in range(cycles)]
    (first, last) = next(p for p in pairwise(ends) if p[0] <= step < p[1])
    done = torch.tensor((step - first) / (last - first), dtype=torch.float64)
    return float((1 + torch.cos(torch.pi * done)) / 2)


@pytest.mark.parametrize(
    "step", [0, 21_999, 22_000, 28_000, 32_763, 32_764, 65_531, 65_532, 200_000]
)
def test_the_released_schedule(step):
    assert RestartSchedule().factor(step) == pytest.approx(released(step), abs=1e-12)


def test_the_released_schedule_never_exceeds_the_rate():
    factors = [RestartSchedule().factor(step) for step in range(0, 300_000, 97)]
    assert max(factors) == 1
    assert min(factors) >= 0


@pytest.mark.parametrize("growth", [1, 2, 3])
def test_restarts_are_those_of_torch(growth):
    adam = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = CosineAnnealingWarmRestarts(adam, T_0=4, T_mult=growth)
    ours = RestartSchedule(plateau=0, growth=growth)
    for step in range(60):
        theirs.step(step)
        assert ours.factor(step) == pytest.approx(adam.param_groups[0]["lr"], abs=1e-12)
