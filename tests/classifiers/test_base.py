"""What every stager does with rows, nights, missing things and randomness."""

import pickle

import joblib
import numpy as np
import pytest
import sklearn
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from skorch.callbacks import Callback

from sleepkit.exceptions import SleepkitError, SleepkitWarning
from sleepkit.recording import EpochArray, Recording, Signal


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


# ------------------------------------------------------------------------- learning


def test_nights_are_learnt(make, make_nights):
    X, y = make_nights(6)
    stager = make(max_epochs=25)
    stager.fit(X[X.subject != "s5"], y[X.subject != "s5"])
    test = X.subject == "s5"
    assert stager.score(X[test], y[test]) > 0.7
    assert stager.layout_ == {"eeg": (4,), "eog": (4,)}
    assert stager.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_labels_keep_their_kind(make, blobs):
    X, y = blobs
    stager = make().fit(X, y)
    assert stager.classes_.tolist() == ["N2", "REM", "W"]
    assert set(stager.predict(X)) <= {"N2", "REM", "W"}
    codes = np.where(y == "W", 7, -3)
    assert set(make().fit(X, codes).predict(X)) <= {7, -3}


def test_a_stage_missing_from_the_fold(make, make_nights):
    X, y = make_nights(3)
    kept = y != 1
    stager = make().fit(X[kept], y[kept])
    assert stager.classes_.tolist() == [0, 2, 3, 4]
    assert stager.predict_proba(X).shape == (60, 4)
    assert set(stager.predict(X)) <= {0, 2, 3, 4}


def test_one_class_is_always_predicted(make, blobs):
    X, _ = blobs
    stager = make(max_epochs=1).fit(X, np.full(60, "N2"))
    assert set(stager.predict(X)) == {"N2"}
    assert stager.predict_proba(X).shape == (60, 1)


def test_class_weights_move_predictions(make, make_nights):
    X, y = make_nights(3)
    noise = np.random.default_rng(0).permutation(y)
    weights = {0: 50.0, 1: 1, 2: 1, 3: 1, 4: 1}
    heavy = make(class_weight=weights).fit(X, noise).predict_proba(X)
    even = make().fit(X, noise).predict_proba(X)
    assert heavy[:, 0].mean() > even[:, 0].mean() + 0.1
    some = y != 1  # a class of the weights that is not in y weighs nothing
    make(max_epochs=1, class_weight="balanced").fit(X[some], y[some])


def test_masked_rows_are_not_learnt(make, make_nights):
    X, y = make_nights(3)
    lied = y.copy()
    masked = np.arange(len(y)) % 3 == 0
    lied[masked] = (y[masked] + 1) % 5
    fits = [make().fit(X.with_train_mask(~masked), labels) for labels in (y, lied)]
    assert same(*map(weights, fits))
    with pytest.raises(ValueError, match="rows to learn from; all are masked"):
        make().fit(X.with_train_mask(np.zeros(len(y), bool)), y)


# ------------------------------------------------------------ rows, order and subsets


def test_rows_in_any_order_repeated_or_left_out(make, make_nights):
    X, y = make_nights(4)
    stager = make().fit(X, y)
    whole = stager.predict_proba(X)
    rows = np.array([70, 3, 3, 21, 0, 69])
    np.testing.assert_allclose(stager.predict_proba(X[rows]), whole[rows], atol=1e-6)


def test_recordings_are_staged_whole(make, make_nights):
    X, y = make_nights(3)
    stager = make().fit(X, y)
    whole = stager.predict(X)
    np.testing.assert_array_equal(stager.predict(X.recordings[1]), whole[20:40])
    both = stager.predict(list(X.recordings[:2]))
    np.testing.assert_array_equal(both, whole[:40])


def test_unscored_epochs_are_staged_but_not_learnt(make, make_nights):
    X, y = make_nights(3)
    night = X.recordings[0].replace(hypnogram=[-1] * 5 + y[5:20].tolist())
    views = EpochArray([night, *X.recordings[1:]])
    assert len(views) == 55
    stager = make().fit(views, views.hypnogram)
    assert len(stager.predict(night)) == 20
    with pytest.raises(ValueError, match="y must not hold -1"):
        make().fit(X, np.where(y == 4, -1, y))


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


# ------------------------------------------------------------------ what is missing


def test_any_modality_is_enough(make, make_nights):
    X, y = make_nights(4)
    stager = make(max_epochs=15).fit(X, y)
    for name in ("eeg", "eog"):
        assert stager.predict_proba(X.select([name])).shape == (80, 5)


def test_nights_without_a_modality_are_learnt_and_staged(make, make_nights):
    X, y = make_nights(4, missing={0: "eog", 2: "eeg"})
    stager = make().fit(X, y)
    assert stager.layout_ == {"eeg": (4,), "eog": (4,)}
    together = stager.predict_proba(X)
    alone = stager.predict_proba(X[40:60])
    np.testing.assert_allclose(alone, together[40:60], atol=1e-6)


def test_single_nans_are_no_gaps(make, blobs):
    X, y = (values.copy() for values in blobs)
    X[::3, 2:] = np.nan
    stager = make().fit(X, y)
    assert np.isfinite(stager.predict_proba(X)).all()


