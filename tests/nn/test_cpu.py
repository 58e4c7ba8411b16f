"""Modules with fast paths compute the same with the switch on and off.

Fixtures
--------
case : one module that has a fast path, and an input for it
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.nn import FeatureNet, MedFuseNet, SleepMGNet, fast_cpu
from sleepkit.nn._cpu import _linear, is_eager_cpu
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._feed_forward import FeedForward
from sleepkit.nn._cpu._linear import Linear, can_use_onednn


class Case(NamedTuple):
    module: nn.Module
    x: Tensor


class Net(nn.Module):
    """A whole net as a module of one tensor: (rows, ...) of its only modality."""

    def __init__(self, net, read):
        super().__init__()
        self.net = net
        self.read = read

    def forward(self, x):
        return self.read(self.net({"eeg": x}))


def feature_net():
    net = FeatureNet(n_times=200, sfreq=10, dropout=0.0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.weight.data.normal_()  # below zero as well: there the minimum counts
            module.bias.data.normal_()
            module.running_var.uniform_(0.5, 2)
    return net


def medfuse():
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 2, "dim_feedforward": 12}
    net = MedFuseNet({"eeg": (1, 4, 6)}, **sizes, d_head=10, dropout=0.0)
    return Net(net, lambda output: output.logits["eeg"])


def sleepmg():
    net = SleepMGNet({"eeg": (1, 200)}, epoch_duration=20, dropout=0.0)
    return Net(net, lambda output: output.stage_logits)


pytestmark = pytest.mark.usefixtures("fast_paths_for_small_inputs")
CASES = {
    "Linear": (lambda: Linear(5, 4), (2, 3, 5)),
    "Linear, no bias": (lambda: Linear(5, 9, bias=False), (7, 5)),
    "FeedForward": (lambda: FeedForward(6, 10, 0.0), (4, 3, 6)),
    "FeatureNet": (feature_net, (130, 1, 200)),
    "MedFuseNet": (medfuse, (2, 3, 1, 4, 6)),
    "SleepMGNet": (sleepmg, (9, 1, 200)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    return Case(make().eval(), torch.randn(shape))


def both(case, compute):
    """Results of `compute(module, x)` by the reference and by the fast paths."""
    found = []
    for enabled in (False, True):
        with fast_cpu(enabled):
            found.append(compute(deepcopy(case.module), case.x.clone()))
    return found


def gradients(module, x):
    """Output, gradients and buffers after a step on a weighted sum of outputs."""
    x = x.requires_grad_()
    output = module(x)
    weights = torch.linspace(-1, 2, output.numel(), dtype=output.dtype)
    (output.flatten() * weights).sum().backward()
    grads = [p.grad for p in module.parameters()]
    return [t for t in (output.detach(), x.grad, *grads) if t is not None], [
        *module.buffers()
    ]


# ------------------------------------------------------------------------- on and off


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients(case, training, dtype):
    case = Case(case.module.to(dtype).train(training), case.x.to(dtype))
    (expected, statistics), (found, ours) = both(case, gradients)
    torch.testing.assert_close(ours, statistics)
    # gradients that cancel out are as far from zero as the largest ones round
    rounding = 1e-4 if dtype == torch.float32 else 1e-11
    atol = rounding * max(1, *(float(tensor.abs().max()) for tensor in expected))
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


def test_values_without_gradients(case):
    with torch.inference_mode():
        expected, found = both(case, lambda module, x: module(x))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_second_derivatives(case):
    def second(module, x):
        x = x.requires_grad_()
        (first,) = torch.autograd.grad(module(x).pow(3).sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    case = Case(case.module.double(), case.x[:9].double())
    expected, found = both(case, second)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("training", [False, True])
def test_autocast(case, training):
    """Both are as near to float32 as bfloat16 allows, in values and in gradients."""
    case = Case(case.module.train(training), case.x[:9])
    exact, _ = gradients(deepcopy(case.module), case.x.clone())

    def lower(module, x):
        with torch.autocast("cpu", torch.bfloat16):
            return gradients(module, x)

    for found, _ in both(case, lower):
        assert (found[0] - exact[0]).norm() < 0.05 * exact[0].norm()
        for ours, theirs in zip(found[1:], exact[1:], strict=True):
            assert ours.dtype == theirs.dtype
            assert ours.isfinite().all()


@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # of its own constants
def test_export(case):
    if isinstance(case.module, Net) and isinstance(case.module.net, SleepMGNet):
        pytest.skip("which rows are present decides what SleepMGNet computes")

    def exported(module, x):
        return torch.export.export(module, (x,)).module()(x)

    with torch.no_grad():
        expected = case.module(case.x)
        for found in both(case, exported):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_trace(case):
    def traced(module, x):
        return torch.jit.trace(module, x, check_trace=False)(x)

    with torch.no_grad():
        expected = case.module(case.x)
        for found in both(case, traced):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_transforms(case):
    """Gradients and forward-mode derivatives by torch.func."""

    def transformed(module, x):
        def total(x):
            return module(x).sum()

        tangent = torch.func.jvp(total, (x,), (torch.ones_like(x),))[1]
        return torch.func.grad(total)(x), tangent

    case = Case(case.module.double(), case.x[:9].double())
    expected, found = both(case, transformed)
    torch.testing.assert_close(found, expected)
    x = case.x.clone().requires_grad_()
    case.module(x).sum().backward()
    torch.testing.assert_close(found[0], x.grad)


class Tagged(Tensor):
    """A subclass that survives torch's own operations."""


