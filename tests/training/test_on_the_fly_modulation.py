"""OGM-GE modulates one-dimensional convolutions, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.history import History
from torch import nn

from sleepkit.metrics import modulation_coefficients
from sleepkit.nn import SleepMGNet
from sleepkit.training import OnTheFlyModulation

SHAPES = {"eeg": (1, 400), "emg": (1, 300), "hrv": (4,)}


@pytest.fixture(autouse=True)
def torch_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def net_after_backward(epoch=0, **options):
    """A net whose gradients are those of a batch, all labels known."""
    module = SleepMGNet(SHAPES, dropout=0.0, **options)
    with torch.no_grad():
        module.stage_head.weight.normal_(0, 0.3)
        module.stage_head.bias.normal_(0, 1)
    inputs = {name: torch.randn(8, *shape) for name, shape in SHAPES.items()}
    output, stages = module(inputs), torch.arange(8) % 5
    nn.functional.cross_entropy(output.stage_logits, stages).backward()
    targets = {"stages": stages, "domains": stages}
    batch = SimpleNamespace(output=output, targets=targets)
    history = History()
    for _ in range(epoch + 1):
        history.new_epoch()
    history.new_batch()
    return SimpleNamespace(module_=module, last_batch_=batch, history=history)


def modulate(net, callback):
    callback.on_train_begin(net)
    callback.on_epoch_begin(net)
    callback.on_grad_computed(net, net.module_.named_parameters())
    callback.on_epoch_end(net)
    return {name: p.grad for name, p in net.module_.named_parameters()}


def expected_coefficients(net, alpha):
    """By the published formula: a modality's columns, and its part of the bias."""
    module, batch = net.module_, net.last_batch_
    scores = []
    for at in module.slices.values():
        logits = batch.output.features[:, at] @ module.stage_head.weight[:, at].T
        odds = (logits + module.stage_head.bias / 3).softmax(1)
        scores.append(odds[torch.arange(8), batch.targets["stages"]].sum().item())
    return dict(
        zip(module.slices, modulation_coefficients(scores, alpha=alpha), strict=True)
    )


def test_kernels_are_scaled_and_nothing_else():
    net = net_after_backward()
    before = {n: p.grad.clone() for n, p in net.module_.named_parameters()}
    k = expected_coefficients(net, alpha=0.5)
    after = modulate(net, OnTheFlyModulation(0.5, noise=False))
    assert min(k.values()) < 0.6
    assert max(k.values()) == 1
    changed = set()
    for name, grad in after.items():
        modality = name.split(".")[1]
        scaled = name.startswith("extractors") and grad.ndim > 1
        factor = k[modality] if scaled else 1.0
        torch.testing.assert_close(grad, before[name] * factor, msg=name)
        if not torch.equal(grad, before[name]):
            changed.add((modality, grad.ndim))
    slowed = {name for name, coefficient in k.items() if coefficient < 1}
    assert changed == {(m, 2 if m == "hrv" else 3) for m in slowed}


def test_noise_is_as_large_as_the_gradient_was():
    net = net_after_backward()
    noisy = deepcopy(net.module_)
    for ours, theirs in zip(noisy.parameters(), net.module_.parameters(), strict=True):
        ours.grad = theirs.grad.clone()
    other = SimpleNamespace(**vars(net) | {"module_": noisy})
    spread = {n: p.grad.std() for n, p in net.module_.named_parameters()}
    plain = modulate(net, OnTheFlyModulation(0.5, noise=False))
    rough = modulate(other, OnTheFlyModulation(0.5))
    for name, grad in rough.items():
        noise = grad - plain[name]
        if name.startswith("extractors") and grad.ndim > 1:
            assert noise.std() == pytest.approx(spread[name].item(), rel=0.15), name
            assert abs(noise.mean()) < 0.1 * spread[name], name
        else:
            assert (noise == 0).all(), name


def test_a_single_weight_has_no_spread():
    grad = torch.tensor([[[3.0]]])
    OnTheFlyModulation()._modulate(grad, 0.5)
    assert grad.item() == pytest.approx(1.5)


@pytest.mark.parametrize(("epoch", "active"), [(0, False), (1, True), (3, False)])
def test_epochs_that_are_modulated(epoch, active):
    net = net_after_backward(epoch=epoch)
    before = [p.grad.clone() for p in net.module_.parameters()]
    after = modulate(net, OnTheFlyModulation(0.5, start=1, stop=3)).values()
    same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert same is not active
    assert ("ogm_eeg" in net.history[-1]) is active


def test_history_holds_each_batch_and_the_mean():
    net, callback = net_after_backward(), OnTheFlyModulation(0.4)
    callback.on_train_begin(net)
    callback.on_epoch_begin(net)
    for _ in range(2):
        net.history.new_batch()
        callback.on_grad_computed(net, net.module_.named_parameters())
        net.module_.stage_head.weight.data[:, : net.module_.slices["eeg"].stop] *= 3
    callback.on_epoch_end(net)
    for name in SHAPES:
        steps = net.history[-1, "batches", :, f"ogm_{name}"]
        assert len(steps) == 2
        assert net.history[-1, f"ogm_{name}"] == pytest.approx(np.mean(steps))


def test_an_unlabelled_batch_is_left_alone():
    net = net_after_backward()
    net.last_batch_.targets["stages"] = torch.full((8,), -1)
    before = [p.grad.clone() for p in net.module_.parameters()]
    after = modulate(net, OnTheFlyModulation()).values()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Flat(nn.Module):
    """An encoder without kernels or matrices."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x.flatten(1) * self.weight


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fusion": "attention"}, "OnTheFlyModulation needs columns of the heads"),
        ({"encoder": {"hrv": Flat}}, "nothing to modulate in the 'hrv' extractor"),
    ],
)
def test_what_cannot_be_modulated_raises(options, words):
    net = net_after_backward(**options)
    with pytest.raises(ValueError, match=words):
        modulate(net, OnTheFlyModulation())


def test_an_extractor_for_all_raises():
    shapes = {"eeg": (1, 200), "emg": (1, 200)}
    module = SleepMGNet(shapes, modality_specific=False)
    with pytest.raises(ValueError, match="take modality_specific=True"):
        OnTheFlyModulation().on_train_begin(SimpleNamespace(module_=module))


def test_bad_alpha():
    with pytest.raises(ValueError, match="'alpha' parameter of OnTheFlyModulation"):
        OnTheFlyModulation(0).on_train_begin(net_after_backward())


def test_parameters_are_kept_for_clone():
    callback = OnTheFlyModulation(0.3, noise=False, start=2)
    assert clone(callback).get_params() == callback.get_params()
