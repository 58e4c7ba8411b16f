"""ModalityBalance scales the columns of the heads, and nothing else."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from torch import nn

from sleepkit.metrics import (
    balance_coefficients,
    imbalance_degree,
    modality_performance,
    performance_shares,
)
from sleepkit.nn import SleepMGNet
from sleepkit.training import ModalityBalance
from sleepkit.training._modality_balance import adam_factor

SHAPES = {"eeg": (6,), "eog": (3,), "emg": (2,)}
TWO = {"eeg": (6,), "eog": (3,)}


def losses(batch):
    """Losses of stages and domains of the rows that have labels."""
    pairs = [
        (batch.output.stage_logits, batch.targets["stages"]),
        (batch.output.domain_logits, batch.targets["domains"]),
    ]
    return [
        nn.functional.cross_entropy(logits, labels, ignore_index=-1)
        for logits, labels in pairs
        if logits is not None and (labels >= 0).any()
    ]


class TwoHeads(NeuralNet):
    """The least that a skorch net needs for `ModalityBalance`."""

    def infer(self, x, **fit_params):
        return self.module_(x)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        targets = {"stages": y_true[:, 0], "domains": y_true[:, 1]}
        self.last_batch_ = SimpleNamespace(output=y_pred, targets=targets)
        return sum(losses(self.last_batch_))


def problem(shapes=SHAPES, n=40, seed=0):
    rng = np.random.default_rng(seed)
    y = np.stack([np.arange(n) % 5, np.arange(n) % 3], axis=1)
    X = {
        name: (rng.normal(size=(n, *shape)) + place * y[:, :1]).astype(np.float32)
        for place, (name, shape) in enumerate(shapes.items())
    }
    return X, y


def trained(*callbacks, shapes=SHAPES, max_epochs=2, kind=TwoHeads, **options):
    torch.manual_seed(0)
    net = kind(
        SleepMGNet,
        module__modalities=shapes,
        module__n_domains=3,
        criterion=nn.CrossEntropyLoss,
        callbacks=list(callbacks),
        max_epochs=max_epochs,
        batch_size=20,
        lr=0.1,
        train_split=None,
        verbose=0,
    )
    return net.set_params(**options).fit(*problem(shapes))


def one_step(balance=None, *, n_domains=3, domains=None, epoch=0):
    """A fake net right after backward, with or without the callback called."""
    torch.manual_seed(0)
    module = SleepMGNet(SHAPES, n_domains=n_domains)
    X, y = problem(n=12)
    y = torch.as_tensor(y)
    batch = SimpleNamespace(
        output=module({name: torch.as_tensor(x) for name, x in X.items()}),
        targets={
            "stages": y[:, 0],
            "domains": y[:, 1] if domains is None else domains,
        },
    )
    history = History()
    for _ in range(epoch + 1):
        history.new_epoch()
    history.new_batch()
    net = SimpleNamespace(
        module_=module,
        last_batch_=batch,
        history=history,
        optimizer_=torch.optim.SGD(module.parameters()),
    )
    sum(losses(batch)).backward()
    if balance is not None:
        balance.on_train_begin(net)
        balance.on_epoch_begin(net)
        balance.on_grad_computed(net, module.named_parameters(), training=True)
        balance.on_epoch_end(net)
    return net


def gradients(net):
    return {name: p.grad for name, p in net.module_.named_parameters()}


def expected_shares(net, head, labels):
    """Equations 4 and 5, written out with zeros in place of the other modalities."""
    features = net.last_batch_.output.features.detach()
    logits = []
    for columns in net.module_.slices.values():
        padded = torch.zeros_like(features)
        padded[:, columns] = features[:, columns]
        logits.append(head(padded).detach().numpy())
    return performance_shares(modality_performance(np.stack(logits), labels))


def test_columns_are_scaled_and_nothing_else():
    plain, balanced = one_step(), one_step(ModalityBalance())
    before, after = gradients(plain), gradients(balanced)
    heads = {"stage_head.weight": "stages", "domain_head.weight": "domains"}
    for name, grad in before.items():
        if name not in heads:
            torch.testing.assert_close(after[name], grad, rtol=0, atol=0, msg=name)
            continue
        head = getattr(plain.module_, name.partition(".")[0])
        labels = plain.last_batch_.targets[heads[name]]
        rho = balance_coefficients(expected_shares(plain, head, labels))
        assert rho.max() > 1.5 * rho.min()
        for columns, coefficient in zip(
            plain.module_.slices.values(), rho, strict=True
        ):
            torch.testing.assert_close(
                after[name][:, columns], grad[:, columns] * coefficient
            )


def test_history_holds_the_measures():
    net = one_step(ModalityBalance(metric="signed"))
    row = net.history[-1]
    for name, labels in [("classifier", "stages"), ("discriminator", "domains")]:
        head = net.module_.stage_head if labels == "stages" else net.module_.domain_head
        shares = expected_shares(net, head, net.last_batch_.targets[labels])
        rho = balance_coefficients(shares, metric="signed")
        assert row[f"{name}_imbalance"] == pytest.approx(imbalance_degree(shares))
        score = {m: row[f"{name}_score_{m}"] for m in SHAPES}
        np.testing.assert_allclose(performance_shares([*score.values()]), shares)
        for place, modality in enumerate(SHAPES):
            assert row[f"{name}_share_{modality}"] == pytest.approx(shares[place])
            found = row[f"{name}_rho_{modality}"]
            assert found == pytest.approx(rho[place], rel=1e-4)  # float32 shares


def test_history_holds_means_over_the_batches_of_an_epoch():
    net, balance = one_step(), ModalityBalance()
    balance.on_train_begin(net)
    whole = net.last_batch_
    part = SimpleNamespace(
        output=whole.output._replace(features=whole.output.features[:3]),
        targets={name: labels[:3] for name, labels in whole.targets.items()},
    )

    def share_after(*batches):
        net.history.new_epoch()
        balance.on_epoch_begin(net)
        for net.last_batch_ in batches:
            net.history.new_batch()
            balance.on_grad_computed(net, net.module_.named_parameters())
        balance.on_epoch_end(net)
        return net.history[-1]["classifier_share_eeg"]

    both, one, other = share_after(whole, part), share_after(whole), share_after(part)
    assert one != other
    assert both == pytest.approx((one + other) / 2)
    steps = net.history[-3, "batches", :, "classifier_share_eeg"]
    assert steps == [one, other]


@pytest.mark.parametrize("metric", ["squared", "signed"])
@pytest.mark.parametrize("score", ["true_prob", "correct_prob"])
def test_options_reach_the_equations(metric, score):
    usual = one_step(ModalityBalance()).history[-1]
    net = one_step(ModalityBalance(metric=metric, score=score))
    same = net.history[-1] == usual
    assert same == ((metric, score) == ("squared", "true_prob"))


@pytest.mark.parametrize(
    ("head", "scaled"),
    [("classifier", "stage_head.weight"), ("discriminator", "domain_head.weight")],
)
def test_one_head_only(head, scaled):
    before, after = gradients(one_step()), gradients(one_step(ModalityBalance([head])))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {scaled}


def rho_of(net, labels):
    attribute = "stage_head" if labels == "stages" else "domain_head"
    head = getattr(net.module_, attribute)
    shares = expected_shares(net, head, net.last_batch_.targets[labels])
    return dict(zip(SHAPES, balance_coefficients(shares), strict=True))


def test_extractors_go_by_the_classifier():
    plain, net = one_step(), one_step(ModalityBalance(["extractor"]))
    rho, before = rho_of(plain, "stages"), gradients(plain)
    for name, grad in gradients(net).items():
        modality = name.split(".")[1]
        factor = rho[modality] if name.startswith("extractors") else 1.0
        torch.testing.assert_close(grad, before[name] * factor, msg=name)


def test_no_targets_only_measure():
    before, net = gradients(one_step()), one_step(ModalityBalance(()))
    for name, grad in gradients(net).items():
        torch.testing.assert_close(grad, before[name], rtol=0, atol=0)
    row = net.history[-1]
    assert {"classifier_imbalance", "discriminator_rho_emg"} <= row.keys()


@pytest.mark.parametrize(
    ("options", "targets", "words"),
    [
        ({"fusion": "attention"}, [], "without any `slices`.*needs fusion='concat'"),
        ({"modality_specific": False}, ["extractor"], "take modality_specific=True"),
    ],
)
def test_features_that_belong_to_no_modality_raise(options, targets, words):
    module = SleepMGNet({"eeg": (1, 200), "emg": (1, 200)}, **options)
    with pytest.raises(ValueError, match=words):
        ModalityBalance(targets).on_train_begin(SimpleNamespace(module_=module))


@pytest.mark.parametrize(
    ("epoch", "balanced"), [(0, False), (1, True), (2, True), (3, False)]
)
def test_epochs_that_are_balanced(epoch, balanced):
    net = one_step(ModalityBalance(start=1, stop=3), epoch=epoch)
    before, after = gradients(one_step()), gradients(net)
    name = "stage_head.weight"
    assert torch.equal(before[name], after[name]) is not balanced
    assert "classifier_imbalance" in net.history[-1]


@pytest.mark.parametrize(
    "options", [{"n_domains": 0}, {"domains": torch.full((12,), -1)}]
)
def test_no_domains_to_balance(options):
    net = one_step(ModalityBalance(), **options)
    assert "classifier_imbalance" in net.history[-1]
    assert not any(key.startswith("discriminator") for key in net.history[-1])


def test_unlabelled_rows_are_left_out():
    domains = torch.arange(12) % 3
    domains[4:] = -1
    net = one_step(ModalityBalance(), domains=domains)
    module, batch = net.module_, net.last_batch_
    batch.output = batch.output._replace(features=batch.output.features[:4])
    shares = expected_shares(net, module.domain_head, domains[:4])
    assert net.history[-1]["discriminator_share_eeg"] == pytest.approx(shares[0])


@pytest.mark.parametrize("mode", ["gradient", "update"])
def test_in_a_skorch_net(mode):
    net = trained(ModalityBalance(mode=mode))
    plain = trained(ModalityBalance(mode=mode, stop=0))
    assert not torch.equal(
        net.module_.stage_head.weight, plain.module_.stage_head.weight
    )
    shares = [net.history[:, f"classifier_share_{name}"] for name in SHAPES]
    np.testing.assert_allclose(np.sum(shares, axis=0), [1, 1])
    json.dumps(net.history.to_list())


def test_stop_0_only_measures():
    watched, bare = trained(ModalityBalance(stop=0)), trained()
    for a, b in zip(
        watched.module_.parameters(), bare.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert "classifier_rho_eeg" in watched.history[-1]


@pytest.mark.parametrize(
    "targets", [["classifier"], ["extractor", "classifier", "discriminator"]]
)
def test_both_modes_are_one_under_plain_descent(targets):
    modes = ("gradient", "update")
    nets = [trained(ModalityBalance(targets, mode=mode)) for mode in modes]
    for a, b in zip(*(net.module_.parameters() for net in nets), strict=True):
        torch.testing.assert_close(a, b)


class ConstantScale(Callback):
    """Scale the gradients of the stage head by a constant."""

    def __init__(self, scale):
        self.scale = scale

    def on_grad_computed(self, net, named_parameters, **kwargs):
        net.module_.stage_head.weight.grad *= self.scale


class Start(Callback):
    """Remember where the weights of the stage head start."""

    def on_train_begin(self, net, **kwargs):
        self.weight_ = net.module_.stage_head.weight.detach().clone()


def moved_by_adam(callback, *, shapes=TWO, max_epochs=10, **options):
    """How far Adam, set as in the paper, moves the weights of the stage head."""
    start = Start()
    options |= {"optimizer": torch.optim.Adam, "optimizer__betas": (0.5, 0.999)}
    options |= {"shapes": shapes, "max_epochs": max_epochs, "lr": 1e-3}
    net = trained(start, callback, **options)
    return net.module_.stage_head.weight.detach() - start.weight_, net


@pytest.mark.parametrize("scale", [ModalityBalance(), ConstantScale(0.1)])
def test_adam_does_not_feel_a_constant_coefficient(scale):
    """With two modalities every coefficient is .4621: balanced is not balanced."""
    plain, _ = moved_by_adam(ModalityBalance(stop=0))
    moved, _ = moved_by_adam(scale)
    assert 0 < (moved - plain).norm() / plain.norm() < 1e-2


def test_adam_feels_a_constant_coefficient_of_the_update():
    plain, _ = moved_by_adam(ModalityBalance(stop=0))
    moved, _ = moved_by_adam(ModalityBalance(mode="update"))
    assert moved.norm() < 0.6 * plain.norm()


@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_factor_is_the_step_of_adam_itself(beta):
    rho = np.random.default_rng(0).uniform(0.05, 0.6, size=(40, 3))
    rho[20:, 0] = rho[19, 0]
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=1.0, betas=(0.0, beta), eps=1e-12)
    state = (0.0, 0)
    for coefficients in rho:
        before = weight.detach().clone()
        weight.grad = torch.from_numpy(coefficients)
        adam.step()
        made = (before - weight.detach()).numpy()
        factor, state = adam_factor(coefficients, state, beta)
        np.testing.assert_allclose(factor, made, rtol=1e-6)


def test_adam_makes_no_step_without_a_gradient():
    factor, _ = adam_factor(np.array([0.0, 0.5]), (0.0, 0), 0.999)
    np.testing.assert_array_equal(factor, [0, 1])


@pytest.mark.parametrize("mode", ["gradient", "update"])
def test_history_holds_what_adam_leaves_of_a_coefficient(mode):
    """Two modalities have a constant coefficient, .4621, which Adam takes out."""
    balance = ModalityBalance(["classifier"], mode=mode, start=5)
    _, net = moved_by_adam(balance)
    steps = np.array(net.history[:, "classifier_step_eeg"])
    np.testing.assert_allclose(steps[:5], 1)
    assert "discriminator_step_eeg" not in net.history[-1]
    if mode == "update":
        np.testing.assert_allclose(steps[5:], np.tanh(0.5))
    else:  # ten steps at 1, and up to ten at .4621, two an epoch, hardly forgotten
        rho = np.array([1.0] * 10 + [np.tanh(0.5)] * 10)
        means = [
            np.average(rho[: t + 1] ** 2, weights=0.999 ** np.arange(t, -1, -1))
            for t in range(20)
        ]
        expected = (rho / np.sqrt(means)).reshape(10, 2).mean(axis=1)
        np.testing.assert_allclose(steps, expected)


def test_the_update_is_scaled_by_the_coefficients():
    one = {"shapes": SHAPES, "max_epochs": 1, "batch_size": 40}
    plain, _ = moved_by_adam(ModalityBalance(stop=0), **one)
    moved, net = moved_by_adam(ModalityBalance(mode="update"), **one)
    for name, columns in net.module_.slices.items():
        rho = net.history[-1, f"classifier_rho_{name}"]
        torch.testing.assert_close(
            moved[:, columns], rho * plain[:, columns], rtol=1e-3, atol=1e-7
        )


class Clip(Callback):
    """Clip as users do, and remember by how much it could have been exceeded."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        parameters = [p for _, p in named_parameters]
        nn.utils.clip_grad_norm_(parameters, 0.01)
        total = torch.stack([p.grad.square().sum() for p in parameters]).sum().sqrt()
        net.history.record_batch("norm", total.item())
        weight = net.module_.stage_head.weight.grad
        blocks = [weight[:, at].norm().item() for at in net.module_.slices.values()]
        net.history.record_batch("blocks", blocks)