def test_epochs_without_any_signal_get_the_prior(make, make_nights):
    X, y = make_nights(3)
    stager = make().fit(X, y)
    night = X.recordings[0]
    valid = np.arange(20) != 7
    signals = {n: s.replace(valid=valid) for n, s in night.signals.items()}
    with pytest.warns(SleepkitWarning, match="1 of 20 epochs have no valid signal"):
        proba = stager.predict_proba(night.with_signals(signals))
    np.testing.assert_array_equal(proba[7], stager.class_prior_)
    nothing = {n: s.replace(valid=valid & False) for n, s in night.signals.items()}
    with pytest.raises(ValueError, match="no epoch has a valid signal"):
        stager.predict(night.with_signals(nothing))


def test_unknown_modalities_and_shapes_are_refused(make, make_nights):
    X, y = make_nights(3)
    stager = make().fit(X.select(["eeg"]), y)
    with pytest.raises(ValueError, match=r"fitted on epochs of eeg \(4,\).*eog"):
        stager.predict(X)
    narrow = {"eeg": Signal(np.ones((3, 2)))}
    with pytest.raises(ValueError, match=r"eeg \(4,\).*eeg \(2,\)"):
        stager.predict(Recording(id="x", subject="x", signals=narrow))
    with pytest.raises(ValueError, match="at least one epoch"):
        stager.predict(X[:0])


# --------------------------------------------------------------- bad input, in words


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"max_epochs": 0}, "'max_epochs'.*>= 1"),
        ({"batch_size": 1.5}, "'batch_size'"),
        ({"lr": 0}, "'lr'.*> 0"),
        ({"validation_fraction": 1}, "'validation_fraction'.*< 1"),
        ({"precision": "half"}, "'precision'.*bfloat16"),
        ({"n_threads": 0}, "'n_threads'"),
        ({"modalities": {"eeg": [9]}}, "'modalities'.*indices from 0 to"),
    ],
)
def test_bad_parameters(make, blobs, params, words):
    with pytest.raises(ValueError, match=words):
        make(**params).fit(*blobs)


def test_bad_input(make, blobs, make_nights):
    X, y = blobs
    nights, stages = make_nights(2)
    with pytest.raises(NotFittedError):
        make().predict(X)
    with pytest.raises(ValueError, match="infinity"):
        make().fit(np.where(X > 1, np.inf, X), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(nights, stages[1:])
    with pytest.raises(ValueError, match="requires y"):
        make().fit(nights, None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(X, y, groups=["a"])
    with pytest.raises(ValueError, match=r"takes .* or features; got 'eeg' epochs"):
        make().fit(np.ones((60, 2, 3, 4, 5)), y)


def test_divergence_is_told(make, make_nights):
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


# --------------------------------------------------------------- going on with a fit


def test_partial_fit_goes_on(make, make_nights):
    X, y = make_nights(3)
    stager = make(max_epochs=3).fit(X, y)
    before = weights(stager)
    stager.set_params(lr=1e-9, validation_fraction=0).partial_fit(X, y)
    for a, b in zip(weights(stager), before, strict=True):
        if a.ndim > 1:  # not the running statistics
            np.testing.assert_allclose(a, b, atol=1e-5)
    stager.set_params(lr=0.01, max_epochs=20).partial_fit(X, y)
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


def test_fit_forgets(make, make_nights, blobs):
    X, y = make_nights(2)
    stager = make(max_epochs=1).fit(*blobs).fit(X, y)
    assert stager.classes_.tolist() == [0, 1, 2, 3, 4]
    assert not hasattr(stager, "n_features_in_")


# ---------------------------------------------------------------- scikit-learn's world


def test_clone_and_pickle(make, make_nights):
    X, y = make_nights(2)
    stager = make(callbacks=[Peek()]).fit(X, y)
    assert not hasattr(clone(stager), "net_")
    again = pickle.loads(pickle.dumps(stager))
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))
    assert {p.device.type for p in again.module_.parameters()} == {"cpu"}
    assert again.partial_fit(X, y)
    state = again._build_module().state_dict()
    assert state.keys() == stager.module_.state_dict().keys()


def test_read_only_memory_maps(make, blobs, tmp_path):
    X, y = blobs
    joblib.dump(X, tmp_path / "X")
    mapped = joblib.load(tmp_path / "X", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    stager = make().fit(mapped, y)
    np.testing.assert_array_equal(stager.predict(mapped), stager.predict(X))


def test_search_over_nights_with_workers(make, make_nights):
    X, y = make_nights(4)
    search = GridSearchCV(
        make(max_epochs=1), {"lr": [0.01, 0.02]}, cv=GroupKFold(2), n_jobs=2
    )
    search.fit(X, y, groups=X.subject)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


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


def test_a_fit_that_fails_leaves_nothing_half_new(make, make_nights):
    X, y = make_nights(2)
    stager = make(max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="all are masked"):
        stager.fit(X.with_train_mask(np.zeros(40, bool)), y % 2)
    with pytest.raises(NotFittedError):
        stager.predict(X)
