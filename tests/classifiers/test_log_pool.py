"""The logarithmic pool: its formula, its weights, and members without a signal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.classifiers import LogPoolClassifier
from sleepkit.classifiers._pooling import fit_pool_weights, pool
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.preprocessing import BandPower, FitOnSelected, SpectrumScaler
from sleepkit.recording import EpochArray


class Constant(ClassifierMixin, BaseEstimator):
    """A classifier that gives all rows the same probabilities."""

    def __init__(self, proba=(0.5, 0.5)):
        self.proba = proba

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.tile(self.proba, (len(X), 1))


def test_probabilities_worked_by_hand():
    members = [("a", Constant((0.8, 0.2))), ("b", Constant((0.5, 0.5)))]
    stager = LogPoolClassifier(members, weights=[1, 2]).fit([[0], [1]], [0, 2])
    np.testing.assert_allclose(stager.predict_proba([[0]]), [[0.8, 0.2]])
    stager.set_params(weights=[2, 0]).fit([[0], [1]], [0, 2])
    expected = np.array([[0.64, 0.04]]) / 0.68
    np.testing.assert_allclose(stager.predict_proba([[0]]), expected)
    assert stager.predict([[0]]) == [0]


def test_equal_weights_sum_to_one():
    members = [(name, Constant((0.9, 0.1))) for name in "abc"]
    stager = LogPoolClassifier(members).fit([[0], [1]], [0, 1])
    np.testing.assert_allclose(stager.weights_, 1 / 3)
    np.testing.assert_allclose(stager.predict_proba([[0]]), [[0.9, 0.1]])


def test_others_take_over_the_weight_of_an_unknown_row():
    log_proba = np.log([[[0.8, 0.2]] * 3, [[0.6, 0.4]] * 3])
    known = np.array([[True, True, False], [True, False, False]])
    weights = np.array([1.0, 2.0])
    one = softmax(3 * log_proba[0, 0])
    neither = softmax(log_proba[0, 0] * 1.5 + log_proba[1, 0] * 1.5)
    both = softmax(log_proba[0, 0] + 2 * log_proba[1, 0])
    np.testing.assert_allclose(pool(log_proba, known, weights)[:2], [both, one])
    np.testing.assert_allclose(
        pool(log_proba, known, np.array([2.0, 0]))[0], softmax(2 * log_proba[0, 0])
    )
    # a member without a weight stands in for one without a signal
    alone = pool(log_proba, known[::-1], np.array([1.0, 0.0]))
    np.testing.assert_allclose(alone[1], [0.6, 0.4])
    no_weights = pool(log_proba, np.zeros((2, 3), bool), np.array([3.0, 0.0]))
    np.testing.assert_allclose(no_weights[2], neither)


def test_fitted_weights_are_a_temperature():
    """Stages drawn with half of the log-probabilities: the weight is a half."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20_000, 3))
    codes = (np.log(softmax(true, axis=1)) + rng.gumbel(size=true.shape)).argmax(axis=1)
    sure = log_softmax(2 * true, axis=1)
    noise = log_softmax(rng.normal(size=true.shape), axis=1)
    weights = fit_pool_weights(np.stack([sure, noise]), codes)
    np.testing.assert_allclose(weights, [0.5, 0], atol=0.03)
    assert (weights >= 0).all()


def test_held_out_weights_are_better_than_equal_ones():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    X = rng.normal(size=(400, 2)) + y[:, np.newaxis] * [2, 0]
    members = [
        ("good", make_pipeline(StandardScaler(), LogisticRegression())),
        ("poor", Constant((0.9, 0.05, 0.05))),
    ]
    stager = LogPoolClassifier(members).fit(X[:200], y[:200])

    def loss():
        proba = stager.predict_proba(X[200:])
        return -np.log(proba[np.arange(200), y[200:]]).mean()

    before = loss()
    stager.fit_weights(X[200:], y[200:])
    assert loss() < before


