"""Training of every stager: seeds, subjects, best weights, callbacks, failures."""

import pickle

import numpy as np
import pytest
import sklearn
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
)

from sleepkit.exceptions import SleepkitError


def weights(stager):
    return [p.detach().numpy() for p in stager.module_.state_dict().values()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class Peek(Callback):
    """Keeps the validation losses, and the weights after each epoch."""

    losses, states = [], []

    def on_epoch_end(self, net, **kwargs):
        Peek.losses.append(net.history[-1, "valid_loss"])
        state = net.module_.state_dict()
        Peek.states.append([p.clone().numpy() for p in state.values()])


# ---------------------------------------------------------------------- what counts


def test_class_weights_move_predictions(make, make_nights):
    X, y = make_nights(3)
    noise = np.random.default_rng(0).permutation(y)
    weights = {0: 50.0, 1: 1, 2: 1, 3: 1, 4: 1}
    heavy = make(class_weight=weights).fit(X, noise).predict_proba(X)
    even = make().fit(X, noise).predict_proba(X)
    assert heavy[:, 0].mean() > even[:, 0].mean() + 0.1
    some = y != 1  # a class of the weights that is not in y weighs nothing
    make(max_epochs=1, class_weight="balanced").fit(X[some], y[some])


def test_masked_rows_are_not_trained_on(make, make_nights):
    X, y = make_nights(3)
    lied = y.copy()
    masked = np.arange(len(y)) % 3 == 0
    lied[masked] = (y[masked] + 1) % 5
    fits = [make().fit(X.with_train_mask(~masked), labels) for labels in (y, lied)]
    assert same(*map(weights, fits))
    with pytest.raises(ValueError, match="rows to train on; all are masked"):
        make().fit(X.with_train_mask(np.zeros(len(y), bool)), y)


def test_an_epoch_with_two_stages_is_refused(make, make_nights):
    X, y = make_nights(2)
    make(max_epochs=1).fit(X[[0, 1, 2, 2]], y[[0, 1, 2, 2]])
    with pytest.raises(ValueError, match="in several rows of X different classes"):
        make().fit(X[[1, 2, 2]], [0, 1, 2])


def test_lazy_nights_and_a_small_memory(make, make_nights):
    X, y = make_nights(3)
    in_memory = make().fit(X, y)
    stored = make(max_ram=1).fit(X.select(["eeg", "eog"]), y)
    assert same(weights(in_memory), weights(stored))


def test_divergence_is_reported(make, make_nights):
    X, y = make_nights(1)
    with pytest.raises(SleepkitError, match=r"diverged.*smaller lr"):
        make(lr=1e30).fit(X, y)


# ---------------------------------------------------------------------- randomness


def test_same_seed_same_bits(make, make_nights):
    X, y = make_nights(3)
    torch.manual_seed(3)
    first = make().fit(X, y)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == expected  # fit drew nothing from the global generator
    second = make().fit(X, y)
    assert same(weights(first), weights(second))
    other = make(random_state=1).fit(X, y)
    assert not same(weights(first), weights(other))


def test_threads_do_not_change_a_fit(make, make_nights):
    X, y = make_nights(2)
    run = delayed(lambda seed: weights(make(random_state=seed).fit(X, y)))
    fits = Parallel(n_jobs=3, prefer="threads")(run(seed) for seed in (0, 1, 0))
    assert same(fits[0], fits[2])
    assert same(fits[1], weights(make(random_state=1).fit(X, y)))


def test_threads_are_put_back(make, blobs):
    before = torch.get_num_threads()
    make(n_threads=before + 1, max_epochs=1).fit(*blobs).predict(blobs[0])
    assert torch.get_num_threads() == before


# ----------------------------------------------------------- subjects, early stopping


def test_validation_is_by_subject(make, make_nights):
    X, y = make_nights(5)
    history = make(validation_fraction=0.4).fit(X, y).net_.history
    assert "valid_loss" in history[-1]
    shown = sum(
        batch["valid_batch_size"]
        for batch in history[-1, "batches"][-10:]
        if "valid_batch_size" in batch
    )
    # 2 of 5 nights: 40 epochs alone, or 5 sequences of 4 for each night
    assert shown in {40, 10}


@pytest.mark.parametrize("groups", [None, np.arange(60) % 4], ids=["unknown", "known"])
def test_arrays_are_validated_where_subjects_are_known(make, blobs, groups):
    history = make().fit(*blobs, groups=groups).net_.history
    assert ("valid_loss" in history[-1]) == (groups is not None)


def test_no_validation_of_one_subject_or_where_none_is_wanted(make, make_nights):
    X, y = make_nights(2)
    one = make(max_epochs=1).fit(X[:20], y[:20])
    none = make(max_epochs=1, validation_fraction=0).fit(X, y)
    for stager in (one, none):
        assert "valid_loss" not in stager.net_.history[-1]


def test_early_stopping_restores_the_best_weights(make, make_nights):
    X, y = make_nights(4)
    Peek.losses, Peek.states = [], []
    noise = np.random.default_rng(0).permutation(y)
    stager = make(max_epochs=30, patience=3, callbacks=[Peek()]).fit(X, noise)
    best = int(np.argmin(Peek.losses))
    assert len(Peek.losses) == best + 1 + 3
    assert same(weights(stager), Peek.states[best])
    assert not same(weights(stager), Peek.states[-1])


def test_an_early_end_of_the_users_keeps_the_last_epoch(make, make_nights):
    X, y = make_nights(4)
    Peek.losses, Peek.states = [], []
    stop = EarlyStopping("train_loss", patience=2, threshold=99)  # after three epochs
    stager = make(max_epochs=9, lr=1e-3, callbacks=[stop, Peek()]).fit(X, y)
    assert len(Peek.losses) == 3
    assert np.argmin(Peek.losses) == 2
    assert same(weights(stager), Peek.states[2])


# --------------------------------------------------------------- going on with a fit


def test_partial_fit_goes_on(make, make_nights):
    X, y = make_nights(3, stages=3)
    stager = make(max_epochs=3).fit(X, y)
    before = weights(stager)
    stager.set_params(lr=1e-9, validation_fraction=0).partial_fit(X, y)
    for a, b in zip(weights(stager), before, strict=True):
        if a.ndim > 1:  # not the running statistics
            np.testing.assert_allclose(a, b, atol=1e-5)
    stager.set_params(lr=0.02, max_epochs=8).partial_fit(X, y)
    assert stager.score(X, y) > 0.6


def test_partial_fit_on_nights_that_lack_a_modality(make, make_nights):
    X, y = make_nights(3)
    stager = make().fit(X, y).partial_fit(X.select(["eeg"]), y)
    assert set(stager.layout_) == {"eeg", "eog"}
    assert stager.predict(X).shape == y.shape


def test_partial_fit_from_scratch_knows_its_classes(make, make_nights):
    X, y = make_nights(2)
    stager = make(max_epochs=1).partial_fit(X[y < 2], y[y < 2], classes=range(5))
    assert stager.partial_fit(X, y).classes_.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"knows the classes \[0, 1, 2, 3, 4\]; .*7"):
        stager.partial_fit(X, np.where(y == 4, 7, y))


