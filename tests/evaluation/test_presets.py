"""The papers' protocols on cohorts small enough to count."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.classifiers._split import make_task
from sleepkit.evaluation import (
    cross_validate_staging,
    medfusesleep_protocol,
    sleepmg_protocol,
)
from sleepkit.recording import EpochArray
from sleepkit.training import ArraySource


def make_people(n_subjects, n_epochs=5):
    n_rows = n_subjects * n_epochs
    night = np.array([f"n{i:04}" for i in np.arange(n_rows) // n_epochs])
    X = EpochArray.from_arrays(np.arange(n_rows)[:, None], recording=night)
    return X, np.arange(n_rows) % n_epochs


def count_people(X, rows):
    return len(np.unique(X.subject[rows]))


@pytest.mark.parametrize(("n_people", "n_test"), [(10, 3), (11, 4), (5463, 1639)])
def test_medfusesleep_tests_thirty_percent(n_people, n_test):
    X, y = make_people(n_people)
    protocol = medfusesleep_protocol(X, y, n_validation=1, random_state=0)
    [(train, test)] = protocol.cv
    assert count_people(X, test) == n_test
    assert count_people(X, train) == n_people - n_test
    assert not set(X.subject[train]) & set(X.subject[test])
    assert len(train) + len(test) == len(X)


def test_medfusesleep_leaves_out_who_lacks_a_stage():
    X, y = make_people(12)
    y[X.subject == "n0003"] = [0, 1, 2, 3, 3]
    y[X.subject == "n0008"] = 2
    protocol = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    [(train, test)] = protocol.cv
    used = set(X.subject[np.r_[train, test]])
    assert set(X.subject) - used == {"n0003", "n0008"}
    assert count_people(X, test) == 3


def test_medfusesleep_takes_the_stages_of_all_nights_of_a_person():
    X, y = make_people(8)
    X = EpochArray.from_arrays(
        np.asarray(X),
        recording=X.recording,
        subject=np.array([f"p{name}" for name in (np.arange(len(X)) // 10)]),
    )
    y[:5], y[5:10] = 1, [0, 2, 3, 4, 4]
    [(train, test)] = medfusesleep_protocol(X, y, n_validation=1, random_state=0).cv
    assert count_people(X, np.r_[train, test]) == 4


@pytest.mark.parametrize(("n_people", "n_validation"), [(5463, 100), (40, 7), (12, 3)])
def test_classifiers_hold_out_as_many_as_asked(n_people, n_validation):
    X, y = make_people(n_people)
    protocol = medfusesleep_protocol(X, y, n_validation=n_validation, random_state=0)
    train = protocol.cv[0][0]
    epochs = ArraySource({"eeg": np.ones((len(train), 1), np.float32)})
    fraction = protocol.parameters["validation_fraction"]
    everybody = np.ones(len(train), bool)
    rng = np.random.default_rng(0)
    subject = X.subject[train]
    task = make_task(epochs, y[train], subject, everybody, fraction, rng, owner="x")
    assert len(np.unique(subject[task.held])) == n_validation


def test_medfusesleep_draws_anew():
    X, y = make_people(20)
    ask = {"n_splits": 3, "n_validation": 2}
    cv = medfusesleep_protocol(X, y, random_state=0, **ask).cv
    again = medfusesleep_protocol(X, y, random_state=0, **ask).cv
    tests = [tuple(test) for _, test in cv]
    assert len(set(tests)) == 3
    assert tests == [tuple(test) for _, test in again]


def test_medfusesleep_needs_people():
    X, y = make_people(100)
    words = "more training subjects than the 100 .* 100 subjects .* 70 for training"
    with pytest.raises(ValueError, match=words):
        medfusesleep_protocol(X, y)
    with pytest.raises(ValueError, match="'n_splits' parameter"):
        medfusesleep_protocol(X, y, n_splits=0)


@pytest.mark.parametrize(
    ("n_people", "sizes"), [(10, [2] * 5), (62, [12] * 3 + [13] * 2)]
)
def test_sleepmg_deals_five_groups(n_people, sizes):
    X, _ = make_people(n_people)
    protocol = sleepmg_protocol(X, random_state=0)
    assert sorted(count_people(X, test) for _, test in protocol.cv) == sizes
    tested = np.concatenate([test for _, test in protocol.cv])
    assert sorted(tested) == list(range(len(X)))
    for group, (train, test) in enumerate(protocol.cv):
        assert set(protocol.domains[test]) == {group}
        assert len(set(protocol.domains[train])) == 4
        assert not set(X.subject[train]) & set(X.subject[test])
    other = sleepmg_protocol(X, random_state=1)
    assert not np.array_equal(protocol.domains, other.domains)


def test_sleepmg_needs_people():
    X, _ = make_people(4)
    with pytest.raises(ValueError, match="needs 5 subjects or more; got 4"):
        sleepmg_protocol(X)


def test_protocols_go_into_an_evaluation(make_cohort, nearest):
    X, y = make_cohort(10)
    protocol = sleepmg_protocol(X, random_state=0)
    assert SleepMGClassifier(**protocol.parameters).n_domains == 4
    result = cross_validate_staging(
        {"a": nearest()}, X, y, protocol.domains, cv=protocol.cv
    )
    assert result.scores()["n_epochs"] == [len(X)]
    one = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    result = cross_validate_staging({"a": nearest()}, X, y, cv=one.cv)
    assert str(result).endswith("of 3 nights of 3 people.")
