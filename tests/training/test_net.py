import pickle
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.nn.functional import cross_entropy

from sleepkit.training import Batches, LastBatch, RowEpochs, StagingNet


class TwoHeads(torch.nn.Module):
    """A net that returns a dict, as skorch's own nets may not."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(2, 3)
        self.second = torch.nn.Linear(2, 3)

    def forward(self, inputs, present):
        x = inputs["eeg"]
        return {"first": self.first(x), "second": self.second(x)}


class Both(torch.nn.Module):
    def forward(self, output, targets):
        stages = targets["stages"]
        return sum(cross_entropy(logits, stages) for logits in output.values())


class Watch(Callback):
    """Notes the batch that belongs to the gradients."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_grad_computed(self, net, **kwargs):
        last = net.last_batch_
        assert isinstance(last, LastBatch)
        assert set(last.output) == {"first", "second"}
        assert net.module_.first.weight.grad is not None
        self.seen_.append((last.stages.tolist(), last.domains.tolist()))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.arange(12) % 3
    epochs = RowEpochs({"eeg": np.eye(3)[y][:, :2] + 0.1 * rng.normal(size=(12, 2))})
    train = Batches(epochs, np.where(y < 3, y, -1), y + 10, 4)
    return train, Batches(epochs, y, np.full(12, -1), 6)


def make_net(**params):
    defaults = {"lr": 0.1, "max_epochs": 3, "verbose": 0, "callbacks__print_log": None}
    return StagingNet(partial(TwoHeads), partial(Both), **defaults | params)


def test_several_losses_are_learnt_from(data):
    torch.manual_seed(0)
    net = make_net(max_epochs=20).fit(data)
    assert net.history[-1, "train_loss"] < net.history[0, "train_loss"] / 1.2
    assert len(net.history[0, "batches"]) == 3 + 2
    assert "valid_loss" in net.history[-1]


def test_no_validation(data):
    assert "valid_loss" not in make_net().fit((data[0], None)).history[-1]


def test_callbacks_see_the_batch_of_the_gradients(data):
    watch = Watch()
    net = make_net(max_epochs=1, callbacks=[watch]).fit(data)
    y = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
    expected = [(y[i : i + 4], [v + 10 for v in y[i : i + 4]]) for i in (0, 4, 8)]
    assert watch.seen_ == expected
    net.rest()
    assert net.last_batch_ is None


def test_a_net_at_rest_is_on_the_cpu_and_pickles(data):
    net = make_net(optimizer=torch.optim.Adam).fit(data)
    net.rest()
    assert net.device == "cpu"
    assert not net.optimizer_.state
    again = pickle.loads(pickle.dumps(net))
    for a, b in zip(again.module_.parameters(), net.module_.parameters(), strict=True):
        assert torch.equal(a, b)