def test_warm_start(make, make_nights):
    X, y = make_nights(2)
    cold, warm = (
        make(max_epochs=2, warm_start=warm).fit(X, y).fit(X, y)
        for warm in (False, True)
    )
    assert same(weights(cold), weights(make(max_epochs=2).fit(X, y)))
    assert not same(weights(warm), weights(cold))


def test_going_on_with_another_net(medfuse, blobs):
    stager = medfuse(max_epochs=1, warm_start=True).fit(*blobs)
    words = "make another net than .* fit anew with warm_start=False"
    with pytest.raises(ValueError, match=words):
        stager.set_params(d_model=4).fit(*blobs)
    assert stager.set_params(warm_start=False).fit(*blobs)


def test_fit_forgets(make, make_nights, blobs):
    X, y = make_nights(2)
    stager = make(max_epochs=1).fit(*blobs).fit(X, y)
    assert stager.classes_.tolist() == [0, 1, 2, 3, 4]
    assert not hasattr(stager, "n_features_in_")


# ------------------------------------------------------- callbacks, and what fails


@pytest.mark.parametrize("routing", [False, True])
def test_subjects_reach_fit(make, blobs, routing):
    X, y = blobs
    subjects = np.arange(60) % 4
    Peek.losses, Peek.states = [], []
    splitter = {"params": {"groups": subjects}}
    if not routing:
        splitter["groups"] = subjects
    with sklearn.config_context(enable_metadata_routing=routing):
        stager = make(max_epochs=1, callbacks=[Peek()])
        cross_val_score(stager, X, y, cv=GroupKFold(2), error_score="raise", **splitter)
    assert len(Peek.losses) == 2  # Peek needs a validation loss in each fit