def test_members_by_name():
    members = [("a", LogisticRegression()), ("b", GaussianNB())]
    stager = LogPoolClassifier(members).set_params(a__C=3, b="drop")
    assert stager.get_params()["a__C"] == 3
    stager.set_params(b=GaussianNB()).fit([[0], [1]], [0, 1])
    assert stager.named_estimators_["a"].C == 3
    assert [type(each) for each in stager.estimators_] == [
        LogisticRegression,
        GaussianNB,
    ]
    assert not hasattr(stager.estimators[0][1], "coef_")
    assert not hasattr(stager, "partial_fit")


@pytest.fixture(scope="module")
def nights(make_nights):
    return make_nights(5)


@pytest.fixture
def members(nights, medfuse):
    """A fitted member for EEG, and one for EOG."""
    X, y = nights
    eeg = make_pipeline(SpectrumScaler(), medfuse()).fit(X.select(["eeg"]), y)
    return [("eeg", eeg), ("eog", medfuse(random_state=1).fit(X.select(["eog"]), y))]


@pytest.fixture
def stager(members, nights):
    stager = LogPoolClassifier(members, prefit=True)
    return stager.fit(*nights).fit_weights(*nights)


def test_fitted_members_are_pooled_as_they_are(members, stager, nights):
    X, y = nights
    assert stager.estimators_[0] is members[0][1]
    assert stager.score(X, y) > 0.3  # after a few training steps
    assert stager.any_subset
    assert stager.weights_.shape == (2,)


@pytest.mark.parametrize(("name", "at"), [("eeg", 0), ("eog", 1)])
def test_a_missing_modality_leaves_the_other_member_alone(stager, nights, name, at):
    X = nights[0].select([name])
    stager.weights_ = np.array([0.25, 0.75])
    expected = stager.estimators_[at].predict_proba(X)
    np.testing.assert_allclose(stager.predict_proba(X), expected, atol=1e-6)


def test_members_are_left_out_epoch_by_epoch(stager, nights):
    X, _ = nights
    (night, *_) = X.recordings
    eeg = np.array(night.signals["eeg"].data)
    eeg[3] = np.nan
    signals = {**night.signals, "eeg": night.signals["eeg"].replace(data=eeg)}
    changed = X.with_recordings([night.with_signals(signals), *X.recordings[1:]])
    stager.weights_ = np.array([0.5, 0.5])
    proba, alone = stager.predict_proba(changed), stager.estimators_[1]
    (row,) = np.flatnonzero((X.recording == night.id) & (X.epoch == 3))
    np.testing.assert_allclose(
        proba[row], alone.predict_proba(X.select(["eog"]))[row], atol=1e-6
    )


def test_epochs_without_any_signal_get_shares_of_the_classes(stager, nights):
    X, _ = nights
    (night, *_) = X.recordings
    gone = {
        name: signal.replace(
            data=np.where(np.arange(20)[:, None] == 3, np.nan, signal.data)
        )
        for name, signal in night.signals.items()
    }
    stager.weights_ = np.array([0.5, 0.5])
    with pytest.warns(SleepkitWarning, match="1 of 20 epochs have no valid signal"):
        proba = stager.predict_proba(night.with_signals(gone))
    prior = stager.estimators_[1].class_prior_
    np.testing.assert_allclose(proba[3], prior, atol=1e-6)


def test_no_signal_at_all(stager, make_night):
    with pytest.raises(ValueError, match="no epoch has a valid signal in a modality"):
        stager.predict(make_night(4, ("emg",)))


def test_trees_are_left_out_where_their_features_are_missing(make_night):
    """Trees give any row a stage, NaN or not: it does not count there."""
    nights = [make_night(20, seed=seed) for seed in range(3)]
    trees = make_pipeline(
        BandPower(), FitOnSelected(HistGradientBoostingClassifier(max_iter=2))
    )
    X = EpochArray(nights)
    members = [
        (name, clone(trees).fit(X.select([name]), X.hypnogram))
        for name in ("eeg", "eog")
    ]
    stager = LogPoolClassifier(members, prefit=True).fit(X, X.hypnogram)
    stager.fit_weights(X, X.hypnogram)
    only = X.select(["eog"])
    stager.weights_ = np.array([0.4, 0.6])
    np.testing.assert_allclose(
        stager.predict_proba(only), members[1][1].predict_proba(only), atol=1e-6
    )


