import pickle
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EpochScoring
from torch.nn.functional import cross_entropy

from sleepkit.nn import StageLoss
from sleepkit.training import ArraySource, Batches, StagingNet
from sleepkit.training._net import LastBatch


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
    """Keeps the batch that belongs to the gradients."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_grad_computed(self, net, **kwargs):
        last = net.last_batch_
        assert isinstance(last, LastBatch)
        assert set(last.output) == {"first", "second"}
        assert net.module_.first.weight.grad is not None
        self.seen_.append(
            (last.targets["stages"].tolist(), last.targets["domains"].tolist())
        )


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.arange(12) % 3
    source = ArraySource({"eeg": np.eye(3)[y][:, :2] + 0.1 * rng.normal(size=(12, 2))})
    train = Batches(source, {"stages": y, "domains": y + 10}, 4)
    return train, Batches(source, {"stages": y}, 6)


def make_net(**params):
    defaults = {"lr": 0.1, "max_epochs": 3, "verbose": 0, "callbacks__print_log": None}
    defaults |= {"module": partial(TwoHeads), "criterion": partial(Both)}
    return StagingNet(**defaults | params)


def test_several_losses_are_trained_on(data):
    torch.manual_seed(0)
    net = make_net(max_epochs=20).fit(data)
    assert net.history[-1, "train_loss"] < net.history[0, "train_loss"] / 1.2
    assert len(net.history[0, "batches"]) == 3 + 2
    assert "valid_loss" in net.history[-1]


class First(StageLoss):
    """The loss of one head."""

    def forward(self, output, targets):
        return super().forward(output["first"], targets)


def sequences(*stages):
    """A batch of sequences of noise with these stages."""
    stages = np.array(stages)
    x = np.random.default_rng(stages.size).normal(size=(*stages.shape, 2))
    present = {"eeg": np.ones(stages.shape, bool)}
    return {"inputs": {"eeg": x.astype("f4")}, "present": present}, {"stages": stages}


def test_losses_are_means_over_labelled_epochs():
    """Whatever the number of sequences of a batch, and of their epochs with a stage."""
    batches = [
        sequences([0, 1, 2], [2, 1, 0]),
        sequences([1, -1, -1], [-1, -1, 1], [-1, -1, -1], [2, -1, -1]),
    ]
    losses, counts = np.array([0.0, 0.0]), np.array([6, 3])
    net = make_net(criterion=First, lr=0.0, max_epochs=1).fit((batches, batches))
    for i, (inputs, targets) in enumerate(batches):
        logits = net.module_(
            {"eeg": torch.from_numpy(inputs["inputs"]["eeg"])}, inputs["present"]
        )
        stages = {"stages": torch.from_numpy(targets["stages"])}
        losses[i] = net.criterion_(logits, stages).item()
    mean = pytest.approx(np.average(losses, weights=counts))
    assert net.history[-1, "train_loss"] == mean
    assert net.history[-1, "valid_loss"] == mean
    without = [sequences([-1, -1])]
    history = make_net(criterion=First, max_epochs=1).fit((batches, without)).history
    assert history[-1, "valid_loss"] == 0


def test_no_validation(data):
    assert "valid_loss" not in make_net().fit((data[0], None)).history[-1]


def test_callbacks_see_the_batch_of_the_gradients(data):
    watch = Watch()
    net = make_net(max_epochs=1, callbacks=[watch]).fit(data)
    y = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
    expected = [(y[i : i + 4], [v + 10 for v in y[i : i + 4]]) for i in (0, 4, 8)]
    assert watch.seen_ == expected
    net.to_cpu()
    assert net.last_batch_ is None


def test_to_cpu_and_pickle(data):
    net = make_net(optimizer=torch.optim.Adam).fit(data)
    net.to_cpu()
    assert net.device == "cpu"
    assert not net.optimizer_.state
    again = pickle.loads(pickle.dumps(net))
    for a, b in zip(again.module_.parameters(), net.module_.parameters(), strict=True):
        assert torch.equal(a, b)


class Stop(Callback):
    """Stops the training."""

    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


def test_a_callback_that_stops_cuts_no_other_short(data):
    callbacks = [Stop(), EpochScoring(lambda *_: 1.0, name="one")]
    net = make_net(callbacks=callbacks, read_out=first_head, max_epochs=9).fit(data)
    assert net.history[:, "one"] == [1.0]


def test_an_interruption_goes_through(data, monkeypatch):
    monkeypatch.setattr(Watch, "on_grad_computed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_net(callbacks=[Watch()]).fit(data)
    monkeypatch.setattr(ArraySource, "batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_net().fit(data)


def interrupt(*_, **__):
    raise KeyboardInterrupt


def first_head(output, _present):
    return output["first"].log_softmax(-1)


def test_scorers_see_labelled_epochs(data):
    data[0].targets["stages"][:3] = -1
    seen = []

    def score(net, X, y):
        proba = net.predict_proba(X)
        assert proba.sum(axis=1) == pytest.approx(1)
        seen.append(y)
        return (proba.argmax(axis=1) == y).mean()

    scores = [
        ("train", EpochScoring(score, name="on_train", on_train=True)),
        ("valid", EpochScoring(score, name="by_hand", lower_is_better=False)),
        ("f1", EpochScoring("accuracy", name="accuracy", lower_is_better=False)),
    ]
    net = make_net(callbacks=scores, read_out=first_head, max_epochs=2).fit(data)
    assert [len(y) for y in seen] == [9, 12, 9, 12]
    np.testing.assert_array_equal(seen[1], np.arange(12) % 3)
    assert net.history[:, "by_hand"] == net.history[:, "accuracy"]


class Numbers(torch.nn.Module):
    """A loss that notes the types of what it gets."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def forward(self, output, targets):
        output, (nothing, second) = output["both"]
        assert nothing is None
        self.seen += [output.logits.dtype, second.dtype]
        return cross_entropy(output.logits + second, targets["stages"])


class Nested(TwoHeads):
    """A net that returns its logits as `MedFuseNet` and others do, and deeper."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def forward(self, inputs, present):
        first, second = super().forward(inputs, present).values()
        self.seen += [first.dtype, second.dtype]
        return {"both": (Logits(first), (None, second))}


class Logits(NamedTuple):
    logits: torch.Tensor


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_precision(data, precision):
    computed, trained_on = [], []
    net = make_net(
        module=lambda: Nested(computed),
        criterion=lambda: Numbers(trained_on),
        precision=precision,
        optimizer=torch.optim.Adam,
    ).fit(data)
    assert set(computed) == {getattr(torch, precision)}
    assert set(trained_on) == {torch.float32}
    for parameter in net.module_.parameters():
        moments = net.optimizer_.state[parameter]
        kept = [parameter, parameter.grad, moments["exp_avg"], moments["exp_avg_sq"]]
        assert {tensor.dtype for tensor in kept} == {torch.float32}
