"""Fits that were interrupted go on bit by bit as if they had not been."""

import warnings
from enum import IntEnum
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from skorch.callbacks import Callback, LRScheduler
from torch import nn

from sleepkit.classifiers import (
    DeepSleepNetClassifier,
    MedFuseSleepClassifier,
    ModuleClassifier,
    SleepMGClassifier,
)
from sleepkit.exceptions import SleepkitError
from sleepkit.recording import EpochArray
from sleepkit.training import Checkpoint, OnTheFlyModulation, ReversalSchedule

keep = partial(Checkpoint, max_share=1)  # keeps passes that take no time


class PowerFailure(Exception):
    """What ends a fit at some pass."""


class Failing(Callback):
    """Ends a fit at the beginning of a pass: passes of all its stages count."""

    passes_left = None

    def on_epoch_begin(self, net, **kwargs):
        if Failing.passes_left is not None:
            if not Failing.passes_left:
                raise PowerFailure
            Failing.passes_left -= 1


@pytest.fixture
def interrupted(monkeypatch):
    """``interrupted(fit, n_passes)``: a fit that ends after so many passes."""

    def run(fit, n_passes):
        monkeypatch.setattr(Failing, "passes_left", n_passes)
        with pytest.raises(PowerFailure):
            fit()
        monkeypatch.setattr(Failing, "passes_left", None)

    return run


