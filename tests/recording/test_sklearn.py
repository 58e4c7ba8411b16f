"""Unmodified scikit-learn with an EpochArray as X."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneGroupOut,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import indexable, resample, shuffle

from sleepkit.recording import EpochArray, Recording, Signal

SFREQ = 2
EPOCH = 30 * SFREQ


def describe(recording):
    """Step: the mean and the SD of each epoch, and those of the epoch before."""
    epochs = recording.signals["eeg"].data.reshape(recording.n_epochs, -1)
    features = np.column_stack([epochs.mean(axis=1), epochs.std(axis=1)])
    before = np.vstack([features[:1], features[:-1]])
    return recording.with_signals({"eeg": Signal(np.hstack([features, before]))})


def note(X):
    """Note the step for a view."""
    return X.map(describe)


@pytest.fixture(scope="module")
def X():
    """Twelve nights of six subjects; the stage shows in mean and SD of the samples."""
    rng = np.random.default_rng(0)
    nights = []
    for i in range(12):
        stages = rng.permutation([0, 1, 2, 3, 4, -1] * 4)
        noise = rng.standard_normal((len(stages), EPOCH)) * (1 + (stages % 3))[:, None]
        samples = noise + (stages // 3)[:, None]
        nights.append(
            Recording(
                id=f"night{i}",
                subject=f"s{i % 6}",
                signals={"eeg": Signal(samples.reshape(1, -1), SFREQ)},
                hypnogram=stages,
            )
        )
    return EpochArray(nights)


@pytest.fixture(scope="module")
def y(X):
    return X.hypnogram


@pytest.fixture(scope="module")
def groups(X):
    return X.subject


@pytest.fixture(scope="module")
def stager():
    return make_pipeline(
        FunctionTransformer(note),
        FunctionTransformer(np.asarray),
        StandardScaler(),
        LogisticRegression(),
    )


def test_cross_val_score_by_its_name(stager, X, y, groups):
    scores = cross_val_score(
        stager, X, y, groups=groups, cv=GroupKFold(3), scoring="f1_macro"
    )
    assert scores.shape == (3,)
    assert (scores > 0.6).all()


def test_cross_val_predict_is_in_row_order(stager, X, y, groups):
    cv = LeaveOneGroupOut()
    predicted = cross_val_predict(stager, X, y, groups=groups, cv=cv)
    expected = np.empty_like(y)
    for train, test in cv.split(X, y, groups):
        expected[test] = clone(stager).fit(X[train], y[train]).predict(X[test])
    np.testing.assert_array_equal(predicted, expected)
    proba = cross_val_predict(
        stager, X, y, groups=groups, cv=cv, method="predict_proba"
    )
    np.testing.assert_array_equal(proba.argmax(axis=1), predicted)


def test_grid_search_refits_on_all_rows(stager, X, y, groups):
    search = GridSearchCV(
        stager,
        {"logisticregression__C": [1e-6, 1.0]},
        cv=StratifiedGroupKFold(3),
        scoring="f1_macro",
    ).fit(X, y, groups=groups)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    np.testing.assert_array_equal(search.predict(X), clone(stager).fit(X, y).predict(X))


def test_nested_search(stager, X, y, groups):
    inner = GridSearchCV(stager, {"logisticregression__C": [1e-6, 1.0]}, cv=2)
    scores = cross_val_score(inner, X, y, groups=groups, cv=GroupKFold(2))
    assert (scores > 0.6).all()


def test_stratified_group_splits_keep_subjects_apart(X, y, groups):
    for train, test in StratifiedGroupKFold(3).split(X, y, groups):
        assert not set(X[train].subject) & set(X[test].subject)
        assert set(X[train].hypnogram) == set(X[test].hypnogram) == set(range(5))


def test_learning_curve(stager, X, y, groups):
    sizes, _, test = learning_curve(
        stager, X, y, groups=groups, cv=GroupKFold(3), train_sizes=[0.2, 1.0]
    )
    assert sizes.tolist() == [32, 160]
    assert test.shape == (2, 3)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_give_the_same_scores(stager, X, y, groups, backend):
    from joblib import parallel_config

    with parallel_config(backend=backend):
        found = cross_val_score(stager, X, y, groups=groups, cv=GroupKFold(3), n_jobs=2)
    alone = cross_val_score(stager, X, y, groups=groups, cv=GroupKFold(3))
    np.testing.assert_array_equal(found, alone)


def test_gradient_boosting_and_several_scores(X, y, groups):
    stager = make_pipeline(
        FunctionTransformer(note),
        FunctionTransformer(np.asarray),
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
    )
    found = cross_validate(
        stager,
        X,
        y,
        groups=groups,
        cv=GroupKFold(2),
        scoring=["accuracy", "balanced_accuracy", "neg_log_loss"],
        return_train_score=True,
    )
    assert (found["test_accuracy"] > 0.5).all()
    assert (found["train_accuracy"] > found["test_accuracy"]).all()


def test_predictions_do_not_depend_on_order_or_on_other_rows(stager, X, y):
    fitted = clone(stager).fit(X, y)
    whole = fitted.predict_proba(X)
    rng = np.random.default_rng(0)
    for rows in (
        rng.permutation(len(X)),
        rng.integers(0, len(X), 50),
        np.array([17]),
        np.repeat([3, 200], 4),
    ):
        # One row goes through another BLAS routine than many, hence the rounding.
        found = fitted.predict_proba(X[rows])
        np.testing.assert_allclose(found, whole[rows], rtol=1e-5)


def test_context_is_that_of_the_night_not_of_the_rows(X):
    """The step looks at the epoch before, which a subset of rows does not hold."""
    everything = note(X).epochs("eeg")
    np.testing.assert_array_equal(note(X[5::7]).epochs("eeg"), everything[5::7])


def test_shuffled_and_repeated_rows_can_be_fitted(stager, X, y):
    rows = np.random.default_rng(0).permutation(len(X))
    straight = clone(stager).fit(X, y).predict(X)
    shuffled = clone(stager).fit(X[rows], y[rows]).predict(X)
    assert accuracy_score(straight, shuffled) > 0.98
    doubled = np.repeat(rows, 2)
    assert len(clone(stager).fit(X[doubled], y[doubled]).predict(X)) == len(X)


def test_row_utilities(X, y):
    a, b, c, d = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    assert isinstance(a, EpochArray)
    assert (len(a), len(b)) == (len(c), len(d)) == (180, 60)
    np.testing.assert_array_equal(a.hypnogram, c)
    shuffled, stages = shuffle(X, y, random_state=0)
    np.testing.assert_array_equal(shuffled.hypnogram, stages)
    drawn, stages = resample(X, y, n_samples=300, random_state=0)
    np.testing.assert_array_equal(drawn.hypnogram, stages)
    assert indexable(X, y)[0] is X


def test_from_estimator_displays(stager, X, y):
    pytest.importorskip("matplotlib").use("Agg")
    display = ConfusionMatrixDisplay.from_estimator(clone(stager).fit(X, y), X, y)
    assert display.confusion_matrix.sum() == len(X)