def test_progress_is_shown_on_demand(make, blobs, capsys):
    make(max_epochs=1).fit(*blobs)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    make(max_epochs=1, verbose=True).fit(*blobs)
    assert "training" in capsys.readouterr().err


def test_callbacks_of_the_user_stay_as_they_are(make, make_nights):
    X, y = make_nights(2)
    peek = Peek()
    stager = make(max_epochs=1, callbacks=[("peek", peek)]).fit(X, y)
    used = dict(stager.net_.callbacks_)["peek"]
    assert isinstance(used, Peek)
    assert used is not peek


def test_callbacks_of_skorch(make, make_nights, tmp_path):
    X, y = make_nights(3)
    callbacks = [
        EpochScoring("f1_macro", lower_is_better=False),
        ("kappa", EpochScoring("balanced_accuracy", name="kappa", on_train=True)),
        Checkpoint(dirname=tmp_path, monitor="f1_macro_best"),
        ("EarlyStopping", EarlyStopping("f1_macro", lower_is_better=False)),
        LRScheduler("StepLR", step_size=2),
        Callback,
    ]
    stager = clone(make(callbacks=callbacks)).fit(X, y)
    assert {"f1_macro", "kappa", "event_lr"} <= stager.net_.history[-1].keys()
    assert (tmp_path / "params.pt").exists()
    assert pickle.loads(pickle.dumps(stager)).score(X, y) == stager.score(X, y)


def test_scores_of_skorch_are_those_of_the_stager(make, make_nights):
    X, y = make_nights(2)
    scoring = EpochScoring("accuracy", lower_is_better=False)
    stager = make(max_epochs=1, validation_fraction=0.5, callbacks=[scoring])
    if stager.sequence_length is not None:  # sequences must not overlap
        stager.set_params(sequence_length=20, stride=20)
    history = stager.fit(X, y).net_.history
    halves = [stager.score(X[X.subject == s], y[X.subject == s]) for s in ("s0", "s1")]
    assert history[-1, "accuracy"] in halves


class Fail(Callback):
    def on_epoch_end(self, net, **kwargs):
        msg = "disk full"
        raise OSError(msg)


def test_a_fit_that_fails_leaves_nothing_half_new(make, make_nights, blobs):
    X, y = make_nights(2)
    masked = X.with_train_mask(np.zeros(40, bool))
    failures = [
        ((masked, y % 2), {}, ValueError),
        ((X, y), {"groups": [1]}, ValueError),
        (blobs, {"groups": [1]}, ValueError),
        ((X, np.linspace(0, 1, 40)), {}, ValueError),
    ]
    for data, params, error in failures:
        stager = make(max_epochs=1).fit(X, y)
        with pytest.raises(error):
            stager.fit(*data, **params)
        with pytest.raises(NotFittedError):
            stager.predict(X)
        stager.partial_fit(X, y)


def test_going_on_that_fails_leaves_the_net(make, make_nights):
    X, y = make_nights(2)
    stager = make(max_epochs=1, n_threads=2).fit(X, y)
    before, n_threads = weights(stager), torch.get_num_threads()
    state = torch.random.get_rng_state()
    with pytest.raises(OSError, match="disk full"):
        stager.set_params(callbacks=[Fail()]).partial_fit(X, y)
    assert same(weights(stager), before)
    assert torch.get_num_threads() == n_threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_interrupted_fit_is_none(make, make_nights, monkeypatch):
    X, y = make_nights(2)
    stager, calls = make(max_epochs=3), []
    forward = type(stager.fit(X, y).module_).forward

    def interrupt(*args, **kwargs):
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return forward(*args, **kwargs)

    monkeypatch.setattr(type(stager.module_), "forward", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stager.fit(X, y)
    assert not hasattr(stager, "net_")


def test_the_temporary_store_goes_away(make, make_nights, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    X, y = make_nights(2)
    lazy = X.select(["eeg"])
    stager = make(max_epochs=1, max_ram=1).fit(lazy, y)
    stager.predict(lazy)
    with pytest.raises(OSError, match="disk full"):
        stager.set_params(callbacks=[Fail()]).fit(lazy, y)
    assert not list(tmp_path.iterdir())