def test_subclass_of_tensor(case):
    def tagged(module, x):
        return module(x.as_subclass(Tagged))

    with torch.no_grad():
        expected = case.module(case.x)
        for found in both(case, tagged):
            assert type(found) is Tagged
            plain = found.as_subclass(Tensor)
            torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("module", [Dropout(0.3), FeedForward(6, 50, 0.3)])
def test_dropout_has_the_same_mean_and_spread(module):
    """Random numbers differ, their distribution does not."""
    case = Case(module, torch.randn(1, 6).expand(20_000, 6))
    expected, found = both(case, lambda module, x: module(x).detach())
    spread = expected.std(0)
    torch.testing.assert_close(found.std(0), spread, rtol=0.03, atol=1e-3)
    error = (found.mean(0) - expected.mean(0)).abs()
    assert (error < 5 * spread * (2 / 20_000) ** 0.5).all()


# ------------------------------------------------------------------------- the switch


def test_default_is_on_and_the_setting_comes_back():
    x = torch.ones(2, 2)
    assert is_eager_cpu(x)
    with fast_cpu(False):
        assert not is_eager_cpu(x)
        with fast_cpu(True):
            assert is_eager_cpu(x)
        assert not is_eager_cpu(x)
        with pytest.raises(KeyError), fast_cpu(True):
            raise KeyError
        assert not is_eager_cpu(x)
    assert is_eager_cpu(x)


def test_other_threads_are_not_switched():
    """Unless they run in a copy of the context."""
    x = torch.ones(2, 2)
    with ThreadPoolExecutor(1) as pool, fast_cpu(False):
        assert pool.submit(is_eager_cpu, x).result()
        assert not pool.submit(copy_context().run, is_eager_cpu, x).result()


def test_devices_and_operands_without_a_fast_path():
    x = torch.ones(3, 3)
    assert not is_eager_cpu(x.to("meta"))
    assert not is_eager_cpu(x, x.as_subclass(Tagged))
    assert not can_use_onednn(x, x.to("meta"))


def test_switch_holds_in_threads_of_staging(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 2, 4))
    net = {"d_model": 8, "n_heads": 2, "n_layers": 1, "dim_feedforward": 8, "d_head": 8}
    stager = MedFuseSleepClassifier(**net, max_epochs=1, batch_size=4, n_threads=2)
    stager.fit(X, np.arange(60) % 5)

    def fail(*_):
        pytest.fail("a fast path was taken")

    monkeypatch.setattr(_linear, "_onednn_product", fail)
    with fast_cpu(False):
        stager.predict(X)


# ------------------------------------------------------- versions of torch without ...

PRIVATE = {
    "torch._C": ["_get_tracing_state", "_are_functorch_transforms_active"],
    "torch.ops.mkldnn": ["_linear_pointwise"],
}
WITHOUT = """
import torch
torch.ops.mkldnn._linear_pointwise, torch.ops.aten  # resolved by torch itself
holder, name = {holder}, {name!r}
value = getattr(holder, name)
if holder is torch.ops.mkldnn:
    torch.ops.mkldnn = object()
else:
    delattr(holder, name)
import sleepkit.nn._cpu._convolutions, sleepkit.nn
from sleepkit.nn._cpu import is_eager_cpu
from sleepkit.nn._cpu._linear import can_use_onednn
if holder is not torch.ops.mkldnn and {holder!r} == "torch._C":
    setattr(holder, name, value)  # torch's own modules use it at run time
x = torch.ones(2, 2)
from sleepkit.nn._cpu import _dropout, _linear
_linear._LEAST_WORK = _dropout._LEAST_VALUES = 1
assert not can_use_onednn(x, x)
assert is_eager_cpu(x) == ({holder!r} != "torch._C")
torch.manual_seed(0)
from sleepkit.nn import MedFuseNet, SleepMGNet
sizes = dict(d_model=8, n_heads=2, n_layers=1, dim_feedforward=12, d_head=10)
net = MedFuseNet(dict(eeg=(4,), eog=(2,)), **sizes)
output = net(dict(eeg=torch.randn(2, 3, 4), eog=torch.randn(2, 3, 2)))
output.logits["fused"].sum().backward()
net = SleepMGNet(dict(eeg=(1, 200), emg=(3,)), n_domains=2, epoch_duration=20)
output = net(dict(eeg=torch.randn(4, 1, 200), emg=torch.randn(4, 3)))
(output.stage_logits.sum() + output.domain_logits.sum()).backward()
with torch.inference_mode():
    net.eval()(dict(eeg=torch.randn(4, 1, 200)))
assert all(p.grad is not None for p in net.parameters())
print("done")
"""


@pytest.mark.parametrize(
    ("holder", "name"), [(h, name) for h, names in PRIVATE.items() for name in names]
)
def test_without_a_private_name_of_torch(holder, name):
    """Both nets run forward and backward, on torch's own operations."""
    code = WITHOUT.format(holder=holder, name=name)
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.stdout.endswith("done\n"), answer.stderr


def test_no_other_private_name_of_torch_is_used():
    """What this file does not delete, sleepkit does not use."""
    import re
    from pathlib import Path

    import sleepkit

    known = {name for names in PRIVATE.values() for name in names}
    pattern = re.compile(r"torch(?:\.[a-z]\w*)*\.(_\w+)|torch\._C, \"(_\w+)\"")
    for path in Path(sleepkit.__file__).parent.rglob("*.py"):
        found = {a or b for a, b in pattern.findall(path.read_text(encoding="utf-8"))}
        assert found <= known | {"_C"}, path
