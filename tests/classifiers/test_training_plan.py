"""Training plans of methods: a subclass whose plan is a parameter."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sleepkit.classifiers import SleepClassifier
from sleepkit.exceptions import SleepkitError
from sleepkit.nn import StageLoss


class Net(nn.Module):
    """Logits of four features by two layers."""

    def __init__(self, n_classes):
        super().__init__()
        self.cnn, self.head = nn.Linear(4, 8), nn.Linear(8, n_classes)

    def forward(self, inputs, present):
        return self.head(torch.relu(self.cnn(inputs["eeg"])))


class Planned(SleepClassifier):
    """A stager whose `plan` gives the changes of each stage."""

    def __init__(self, plan, *, class_weight=None):
        self.plan = plan
        self.class_weight = class_weight
        self.modalities = self.callbacks = None
        self.lr, self.weight_decay, self.batch_size, self.max_epochs = 0.01, 0, 16, 1
        self.validation_fraction, self.patience, self.warm_start = 0, 1, False
        self.device, self.precision, self.n_threads = "cpu", "float32", 1
        self.max_ram, self.random_state, self.verbose = 1e9, 0, False

    def _build_module(self):
        return Net(len(self.classes_))

    def _training_plan(self, source):
        return [self._stage(source, **changes) for changes in self.plan]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ([], "_training_plan of Planned gave no stage"),
        (
            [{"parameter_groups": [("cn.*", {"lr": 1e-6})]}],
            r"'cn\.\*' .* no parameter of Net: cnn.weight, cnn.bias, head.weight",
        ),
    ],
)
def test_plans_that_cannot_be_used(blobs, plan, words):
    with pytest.raises(ValueError, match=words):
        Planned(plan).fit(*blobs)


class Contrast(nn.Module):
    """The first layer of `Net`, which gives two features of an epoch, not logits."""

    def __init__(self, net):
        super().__init__()
        self.cnn = net.cnn

    def forward(self, inputs, present):
        return self.cnn(inputs["eeg"]).chunk(2, dim=-1)


class Distance(nn.Module):
    """Squared distance of both features, whatever the classes."""

    def forward(self, output, targets):
        first, second = output
        return (first - second).square().mean()


def test_a_parameter_that_is_lacking(blobs):
    stager = Planned([{}])
    del stager.patience, stager.verbose
    with pytest.raises(TypeError, match="Planned lacks patience, verbose: a subclass"):
        stager.fit(*blobs)


def test_a_stage_with_another_loss_and_one_with_another_optimizer(blobs):
    nets = []

    class Keep(Callback):
        def on_train_end(self, net, **kwargs):
            nets.append(net)

    contrast = {"part": Contrast, "loss": Distance, "scored": False}
    other = {"optimizer": torch.optim.RMSprop, "optimizer_params": {"momentum": 0.5}}
    stager = Planned([contrast, other], class_weight="balanced")
    stager.callbacks, stager.validation_fraction = [Keep()], 0.5
    stager.fit(*blobs, groups=np.arange(60) % 2)
    assert [type(net.criterion_) for net in nets] == [Distance, StageLoss]
    scored = ["valid_accuracy" in net.history[-1] for net in nets]
    assert scored == [False, True]
    assert "valid_loss" in nets[0].history[-1]
    assert nets[0].optimizer_.defaults["fused"]
    assert nets[1].optimizer_.defaults["momentum"] == 0.5


def test_a_stage_that_diverges_is_the_last(blobs):
    begun = []

    class Count(Callback):
        def on_train_begin(self, net, **kwargs):
            begun.append(net)

    stager = Planned([{"lr": 1e38}, {}])
    stager.callbacks = [Count()]
    with pytest.raises(SleepkitError, match="training of Planned diverged"):
        stager.fit(*blobs)
    assert len(begun) == 1
