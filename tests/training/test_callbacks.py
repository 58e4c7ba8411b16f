import pickle
from itertools import pairwise
from types import SimpleNamespace

import pytest

from sleepkit.training import CosineSchedule, ProgressBar


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


def test_schedule_counts_training_batches_only():
    groups = [{"lr": None}]
    net = SimpleNamespace(lr=2.0, optimizer_=SimpleNamespace(param_groups=groups))
    schedule = CosineSchedule(4, warmup=0.5)
    schedule.on_train_begin(net)
    rates = []
    for training in (True, False, True, True):
        schedule.on_batch_begin(net, training=training)
        rates.append(groups[0]["lr"])
    assert rates == [1.0, 1.0, 2.0, 2.0]


def test_progress_bar(capsys):
    class History(list):
        pass

    net = SimpleNamespace(max_epochs=2, history=[{"train_loss": 1.5}])
    bar = ProgressBar()
    bar.on_train_begin(net)
    bar.on_epoch_end(net)
    bar.on_train_end(net)
    shown = capsys.readouterr().err
    assert "training" in shown
    assert "train_loss=1.500" in shown
    assert pickle.loads(pickle.dumps(bar))
