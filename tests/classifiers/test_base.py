"""What every stager does with rows, nights, missing things and scikit-learn."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from skorch.callbacks import Callback, LRScheduler

from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.recording import EpochArray, Recording, Signal

# ------------------------------------------------------------------------- learning


def test_nights_are_fitted(make, make_nights):
    X, y = make_nights(6, stages=3)
    stager = make(max_epochs=16)
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


def test_unscored_epochs_are_staged_but_not_trained_on(make, make_nights):
    X, y = make_nights(3)
    night = X.recordings[0].replace(hypnogram=[-1] * 5 + y[5:20].tolist())
    views = EpochArray([night, *X.recordings[1:]])
    assert len(views) == 55
    stager = make().fit(views, views.hypnogram)
    assert len(stager.predict(night)) == 20
    with pytest.raises(ValueError, match=r"'y' parameter of .* must not hold -1"):
        make().fit(X, np.where(y == 4, -1, y))


# ------------------------------------------------------------------ what is missing


def test_any_modality_is_enough(make, make_nights):
    X, y = make_nights(4)
    stager = make().fit(X, y)
    for name in ("eeg", "eog"):
        assert stager.predict_proba(X.select([name])).shape == (80, 5)


def test_nights_without_a_modality_are_trained_on_and_staged(make, make_nights):
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
    noisy = night.with_signals(nothing)
    words = (
        r"no epoch has a valid signal in any of eeg, eog of .*0\. Check their channels"
    )
    with pytest.raises(RecordingError, match=words):
        stager.predict(noisy)
    with pytest.raises(RecordingError, match=r"any of eeg, eog of .*0\. Check their"):
        make().fit(EpochArray([noisy]), night.hypnogram)


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
        ({"device": "cuda:99"}, "'device'.*what this computer has.*'cuda:99'"),
        ({"class_weight": "balance"}, "'class_weight'.*'balanced'.*'balance'"),
        ({"class_weight": {0: -1}}, r"'class_weight\[0\]'.*Got -1"),
        ({"callbacks": LRScheduler()}, "'callbacks'.*list of skorch callbacks"),
        ({"callbacks": ["lr"]}, r"'callbacks'.*pairs .*Got \['lr'\]"),
        ({"modalities": {"eeg": [9]}}, "'modalities'.*indices from 0 to"),
    ],
)
def test_bad_parameters(make, blobs, params, words):
    with pytest.raises(ValueError, match=words):
        make(**params).fit(*blobs)


def test_bad_parameters_in_staging(make, blobs):
    stager = make(max_epochs=1).fit(*blobs)
    with pytest.raises(ValueError, match="'precision'"):
        stager.set_params(precision="half").predict(blobs[0])
    with pytest.raises(ValueError, match="'batch_size'"):
        stager.set_params(precision="auto", batch_size=0).predict(blobs[0])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_that_overflow(make, blobs):
    stager = make(max_epochs=1).fit(*blobs)
    with pytest.raises(ValueError, match="cannot stage X: its values are too large"):
        stager.predict(blobs[0].astype(np.float64) * 1e200)


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
    with pytest.raises(ValueError, match="1d array"):
        make().fit(X, y, groups=np.zeros((60, 2)))
    with pytest.raises(ValueError, match=r"takes .* or features; got 'eeg' epochs"):
        make().fit(np.ones((60, 2, 3, 4, 5)), y)


# ---------------------------------------------------------------- scikit-learn's world


def test_clone_and_pickle(make, make_nights):
    X, y = make_nights(2)
    stager = make(callbacks=[Callback()]).fit(X, y)
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