@pytest.fixture
def nights():
    """Six nights of two short signals, each of another subject, and their stages."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 72)
    X = rng.normal(size=(72, 1, 600)) * (1 + y[:, None, None])
    signals = {"eeg": X.astype("f4"), "eog": X[::-1].astype("f4")}
    night = np.repeat(list("abcdef"), 12)
    return EpochArray.from_arrays(signals, recording=night, subject=night, sfreq=20), y


@pytest.fixture
def features(nights):
    """The same nights as four features of each modality."""
    X, y = nights
    found = {n: X.epochs(n)[:, 0, ::150] for n in X.modalities}
    return EpochArray.from_arrays(found, recording=X.recording, subject=X.subject), y


SHARED = {"random_state": 0, "device": "cpu", "n_threads": 1}


def medfuse(**params):
    """Early stopping after few passes, schedules, and a temperature that is trained."""
    small = {
        "sequence_length": 4,
        "d_model": 8,
        "n_heads": 2,
        "n_layers": 1,
        "dim_feedforward": 16,
        "d_head": 8,
        "batch_size": 8,
        "max_epochs": 4,
        "patience": 3,
        "validation_fraction": 0.3,
        "lr": 0.01,
        "temperature": "learned",
        "modality_dropout": 0.3,
    }
    return MedFuseSleepClassifier(**SHARED | small | params)


def sleepmg(**params):
    """Balanced modalities, and domains whose gradient rises."""
    small = {
        "batch_size": 24,
        "n_domains": 2,
        "max_epochs": 4,
        "validation_fraction": 0.3,
    }
    return SleepMGClassifier(**SHARED | small | params)


def deepsleepnet(**params):
    """Two stages: pretraining on balanced epochs, then nights in order."""
    small = {
        "n_filters": (2, 4),
        "hidden_size": 4,
        "n_layers": 1,
        "pretrain_epochs": 2,
        "pretrain_batch_size": 16,
        "batch_size": 2,
        "max_epochs": 3,
        "validation_fraction": 0.3,
    }
    return DeepSleepNetClassifier(**SHARED | small | params)


class Net(nn.Module):
    """Two layers; its dropout is no module, only a number."""

    def __init__(self, n_classes, dropout=0.1):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, n_classes)
        self._dropout = dropout

    def forward(self, x):
        kept = nn.functional.dropout(self.first(x["eeg"]), self._dropout, self.training)
        return self.second(kept.relu())


def tiny(**params):
    """A net that takes no time, with early stopping."""
    small = {"max_epochs": 6, "validation_fraction": 0.3, "batch_size": 24, "lr": 0.05}
    return ModuleClassifier(Net, **SHARED | small | params)


def weights(stager):
    return {n: w.numpy().copy() for n, w in stager.module_.state_dict().items()}


def assert_same(stager, expected, X):
    found, wanted = weights(stager), weights(expected)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert np.array_equal(stager.predict_proba(X), expected.predict_proba(X))
    history = stager.net_.history
    assert len(history) == len(expected.net_.history)
    for name in set(history[-1]) - {"dur", "batches"}:
        assert history[:, name] == expected.net_.history[:, name]
    assert [len(row["batches"]) for row in history] == [
        len(row["batches"]) for row in expected.net_.history
    ]


@pytest.mark.parametrize("n_passes", [0, 1, 3])
@pytest.mark.parametrize(
    ("make", "data", "callbacks"),
    [
        (medfuse, "features", ()),
        (tiny, "features", (LRScheduler("StepLR", step_size=1),)),
        (sleepmg, "nights", (ReversalSchedule(), OnTheFlyModulation())),
        (deepsleepnet, "nights", ()),
    ],
    ids=["medfuse", "scheduler", "sleepmg", "deepsleepnet"],
)
def test_goes_on_bit_by_bit(
    make, data, callbacks, n_passes, request, interrupted, tmp_path
):
    X, y = request.getfixturevalue(data)
    callbacks = [*callbacks, Failing()]
    undisturbed = make(callbacks=callbacks).fit(X, y)
    stager = make(callbacks=[keep(tmp_path), *callbacks])
    interrupted(lambda: stager.fit(X, y), n_passes)
    assert not hasattr(stager, "net_")
    assert_same(stager.fit(X, y), undisturbed, X)


@pytest.mark.parametrize("n_rounds", [1, 4])
def test_goes_on_within_a_pass(features, interrupted, tmp_path, n_rounds):
    X, y = features
    rounds = {"validate_every": 1, "max_epochs": 2, "batch_size": 4, "patience": 99}
    undisturbed = medfuse(callbacks=[Failing()], **rounds).fit(X, y)
    assert len(undisturbed.net_.history) > n_rounds
    stager = medfuse(callbacks=[Failing(), keep(tmp_path)], **rounds)
    interrupted(lambda: stager.fit(X, y), n_rounds)
    assert_same(stager.fit(X, y), undisturbed, X)


def test_interrupted_again_and_again(nights, interrupted, tmp_path):
    X, y = nights
    undisturbed = deepsleepnet(callbacks=[Failing()]).fit(X, y)
    for _ in range(4):
        stager = deepsleepnet(callbacks=[Failing(), keep(tmp_path)])
        interrupted(lambda stager=stager: stager.fit(X, y), 1)
    assert_same(stager.fit(X, y), undisturbed, X)


def test_a_fit_that_stopped_early_is_not_trained_further(features, tmp_path):
    X, y = features
    options = {"lr": 1.0, "patience": 1, "max_epochs": 30}
    stager = tiny(callbacks=[Failing(), keep(tmp_path)], **options).fit(X, y)
    n_passes = len(stager.net_.history)
    assert 1 < n_passes < 30
    again = tiny(callbacks=[Failing(), keep(tmp_path)], **options)
    Failing.passes_left = 0  # no pass may begin
    try:
        again.fit(X, y)
    finally:
        Failing.passes_left = None
    assert_same(again, stager, X)


def test_warm_start_goes_on_too(features, interrupted, tmp_path):
    X, y = features
    first = tiny(callbacks=[Failing()], warm_start=True).fit(X, y)
    start = weights(first)
    undisturbed = weights(first.fit(X, y))
    stager = tiny(callbacks=[Failing()], warm_start=True).fit(X, y)
    stager.set_params(callbacks=[Failing(), keep(tmp_path)])
    interrupted(lambda: stager.fit(X, y), 1)
    assert all(np.array_equal(weights(stager)[name], start[name]) for name in start)
    found = weights(stager.fit(X, y))
    assert all(np.array_equal(found[n], undisturbed[n]) for n in undisturbed)


@pytest.mark.parametrize(
    "change",
    [
        {"random_state": 1},
        {"lr": 0.04},
        {"module__dropout": 0.2},
        {"max_epochs": 5},
        {"weight_decay": 0.1},
        {"validation_fraction": 0.5},
        {"batch_size": 5},
        {"class_weight": "balanced"},
        {"precision": "bfloat16"},
        {"callbacks": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_fit_has_another_file(features, interrupted, tmp_path, change):
    X, y = features
    kept = [keep(tmp_path)]
    stager = tiny(callbacks=[*kept, Failing()])
    interrupted(lambda: stager.fit(X, y), 1)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    callbacks = change.get("callbacks", [Failing()])
    undisturbed = tiny(**change | {"callbacks": callbacks}).fit(X, y)
    found = tiny(**change | {"callbacks": kept + callbacks}).fit(X, y)
    assert_same(found, undisturbed, X)
    assert file.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


def test_other_nights_have_another_file(features, interrupted, tmp_path):
    X, y = features
    stager = tiny(callbacks=[Failing(), keep(tmp_path)])
    for rows, stages in [(slice(60), y), (slice(None), y[::-1]), (slice(None), y)]:
        interrupted(lambda rows=rows, y=stages: stager.fit(X[rows], y[rows]), 1)
    night = X.recordings[0]
    louder = {n: s.replace(data=s.data + 1) for n, s in night.signals.items()}
    X = X.with_recordings([night.with_signals(louder), *X.recordings[1:]])
    interrupted(lambda: stager.fit(X, y), 1)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_only_shown_makes_no_other_fit(features, interrupted, tmp_path):
    X, y = features
    undisturbed = tiny(callbacks=[Failing()]).fit(X, y)
    shown = tiny(callbacks=[Failing(), keep(tmp_path)], verbose=True)
    interrupted(lambda: shown.fit(X, y), 2)
    silent = tiny(callbacks=[Failing(), keep(tmp_path)], max_ram=1e6)
    assert_same(silent.fit(X, y), undisturbed, X)
    assert len(list(tmp_path.iterdir())) == 1


def test_other_versions_are_refused(features, interrupted, tmp_path, monkeypatch):
    X, y = features
    stager = tiny(callbacks=[Failing(), keep(tmp_path)])
    interrupted(lambda: stager.fit(X, y), 1)
    before = {"numpy": "1.0", "sleepkit code": "other"}
    monkeypatch.setattr("sleepkit.training._identity.versions", lambda *_: before)
    words = r"\.checkpoint keeps an interrupted .* here .* numpy 1.0, .*remove the file"
    with pytest.raises(SleepkitError, match=words):
        stager.fit(X, y)
    monkeypatch.undo()
    stager.fit(X, y)
    monkeypatch.setattr("sleepkit.training._identity.versions", lambda *_: before)
    stager.fit(X, y)  # nothing was interrupted: trained anew


def test_a_damaged_file_is_refused(features, interrupted, tmp_path):
    X, y = features
    stager = tiny(callbacks=[Failing(), keep(tmp_path)])
    interrupted(lambda: stager.fit(X, y), 1)
    (file,) = tmp_path.iterdir()
    whole = bytearray(file.read_bytes())
    for content in (b"", whole[:-1], whole[:999] + b"\x00\x01" + whole[1001:]):
        file.write_bytes(content)
        with pytest.raises(SleepkitError, match="is damaged; remove it"):
            stager.fit(X, y)


def test_writing_takes_a_small_share_of_the_time(features, tmp_path, monkeypatch):
    now, kept = [0.0], []

    def write(*_):
        now[0] += 1.0
        kept.append(Clock.n_passes)

    class Clock(Callback):
        def on_epoch_end(self, net, **kwargs):
            now[0] += 4.0
            Clock.n_passes = len(net.history)

    monkeypatch.setattr("sleepkit.training._checkpoint.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sleepkit.training._checkpoint.write_atomically", write)
    seldom = Checkpoint(tmp_path, max_share=0.1)
    tiny(max_epochs=9, validation_fraction=0, callbacks=[Clock(), seldom]).fit(
        *features
    )
    assert kept == [1, 4, 7, 9]


def test_a_share_of_nothing_is_refused(features, tmp_path):
    with pytest.raises(ValueError, match="'max_share' parameter of Checkpoint must be"):
        tiny(callbacks=[Checkpoint(tmp_path, max_share=0)]).fit(*features)


def test_a_seed_is_needed(features, tmp_path):
    stager = tiny(callbacks=[keep(tmp_path)], random_state=None)
    with pytest.raises(ValueError, match=r"'random_state' .* must be a seed with a Ch"):
        stager.fit(*features)


class Counting(Callback):
    """Has states of several kinds."""

    def __init__(self, rng=None):
        self.rng = rng

    def on_train_begin(self, net, **kwargs):
        self.draws_, self.seen_, self.ends_ = [], {"n": np.zeros(2)}, set()
        self.others_ = (np.array(["a"]), np.array([True]), np.float16(1), None, "b")

    def on_epoch_end(self, net, **kwargs):
        self.draws_.append(float(self.rng.random()))
        self.seen_["n"] += 1
        self.ends_.add(len(net.history))
        net.history.record("draw", self.draws_[-1] + self.seen_["n"].sum())
        net.history.record("ends", np.float32(len(self.ends_)))


def test_callbacks_of_the_user(features, interrupted, tmp_path):
    X, y = features

    def make(*kept):
        counting = Counting(np.random.default_rng(0))
        return tiny(callbacks=[*kept, counting, Failing()])

    undisturbed = make().fit(X, y)
    interrupted(lambda: make(keep(tmp_path)).fit(X, y), 2)
    assert_same(make(keep(tmp_path)).fit(X, y), undisturbed, X)


class Unknown(Callback):
    def __init__(self, value):
        self.value = value

    def on_train_begin(self, net, **kwargs):
        self.value_ = self.value


class Mode(IntEnum):
    FAST = 1


@pytest.mark.parametrize(
    "value", [Path(), Mode.FAST, {"a": [Mode.FAST]}, np.datetime64("2001-02-03"), 1j]
)
def test_a_state_that_cannot_be_kept_is_refused(features, tmp_path, value):
    stager = tiny(callbacks=[Unknown(value), keep(tmp_path)])
    words = f"cannot keep 'value_' of Unknown, a {type(value).__name__}: it keeps"
    with pytest.raises(SleepkitError, match=words):
        stager.fit(*features)


def test_an_interrupt_while_a_file_is_written_is_the_users(
    features, tmp_path, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sleepkit.training._checkpoint.write_atomically", interrupt)
    stager = tiny(callbacks=[keep(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        stager.fit(*features)
    assert not hasattr(stager, "net_")


def test_nothing_but_values_is_read(features, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny(callbacks=[keep(str(tmp_path / "new" / "folder"))]).fit(*features)
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert b"sleepkit.training" not in file.read_bytes()