def test_clipping_sees_what_was_balanced():
    one = {"max_epochs": 1, "batch_size": 40}
    clipped = trained(ModalityBalance(["classifier"]), Clip(), **one)
    bare = trained(ModalityBalance(()), Clip(), **one)
    for net in (clipped, bare):
        assert net.history[-1, "batches", 0, "norm"] == pytest.approx(0.01, rel=1e-4)
    ours = np.array(clipped.history[-1, "batches", 0, "blocks"])
    theirs = np.array(bare.history[-1, "batches", 0, "blocks"])
    rho = [clipped.history[-1, f"classifier_rho_{name}"] for name in SHAPES]
    ratio = ours / theirs
    np.testing.assert_allclose(ratio / ratio[0], np.array(rho) / rho[0], rtol=1e-4)


class Mixed(TwoHeads):
    """Lower precision forwards, and a loss that is scaled up against underflow."""

    def infer(self, x, **fit_params):
        with torch.autocast("cpu", torch.bfloat16):
            return super().infer(x)

    def initialize_optimizer(self, *args, **kwargs):
        self.scaler_ = torch.amp.GradScaler("cpu", init_scale=1024.0)
        return super().initialize_optimizer(*args, **kwargs)

    def train_step_single(self, batch, **fit_params):
        self._set_training(True)
        X, y = batch
        output = self.infer(X)
        loss = self.get_loss(output, y)
        self.scaler_.scale(loss).backward()
        return {"loss": loss, "y_pred": output}

    def _step_optimizer(self, step_fn):
        step_fn()
        self.scaler_.step(self.optimizer_)
        self.scaler_.update()


@pytest.mark.parametrize("mode", ["gradient", "update"])
@pytest.mark.parametrize("targets", [("classifier", "discriminator"), ("extractor",)])
def test_mixed_precision(mode, targets):
    nets = [
        trained(ModalityBalance(targets, mode=mode), kind=kind, max_epochs=3)
        for kind in (Mixed, TwoHeads)
    ]
    start = dict(trained(max_epochs=0).module_.named_parameters())
    for (name, a), b in zip(
        nets[0].module_.named_parameters(), nets[1].module_.parameters(), strict=True
    ):
        apart, moved = (a - b).norm(), (b - start[name]).norm()
        assert apart < 0.1 * moved, name  # bfloat16 has eight bits


def test_parameters_are_kept_for_clone():
    balance = ModalityBalance(["classifier"], start=2, mode="update")
    assert clone(balance).get_params() == balance.get_params()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ["stager"]}, "'targets' parameter of ModalityBalance"),
        ({"mode": "step"}, "'mode' parameter of ModalityBalance"),
        ({"metric": "cubed"}, "'metric' parameter"),
        ({"score": "luck"}, "'score' parameter"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        one_step(ModalityBalance(**options))
