"""Callbacks of SleepMG on other modules: those that fit, and those that do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from skorch.history import History
from torch import Tensor, nn

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.metrics import modality_performance
from sleepkit.nn import BlockwiseHeads, gradient_reversal
from sleepkit.training import ModalityBalance, OnTheFlyModulation, ReversalSchedule

CALLBACKS = [ModalityBalance, OnTheFlyModulation, ReversalSchedule]
BOTH = [ModalityBalance, OnTheFlyModulation]


class Output(NamedTuple):
    stages: Tensor
    domains: Tensor
    features: Tensor


class TwoSensors(nn.Module):
    """A user's own net of sequences: two modalities, two heads, as callbacks need."""

    def __init__(self):
        super().__init__()
        self.extractors = nn.ModuleDict(
            {"eeg": nn.Linear(6, 4), "acceleration": nn.Linear(3, 2)}
        )
        self.slices = {"eeg": slice(0, 4), "acceleration": slice(4, 6)}
        self.heads = nn.ModuleDict(
            {"classifier": nn.Linear(6, 5), "discriminator": nn.Linear(6, 3)}
        )
        self.adversarial = 0.5

    def forward(self, inputs):
        blocks = [self.extractors[name](x).relu() for name, x in inputs.items()]
        features = torch.cat(blocks, dim=-1)  # (batch, seq, 6)
        hidden = gradient_reversal(features, self.adversarial)
        stages = self.heads["classifier"](features)
        return Output(stages, self.heads["discriminator"](hidden), features)


class Net(NeuralNet):
    """A skorch net that keeps its last batch."""

    def infer(self, x, **fit_params):
        return self.module_(x)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        stages, domains = y_true.unbind(-1)
        targets = {"stages": stages, "domains": domains}
        self.last_batch_ = SimpleNamespace(output=y_pred, targets=targets)
        return sum(
            nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
            for logits, labels in [(y_pred.stages, stages), (y_pred.domains, domains)]
        )


def train(*callbacks, lr=0.5):
    """Train `TwoSensors` on 20 sequences of 3 epochs; give the net."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    y = np.stack([rng.integers(5, size=(20, 3)), rng.integers(3, size=(20, 3))], -1)
    X = {
        name: rng.normal(size=(20, 3, width)).astype(np.float32)
        for name, width in [("eeg", 6), ("acceleration", 3)]
    }
    net = Net(
        TwoSensors,
        nn.CrossEntropyLoss,
        callbacks=list(callbacks),
        max_epochs=3,
        batch_size=10,
        lr=lr,
        train_split=None,
        verbose=0,
    )
    return net.fit(X, y)


@pytest.mark.parametrize(
    ("callback", "key"),
    [
        (ModalityBalance(), "discriminator_rho_acceleration"),
        (ModalityBalance(["extractor"], mode="update"), "extractor_step_eeg"),
        (OnTheFlyModulation(noise=False), "ogm_acceleration"),
        (ReversalSchedule(), "adversarial"),
    ],
)
def test_a_net_of_the_users_own(callback, key):
    plain, net = train(), train(callback)
    assert len(net.history[:, key]) == 3
    weights = zip(plain.module_.parameters(), net.module_.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in weights)


def test_every_epoch_of_a_sequence_counts():
    net = train(ModalityBalance(()), lr=0.0)
    module, batch = net.module_, net.last_batch_
    features = batch.output.features.detach().flatten(0, 1)
    logits = []
    for columns in module.slices.values():
        alone = torch.zeros_like(features)
        alone[:, columns] = features[:, columns]
        logits.append(module.heads["classifier"](alone).detach().numpy())
    expected = modality_performance(logits, batch.targets["stages"].flatten())
    row = net.history[-1, "batches", -1]
    found = [row[f"classifier_score_{name}"] for name in module.slices]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", CALLBACKS)
def test_a_net_that_does_not_fit_raises(kind):
    needed = "`adversarial`" if kind is ReversalSchedule else "`slices` and linear"
    words = f"{kind.__name__} needs a module with .*{needed}.* SleepMGNet; got MedFuse"
    stager = MedFuseSleepClassifier(
        d_model=8, n_heads=2, n_layers=1, max_epochs=1, callbacks=[kind()]
    )
    X = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(ValueError, match=words):
        stager.fit(X, np.arange(20) % 5)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    "heads", [None, {}, {"stages": nn.Linear(6, 5)}, {"classifier": nn.ReLU()}]
)
def test_heads_that_are_not_linear_raise(kind, heads):
    module = TwoSensors()
    del module.heads
    if heads is not None:
        module.heads = nn.ModuleDict(heads)
    with pytest.raises(ValueError, match=f"{kind.__name__} needs .*got TwoSensors"):
        kind().on_train_begin(SimpleNamespace(module_=module))


def test_missing_extractors_raise():
    module = TwoSensors()
    del module.extractors
    with pytest.raises(ValueError, match="needs `extractors` with a module for each"):
        OnTheFlyModulation().on_train_begin(SimpleNamespace(module_=module))


def test_a_net_without_discriminator():
    module: BlockwiseHeads = TwoSensors()
    del module.heads["discriminator"]
    batch = SimpleNamespace(
        output=SimpleNamespace(features=torch.randn(4, 6)),
        targets={"stages": torch.arange(4)},
    )
    net = SimpleNamespace(module_=module, last_batch_=batch, history=History())
    net.history.new_epoch()
    net.history.new_batch()
    callback = ModalityBalance(mode="update")
    callback.on_train_begin(net)
    callback.on_epoch_begin(net)
    callback.on_grad_computed(net, module.named_parameters())
    keys = net.history[-1, "batches", -1]
    assert "classifier_rho_eeg" in keys
    assert not any(key.startswith("discriminator") for key in keys)