def test_model_file(stager, nights, tmp_path):
    """Members that are in two attributes are stored once, and shared again."""
    X, _ = nights
    save_model(stager, tmp_path / "pool.model")
    again = load_model(tmp_path / "pool.model")
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))
    assert again.estimators_[0] is again.estimators[0][1]
    save_model(stager.estimators_[0], tmp_path / "one.model")
    sizes = [(tmp_path / f"{n}.model").stat().st_size for n in ("pool", "one")]
    assert sizes[0] < 2.5 * sizes[1]


def test_model_file_of_fitted_clones(medfuse, nights, tmp_path):
    X, y = nights
    stager = LogPoolClassifier([("a", medfuse(max_epochs=1))]).fit(X, y)
    save_model(make_pipeline(SpectrumScaler(), stager).fit(X, y), tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert again[-1].predict(X).shape == y.shape
    assert not hasattr(again[-1].estimators[0][1], "net_")


def test_training_goes_on_in_every_member(stager, nights):
    X, y = nights
    before = stager.weights_.copy()
    nets = [
        member.net_ for member in (stager.estimators_[0][-1], stager.estimators_[1])
    ]
    stager.partial_fit(X[:20], y[:20], replay=(X[20:], y[20:]))
    after = [
        member.net_ for member in (stager.estimators_[0][-1], stager.estimators_[1])
    ]
    assert all(one is not other for one, other in zip(nets, after, strict=True))
    np.testing.assert_array_equal(stager.weights_, before)


@pytest.mark.parametrize(
    "weights", [[1], [1, -1], [1, np.nan], [[1, 1]]], ids=["few", "-", "nan", "2-D"]
)
def test_wrong_weights(weights):
    members = [("a", Constant()), ("b", Constant())]
    with pytest.raises(
        ValueError, match=r"'weights' .* must be 2 numbers of 0 or more"
    ):
        LogPoolClassifier(members, weights).fit([[0], [1]], [0, 1])


def test_no_members():
    with pytest.raises(ValueError, match="at least one pair"):
        LogPoolClassifier([]).fit([[0], [1]], [0, 1])


def test_other_classes():
    members = [
        ("a", GaussianNB().fit([[0], [1]], [0, 1])),
        ("b", GaussianNB().fit([[0], [1]], [0, 2])),
    ]
    with pytest.raises(
        ValueError, match=r"same classes; theirs are \[\[0, 1\], \[0, 2"
    ):
        LogPoolClassifier(members, prefit=True).fit([[0], [1]], [0, 1])


def test_no_epoch_that_all_members_know(stager, nights):
    X, y = nights
    with pytest.raises(ValueError, match="epochs with a signal for all members"):
        stager.fit_weights(X.select(["eeg"]), y)


@pytest.mark.parametrize("weights", [[0, 0], [1], [-1, 1], [np.nan, 1]])
def test_bad_weights(weights):
    members = [("a", Constant()), ("b", Constant())]
    with pytest.raises(ValueError, match="2 numbers of 0 or more, one a member"):
        LogPoolClassifier(members, weights).fit([[0], [1]], [0, 1])


def test_a_training_that_fails_changes_no_member(medfuse, make_nights):
    X, y = make_nights(3)
    stager = LogPoolClassifier([("a", medfuse()), ("b", medfuse())]).fit(X, y)
    before = stager.predict_proba(X)
    stager.estimators_[1].set_params(lr=-1.0)
    with pytest.raises(ValueError, match="'lr' parameter"):
        stager.partial_fit(X, y)
    stager.estimators_[1].set_params(lr=0.01)
    np.testing.assert_array_equal(stager.predict_proba(X), before)


def test_modalities_are_those_of_any_member(medfuse, make_nights):
    X, y = make_nights(3)
    names = X.modalities
    members = [(name, medfuse().fit(X.select([name]), y)) for name in names]
    stager = LogPoolClassifier(members, prefit=True).fit(X, y)
    assert stager.modalities_ == list(names)
    with_naive = LogPoolClassifier([("a", Constant())]).fit([[0], [1]], [0, 1])
    assert not hasattr(with_naive, "modalities_")
