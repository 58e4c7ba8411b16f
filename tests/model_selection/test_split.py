"""Splitters by subject, with and without groups=."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier

from sleepkit.model_selection import (
    StratifiedSubjectKFold,
    SubjectKFold,
    SubjectShuffleSplit,
)
from sleepkit.preprocessing import FitOnSelected
from sleepkit.recording import EpochArray

PARENTS = [
    (SubjectKFold(3), GroupKFold(3)),
    (
        SubjectKFold(3, shuffle=True, random_state=1),
        GroupKFold(3, shuffle=True, random_state=1),
    ),
    (StratifiedSubjectKFold(3), StratifiedGroupKFold(3)),
    (
        StratifiedSubjectKFold(2, shuffle=True, random_state=1),
        StratifiedGroupKFold(2, shuffle=True, random_state=1),
    ),
    (
        SubjectShuffleSplit(4, test_size=2, random_state=1),
        GroupShuffleSplit(4, test_size=2, random_state=1),
    ),
    (SubjectShuffleSplit(random_state=0), GroupShuffleSplit(random_state=0)),
]
SPLITTERS = [splitter for splitter, _ in PARENTS]


@pytest.fixture(scope="module")
def X():
    """Nine nights of six subjects; features depend on the subject, not on the stage."""
    night = np.repeat(np.arange(9), [40, 20, 30, 20, 50, 20, 20, 30, 20])
    number = night % 6
    rng = np.random.default_rng(0)
    features = np.eye(6)[number] + 0.01 * rng.standard_normal((len(night), 6))
    subject = [f"s{i}" for i in number]
    return EpochArray.from_arrays(features, recording=night, subject=subject)


@pytest.fixture(scope="module")
def y(X):
    """Two stages; most rows of a subject have the same one."""
    rng = np.random.default_rng(1)
    own = np.array([int(name[1:]) % 2 for name in X.subject])
    return np.where(rng.random(len(X)) < 0.9, own, 1 - own)


def same_splits(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected) > 0
    for (train, test), (their_train, their_test) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(test, their_test)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_no_subject_is_on_both_sides(splitter, X, y):
    for train, test in splitter.split(X, y):
        assert train.size
        assert test.size
        assert not set(X.subject[train]) & set(X.subject[test])


@pytest.mark.parametrize(("splitter", "parent"), PARENTS, ids=repr)
def test_splits_are_those_of_scikit_learn(splitter, parent, X, y):
    expected = list(parent.split(X, y, X.subject))
    same_splits(splitter.split(X, y), expected)
    same_splits(splitter.split(np.asarray(X), y, X.subject), expected)
    same_splits(splitter.split(X, y), expected)  # the same again


@pytest.mark.parametrize(("splitter", "parent"), PARENTS, ids=repr)
def test_groups_go_before_the_subjects_of_X(splitter, parent, X, y):
    groups = np.arange(len(X)) // 5
    same_splits(splitter.split(X, y, groups), parent.split(X, y, groups))


@pytest.mark.parametrize("n_splits", [2, 6])
@pytest.mark.parametrize("kind", [SubjectKFold, StratifiedSubjectKFold])
def test_every_row_is_tested_once(kind, n_splits, X, y):
    tested = np.concatenate([test for _, test in kind(n_splits).split(X, y)])
    np.testing.assert_array_equal(np.sort(tested), np.arange(len(X)))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@pytest.mark.parametrize("rows", [[[0.0]] * 12, np.zeros((12, 2))], ids=type)
def test_without_subjects(splitter, rows):
    words = rf"{type(splitter).__name__} needs the subject .* an EpochArray.* groups=;"
    with pytest.raises(ValueError, match=words):
        splitter.split(rows, np.arange(12) % 2)


@pytest.mark.parametrize("kind", [SubjectKFold, StratifiedSubjectKFold])
def test_fewer_subjects_than_folds(kind, X, y):
    with pytest.raises(ValueError, match=r"a subject for each of its 7 folds; got 6"):
        kind(7).split(X, y)


def test_groups_of_another_length(X, y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(SubjectKFold(2).split(X, y, X.subject[1:]))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_number_of_splits(splitter, X, y):
    assert splitter.get_n_splits() == splitter.n_splits
    assert splitter.get_n_splits(X, y) == len(list(splitter.split(X, y)))


def test_repr_names_the_parameters():
    expected = "SubjectKFold(n_splits=3, random_state=None, shuffle=False)"
    assert repr(SubjectKFold(3)) == expected
    assert "test_size=2" in repr(SubjectShuffleSplit(test_size=2))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_pickled(splitter, X, y):
    again = pickle.loads(pickle.dumps(splitter))
    same_splits(again.split(X, y), splitter.split(X, y))


def test_folds_shuffled_anew(X):
    first, second = (
        [test.tolist() for _, test in SubjectKFold(3, shuffle=True).split(X)]
        for _ in range(2)
    )
    seeds = range(20)
    drawn = {
        str(list(SubjectKFold(3, shuffle=True, random_state=seed).split(X)))
        for seed in seeds
    }
    assert len(first) == len(second) == 3
    assert len(drawn) > 1


# Neighbours identify the subject, and the subject the stage: only leakage scores.
NEIGHBOURS = FitOnSelected(KNeighborsClassifier(5))


def test_only_a_split_by_rows_leaks(X, y):
    leaking = cross_val_score(NEIGHBOURS, X, y, cv=5)
    by_subject = cross_val_score(NEIGHBOURS, X, y, cv=SubjectKFold(6))
    assert leaking.mean() > 0.85
    assert by_subject.mean() < 0.75


@pytest.fixture(params=[False, True], ids=["routing off", "routing on"])
def routing(request):
    with sklearn.config_context(enable_metadata_routing=request.param):
        yield request.param


def test_cross_validation(routing, X, y):
    by_hand = cross_val_score(
        NEIGHBOURS, X, y, cv=list(GroupKFold(3).split(X, y, X.subject))
    )
    scores = cross_val_score(NEIGHBOURS, X, y, cv=SubjectKFold(3))
    np.testing.assert_array_equal(scores, by_hand)
    plain = (KNeighborsClassifier(5), np.asarray(X), y)
    groups = {"groups": X.subject}
    given = {"params": groups} if routing else groups
    scores = cross_val_score(*plain, cv=SubjectKFold(3), **given)
    np.testing.assert_array_equal(scores, by_hand)


def test_in_processes(X, y):
    one, two = (
        cross_val_predict(NEIGHBOURS, X, y, cv=SubjectKFold(2), n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


class Witness(LogisticRegression):
    """Records whether a prediction is for a subject of the fit."""

    seen: tuple = ()

    def fit(self, X, y):
        self.subjects_ = set(X.subject)
        return super().fit(np.asarray(X), y)

    def predict(self, X):
        self._note(X)
        return super().predict(np.asarray(X))

    def predict_proba(self, X):
        self._note(X)
        return super().predict_proba(np.asarray(X))

    def decision_function(self, X):
        if isinstance(X, EpochArray):
            self._note(X)
        return super().decision_function(np.asarray(X))

    def _note(self, X):
        shared = bool(self.subjects_ & set(X.subject))
        Witness.seen += (shared,)


@pytest.fixture
def witness():
    Witness.seen = ()
    return Witness()


@pytest.mark.usefixtures("routing")
def test_calibration(witness, X, y):
    """CalibratedClassifierCV passes no groups on, so an integer shares subjects."""
    CalibratedClassifierCV(witness, cv=3).fit(X, y)
    assert all(Witness.seen)
    assert Witness.seen
    Witness.seen = ()
    CalibratedClassifierCV(witness, cv=SubjectKFold(3)).fit(X, y)
    assert Witness.seen
    assert not any(Witness.seen)


def test_stacking(witness, X, y):
    stack = StackingClassifier([("one", witness)], cv=SubjectKFold(3))
    stack.fit(X, y)
    assert Witness.seen
    assert not any(Witness.seen)


@pytest.mark.parametrize("inner", [SubjectKFold(2), StratifiedSubjectKFold(2)])
@pytest.mark.usefixtures("routing")
def test_nested_search(witness, inner, X, y):
    search = GridSearchCV(witness, {"C": [0.1, 1.0]}, cv=inner)
    predicted = cross_val_predict(search, X, y, cv=SubjectKFold(3))
    assert len(predicted) == len(X)
    assert len(Witness.seen) == 3 * (2 * 2 + 1)
    assert not any(Witness.seen)


def test_nested_search_leaks_with_an_integer(witness, X, y):
    search = GridSearchCV(witness, {"C": [0.1, 1.0]}, cv=StratifiedKFold(2), refit=True)
    cross_val_predict(search, X, y, cv=SubjectKFold(3))
    assert sum(Witness.seen) == 3 * 2 * 2


def test_a_search_is_cloned_with_its_splitter(X, y):
    search = GridSearchCV(
        NEIGHBOURS, {"estimator__n_neighbors": [1]}, cv=SubjectKFold(2)
    )
    assert clone(search).fit(X, y).n_splits_ == 2
