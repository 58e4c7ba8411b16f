"""Protocols of the papers on cohorts small enough to count."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.evaluation import (
    cross_validate_staging,
    incomplete_training,
    medfusesleep_protocol,
    noisy_folds,
    sleepmg_protocol,
)
from sleepkit.recording import EpochArray


def make_features(n_subjects, n_epochs=5):
    n_rows = n_subjects * n_epochs
    night = np.array([f"n{i:04}" for i in np.arange(n_rows) // n_epochs])
    X = EpochArray.from_arrays(np.arange(n_rows)[:, None], recording=night)
    return X, np.arange(n_rows) % n_epochs


def count_subjects(X, rows):
    return len(np.unique(X.subject[rows]))


@pytest.mark.parametrize(("n_subjects", "n_test"), [(10, 3), (11, 4), (5463, 1639)])
def test_medfusesleep_tests_thirty_percent(n_subjects, n_test):
    X, y = make_features(n_subjects)
    protocol = medfusesleep_protocol(X, y, n_validation=1, random_state=0)
    [(train, test)] = protocol.cv
    assert count_subjects(X, test) == n_test
    assert count_subjects(X, train) == n_subjects - n_test
    assert not set(X.subject[train]) & set(X.subject[test])
    assert len(train) + len(test) == len(X)


def test_medfusesleep_leaves_out_subjects_that_lack_a_stage():
    X, y = make_features(12)
    y[X.subject == "n0003"] = [0, 1, 2, 3, 3]
    y[X.subject == "n0008"] = 2
    protocol = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    [(train, test)] = protocol.cv
    used = set(X.subject[np.r_[train, test]])
    assert set(X.subject) - used == {"n0003", "n0008"}
    assert count_subjects(X, test) == 3


def test_medfusesleep_counts_the_stages_of_all_nights_of_a_subject():
    X, y = make_features(8)
    X = EpochArray.from_arrays(
        np.asarray(X),
        recording=X.recording,
        subject=np.array([f"p{name}" for name in (np.arange(len(X)) // 10)]),
    )
    y[:5], y[5:10] = 1, [0, 2, 3, 4, 4]
    [(train, test)] = medfusesleep_protocol(X, y, n_validation=1, random_state=0).cv
    assert count_subjects(X, np.r_[train, test]) == 4


@pytest.mark.parametrize(
    ("n_subjects", "n_validation"), [(5463, 100), (40, 7), (12, 3)]
)
def test_medfusesleep_fraction_gives_the_number(n_subjects, n_validation):
    """Classifiers hold out the rounded fraction of their training subjects."""
    X, y = make_features(n_subjects)
    protocol = medfusesleep_protocol(X, y, n_validation=n_validation, random_state=0)
    n_training = count_subjects(X, protocol.cv[0][0])
    fraction = protocol.parameters["validation_fraction"]
    assert round(fraction * n_training) == n_validation


def test_medfusesleep_draws_random_splits():
    X, y = make_features(20)
    drawn = {"n_splits": 3, "n_validation": 2}
    cv = medfusesleep_protocol(X, y, random_state=0, **drawn).cv
    again = medfusesleep_protocol(X, y, random_state=0, **drawn).cv
    tests = [tuple(test) for _, test in cv]
    assert len(set(tests)) == 3
    assert tests == [tuple(test) for _, test in again]


def test_medfusesleep_needs_subjects():
    X, y = make_features(100)
    words = "more training subjects than the 100 .* 100 subjects .* 70 for training"
    with pytest.raises(ValueError, match=words):
        medfusesleep_protocol(X, y)
    with pytest.raises(ValueError, match="'n_splits' parameter"):
        medfusesleep_protocol(X, y, n_splits=0)


@pytest.mark.parametrize(
    ("n_subjects", "sizes"), [(10, [2] * 5), (62, [12] * 3 + [13] * 2)]
)
def test_sleepmg_makes_five_groups(n_subjects, sizes):
    X, _ = make_features(n_subjects)
    protocol = sleepmg_protocol(X, random_state=0)
    assert sorted(count_subjects(X, test) for _, test in protocol.cv) == sizes
    tested = np.concatenate([test for _, test in protocol.cv])
    assert sorted(tested) == list(range(len(X)))
    for group, (train, test) in enumerate(protocol.cv):
        assert set(protocol.domains[test]) == {group}
        assert len(set(protocol.domains[train])) == 4
        assert not set(X.subject[train]) & set(X.subject[test])
    other = sleepmg_protocol(X, random_state=1)
    assert not np.array_equal(protocol.domains, other.domains)


def test_sleepmg_needs_subjects():
    X, _ = make_features(4)
    with pytest.raises(ValueError, match="needs 5 subjects or more; got 4"):
        sleepmg_protocol(X)


def test_cross_validation_takes_protocols(make_cohort, proba_stager):
    X, y = make_cohort(10)
    protocol = sleepmg_protocol(X, random_state=0)
    assert SleepMGClassifier(**protocol.parameters).n_domains == 4
    result = cross_validate_staging(
        {"a": proba_stager()}, X, y, protocol.domains, cv=protocol.cv
    )
    assert result.scores()["n_epochs"] == [len(X)]
    one = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    result = cross_validate_staging({"a": proba_stager()}, X, y, cv=one.cv)
    assert str(result).endswith("of 3 nights of 3 subjects.")


# ------------------------------------------------------------------------- noisy nights


@pytest.fixture
def noisy_nights():
    """Six nights; the EEG of n1 and the EOG of n4 are noisy in half of the epochs."""
    signals = np.random.default_rng(0).normal(0, 20, (24, 2, 300))
    night = np.repeat([f"n{i}" for i in range(6)], 4)
    signals[[4, 5], 0] *= 5
    signals[[16, 17], 1] *= 5
    columns = {"eeg": [0], "eog": [1]}
    return EpochArray.from_arrays(
        signals, recording=night, modalities=columns, sfreq=10
    )


def test_only_noisy_nights_are_tested(noisy_nights):
    rows = np.arange(24)
    cv = [(rows >= 8, rows < 8), (rows < 8, rows >= 8), (rows[4:], rows[:4])]
    found = noisy_folds(noisy_nights, cv)
    assert [test.tolist() for _, test in found] == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert [train.tolist() for train, _ in found] == [
        *(list(range(8, 24)), list(range(8))),
    ]


def test_noisy_folds_passes_the_rule_on(noisy_nights):
    cv = [(np.arange(12, 24), np.arange(12))]
    with pytest.raises(ValueError, match="none of 3 test nights to be noisy"):
        noisy_folds(noisy_nights, cv, fraction=0.5)
    [(_, test)] = noisy_folds(noisy_nights, cv, other=None, threshold=5)
    assert test.tolist() == list(range(12))


# ------------------------------------------------------------------ incomplete training

ALONE = {"eeg": 2, "eog": 3}


@pytest.fixture
def one_fold(make_cohort):
    """Twelve subjects of two nights each; two subjects are tested."""
    X, y = make_cohort(12, n_nights=2, n_epochs=10)
    test = np.isin(X.subject, ["p0", "p5"])
    return X, y, [(~test, test)]


def test_incomplete_training_makes_disjoint_sets(one_fold):
    X, _, cv = one_fold
    drawn = {"n_both": 4, "n_alone": ALONE, "random_state": 0}
    changed, [(train, test)] = incomplete_training(X, cv, **drawn)
    have = {}
    for night in changed[train].recordings:
        have.setdefault(night.subject, []).append(night.modalities)
    kinds = sorted(tuple(set(nights)) for nights in have.values())
    complete = ("eeg", "eog", "emg")
    assert kinds == [(("eeg",),)] * 2 + [(complete,)] * 4 + [(("eog",),)] * 3
    assert all(len(nights) == 2 for nights in have.values())  # both nights of each
    assert np.array_equal(test, np.flatnonzero(cv[0][1]))
    assert {night.modalities for night in changed[test].recordings} == {complete}
    assert not set(X.subject[train]) & set(X.subject[test])
    assert np.array_equal(changed.epoch, X.epoch)
    again, [(same, _)] = incomplete_training(X, cv, **drawn)
    assert np.array_equal(train, same)
    assert [r.modalities for r in again.recordings] == [
        r.modalities for r in changed.recordings
    ]
    other, _ = incomplete_training(X, cv, **(drawn | {"random_state": 1}))
    assert [r.modalities for r in other.recordings] != [
        r.modalities for r in changed.recordings
    ]


def test_subjects_that_lack_a_modality_are_not_drawn(make_cohort):
    X, _ = make_cohort(8, without={"p1": ["eog"], "p2": ["eeg"], "p3": ["emg"]})
    test = X.subject == "p0"
    _, [(train, _)] = incomplete_training(
        X, [(~test, test)], n_both=1, n_alone={"eeg": 2, "eog": 2}, random_state=0
    )
    assert sorted(set(X.subject[train])) == ["p3", "p4", "p5", "p6", "p7"]


def test_incomplete_training_errors(one_fold):
    X, _, cv = one_fold
    words = r"needs 105 training subjects with \['eeg', 'eog'\]; got 10"
    with pytest.raises(ValueError, match=words):
        incomplete_training(X, cv, n_alone=ALONE)
    with pytest.raises(ValueError, match="exactly one fold; got 2"):
        incomplete_training(X, [*cv, *cv], n_both=1, n_alone=ALONE)
    with pytest.raises(ValueError, match="'eeg' parameter of incomplete_training"):
        incomplete_training(X, cv, n_both=1, n_alone={"eeg": -1})


def test_cross_validation_takes_incomplete_training(one_fold, proba_stager):
    X, y, cv = one_fold
    changed, cv = incomplete_training(
        X, cv, n_both=4, n_alone={"eeg": 3}, random_state=0
    )
    result = cross_validate_staging({"a": proba_stager()}, changed, y, cv=cv)
    assert result.scores()["n_epochs"] == [40]
    assert len(result.protocol["splits"][0]["training_subjects"]) == 7
