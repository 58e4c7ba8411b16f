"""How MedFuseSleepClassifier is trained: schedules, validations, temperature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.nn import MedFuseLoss, MedFuseOutput, alignment_loss
from sleepkit.training import CosineSchedule, ModalityDropout, RestartSchedule


def weights(stager):
    return [p.detach().numpy() for p in stager.module_.state_dict().values()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class Rates(Callback):
    """Keeps the learning rate of each step, and how much is present in its batch."""

    seen, shares = [], []

    def on_train_begin(self, net, **kwargs):
        Rates.seen, Rates.shares = [], []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            Rates.seen.append(net.optimizer_.param_groups[0]["lr"])
            eeg, eog = batch[0]["present"].values()
            Rates.shares.append((eeg.sum() + eog.sum()) / (eeg | eog).sum() / 2)


class Peek(Callback):
    """Keeps the validation losses, and the weights after each round."""

    losses, states = [], []

    def on_train_begin(self, net, **kwargs):
        Peek.losses, Peek.states = [], []

    def on_epoch_end(self, net, **kwargs):
        Peek.losses.append(net.history[-1, "valid_loss"])
        state = net.module_.state_dict()
        Peek.states.append([p.clone().numpy() for p in state.values()])


# ------------------------------------------------------------------------- schedules


@pytest.mark.parametrize(
    ("schedule", "kinds"),
    [
        ("cosine", [CosineSchedule]),
        ("released", [RestartSchedule]),
        ("constant", []),
    ],
)
def test_schedules(medfuse, make_nights, schedule, kinds):
    stager = medfuse(schedule=schedule, lr=0.004, max_epochs=3, callbacks=[Rates])
    stager.fit(*make_nights(2))
    callbacks = [type(c) for _, c in stager.net_.callbacks_]
    known = (CosineSchedule, RestartSchedule)
    assert [kind for kind in callbacks if kind in known] == kinds
    if schedule != "cosine":  # the plateau is longer than this training
        assert set(Rates.seen) == {0.004}
    else:
        assert Rates.seen[-1] < 0.002 < max(Rates.seen) <= 0.004


# ----------------------------------------------------------------------- validations


def test_validation_every_few_steps(medfuse, make_nights):
    X, y = make_nights(4)
    stager = medfuse(max_epochs=5, validate_every=3, patience=99, callbacks=[Rates])
    stager.fit(X, y, groups=X.subject)
    n_steps = len(Rates.seen)
    history = stager.net_.history
    assert len(history) == math.ceil(n_steps / 3)
    counts = [row["train_batch_count"] for row in history]
    assert counts[:-1] == [3] * (len(history) - 1)
    assert sum(counts) == n_steps
    assert all("valid_loss" in row for row in history)


def test_rounds_of_a_pass_are_passes(medfuse, blobs):
    """The same batches in the same order, and the same schedule."""
    X, y = blobs
    subjects = np.arange(60) % 4
    passes = medfuse(max_epochs=3).fit(X, y, groups=subjects)
    n_batches = passes.net_.history[0, "train_batch_count"]
    rounds = medfuse(max_epochs=3, validate_every=n_batches)
    rounds.fit(X, y, groups=subjects)
    assert same(weights(passes), weights(rounds))


def test_patience_counts_validations(medfuse, make_nights):
    X, y = make_nights(4)
    noise = np.random.default_rng(0).permutation(y)
    stager = medfuse(max_epochs=60, validate_every=2, patience=4, callbacks=[Peek])
    stager.fit(X, noise)
    best = int(np.argmin(Peek.losses))
    assert len(Peek.losses) == best + 1 + 4
    assert same(weights(stager), Peek.states[best])
    assert not same(weights(stager), Peek.states[-1])


def test_rounds_without_validation(medfuse, blobs):
    stager = medfuse(max_epochs=2, validate_every=5).fit(*blobs)
    assert "valid_loss" not in stager.net_.history[-1]


# ---------------------------------------------------------- temperature in training


def make_loss(start=0.1):
    return MedFuseLoss(
        None,
        multi_view=0.0,
        alignment=1.0,
        temperature=start,
        negatives="sequence",
        learn_temperature=True,
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    embeddings = {m: torch.randn(2, 5, 4, generator=generator) for m in ("eeg", "eog")}
    logits = {m: torch.zeros(2, 5, 3) for m in ("eeg", "eog", "fused")}
    everywhere = torch.ones(2, 5, dtype=torch.bool)
    targets = {
        "stages": torch.zeros(2, 5, dtype=torch.long),
        "present": dict.fromkeys(embeddings, everywhere),
    }
    return MedFuseOutput(logits, embeddings), targets


def test_the_temperature_is_a_parameter(batch):
    """Its gradient is the difference quotient of the loss at fixed temperatures."""
    loss = make_loss(0.5)
    loss(*batch).backward()
    step = 1e-3
    a, b = (x.double() for x in batch[0].embeddings.values())
    up, down = (
        alignment_loss(a, b, temperature=0.5 * math.exp(-change))
        for change in (step, -step)
    )
    quotient = (up - down) / (2 * step)
    assert loss.log_scale.grad.item() == pytest.approx(quotient.item(), rel=1e-3)


def test_the_temperature_stays_above_a_hundredth(batch):
    loss = make_loss()
    with torch.no_grad():
        loss.log_scale.fill_(9.0)
    loss(*batch).backward()
    assert float(loss.temperature.detach()) == pytest.approx(0.01)
    assert loss.log_scale.grad != 0  # so that it can come back


def test_a_fixed_temperature_is_no_parameter():
    fixed = MedFuseLoss(
        None, multi_view=1.0, alignment=0.1, temperature=0.3, negatives="batch"
    )
    assert not list(fixed.parameters())
    assert fixed.temperature == 0.3


def test_a_trained_temperature(medfuse, make_nights):
    X, y = make_nights(2)
    fixed = medfuse(max_epochs=1, temperature=0.2).fit(X, y)
    assert fixed.temperature_ == 0.2
    stager = medfuse(max_epochs=4, alignment=1.0, temperature="learned").fit(X, y)
    first = stager.temperature_
    assert 0.01 <= first != pytest.approx(0.1, abs=1e-4)
    again = stager.set_params(lr=1e-9).partial_fit(X, y)
    assert again.temperature_ == pytest.approx(first, rel=1e-4)
    anew = stager.fit(X, y)
    assert anew.temperature_ == pytest.approx(0.1, rel=1e-4)


def test_nothing_to_learn_a_temperature_from(medfuse, make_nights):
    X, y = make_nights(2)
    stager = medfuse(max_epochs=1, alignment=0, temperature="learned").fit(X, y)
    assert stager.temperature_ == pytest.approx(0.1)


# ----------------------------------------------------------------- modality dropout


def test_modality_dropout(medfuse, make_nights):
    X, y = make_nights(3)
    watch = {"callbacks": [Rates], "max_epochs": 6}
    plain = medfuse(**watch).fit(X, y)
    assert np.mean(Rates.shares) == 1
    stager = medfuse(modality_dropout=0.5, **watch).fit(X, y)
    assert np.mean(Rates.shares) == pytest.approx(1 - 0.375, abs=0.1)
    assert not same(weights(plain), weights(stager))
    again = medfuse(modality_dropout=0.5, **watch).fit(X, y)
    assert same(weights(again), weights(stager))


def test_modality_dropout_as_a_callback(medfuse, make_nights):
    callbacks = [ModalityDropout(0.5, rise=4, per="epoch"), Rates]
    medfuse(max_epochs=4, callbacks=callbacks).fit(*make_nights(3))
    assert Rates.shares[0] == 1
    assert np.mean(Rates.shares[4:]) == pytest.approx(1 - 0.375, abs=0.1)


def test_modality_dropout_of_either_method(make, make_nights):
    """Every net leaves alone what is not present."""
    X, y = make_nights(3)
    plain = make(max_epochs=2).fit(X, y)
    dropped = make(max_epochs=2, callbacks=[ModalityDropout(0.5), Rates]).fit(X, y)
    assert np.mean(Rates.shares) == pytest.approx(1 - 0.375, abs=0.1)
    assert not same(weights(plain), weights(dropped))


def test_dropout_teaches_the_fused_head_to_do_with_one(medfuse, make_nights):
    """The base model does worse with EOG alone unless it was trained without EEG."""
    X, y = make_nights(4)
    base = {"fusion": "early", "multi_view": 0, "alignment": 0, "max_epochs": 15}
    scores = [
        medfuse(modality_dropout=p, validation_fraction=0, **base)
        .fit(X, y)
        .score(X.select(["eog"]), y)
        for p in (0.0, 0.5)
    ]
    assert scores[1] > scores[0] + 0.1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"fusion": "late"}, "'fusion'.*'coordinated', 'early', 'mid-late'"),
        ({"missing": "skip"}, "'missing'.*'auto', 'unimodal_head', 'fused_head'"),
        ({"schedule": "cyclic"}, "'schedule'.*'cosine', 'released', 'constant'"),
        ({"temperature": 0}, "'temperature'.*> 0"),
        ({"temperature": "fixed"}, "'temperature'"),
        ({"modality_dropout": 1}, "'modality_dropout'.*>= 0 and < 1"),
        ({"validate_every": 0}, "'validate_every'.*>= 1"),
    ],
)
def test_bad_parameters(medfuse, blobs, params, words):
    with pytest.raises(ValueError, match=words):
        medfuse(**params).fit(*blobs)
