"""The number of threads follows the size of the products."""

import numpy as np
import pytest
import torch
from torch import nn

from sleepkit.nn import FeatureNet
from sleepkit.training import ArraySource
from sleepkit.training._threads import choose_threads

CPU = torch.device("cpu")


class Net(nn.Module):
    """A linear layer of so many units, and dropout."""

    def __init__(self, n_units):
        super().__init__()
        self.layer, self.dropout = nn.Linear(4, n_units), nn.Dropout(0.5)
        self.shapes = []

    def forward(self, inputs, present):
        self.shapes.append(tuple(inputs["eeg"].shape))
        return self.dropout(self.layer(inputs["eeg"]))


class Recurrent(Net):
    def __init__(self, n_units):
        super().__init__(4)
        self.rnn = nn.LSTM(4, n_units, batch_first=True)

    def forward(self, inputs, present):
        return self.rnn(inputs["eeg"])[0]


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


@pytest.fixture
def source():
    return ArraySource({"eeg": np.ones((9, 4), np.float32)})


def test_small_products_get_one_thread(source):
    assert choose_threads(Net(8), source, 16, None, CPU) == 1
    assert choose_threads(Recurrent(8), source, 16, 1, CPU) == 1


def test_large_products_get_all(source):
    assert choose_threads(Net(1_000_000), source, 16, None, CPU) is None


def test_the_batch_counts(source):
    assert choose_threads(Net(100), source, 10, None, CPU) == 1
    assert choose_threads(Net(100), source, 10_000_000, None, CPU) is None


def test_a_sample_is_two_rows(source):
    net = Net(8)
    choose_threads(net, source, 16, None, CPU)
    choose_threads(net, source, 16, 5, CPU)
    choose_threads(net, ArraySource({"eeg": np.ones((1, 4))}), 16, None, CPU)
    assert net.shapes == [(2, 4), (2, 5, 4)]  # the third has the shape of the first


def test_a_net_is_run_once_for_each_shape(source):
    net = Net(1000)
    for _ in range(3):
        assert choose_threads(net, source, 16, None, CPU) == 1
        assert choose_threads(net, source, 100_000, None, CPU) is None
    assert len(net.shapes) == 1
    choose_threads(Net(1000), source, 16, None, CPU)  # another net, as wide
    assert len(net.shapes) == 1


def test_nothing_else_changes(source):
    net = Net(8).train()
    net.dropout.eval()  # as a frozen part is kept
    state = torch.random.get_rng_state()
    choose_threads(net, source, 16, None, CPU)
    assert net.training
    assert not net.dropout.training
    assert not net.layer._forward_hooks
    assert torch.equal(torch.random.get_rng_state(), state)


def test_layers_inside_fast_paths_count():
    class OneEncoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = FeatureNet()

        def forward(self, inputs, present):
            return self.encoder(inputs["eeg"])

    source = ArraySource({"eeg": np.ones((9, 1, 3000), np.float32)})
    assert choose_threads(OneEncoder(), source, 256, None, CPU) is None


def test_accelerators_are_left_alone(source):
    net = Net(8)
    assert choose_threads(net, source, 16, None, torch.device("meta")) is None
    assert net.shapes == []


@pytest.mark.parametrize("length", [None, 1, 5])
def test_without_signal_nothing_is_run(length):
    net = Net(8)
    empty = ArraySource({"eeg": np.full((3, 4), np.nan, np.float32)})
    assert choose_threads(net, empty, 16, length, CPU) is None
    assert net.shapes == []
