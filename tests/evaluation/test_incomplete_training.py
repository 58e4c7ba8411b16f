"""Disjoint sets of training subjects with one modality, with the other, with both."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.evaluation import cross_validate_staging, incomplete_training

ALONE = {"eeg": 2, "eog": 3}


@pytest.fixture
def split(make_cohort):
    X, y = make_cohort(12, n_nights=2, n_epochs=10)
    test = np.isin(X.subject, ["p0", "p5"])
    return X, y, [(~test, test)]


def test_by_hand(split):
    X, _, cv = split
    ask = {"n_both": 4, "n_alone": ALONE, "random_state": 0}
    changed, [(train, test)] = incomplete_training(X, cv, **ask)
    have = {}
    for night in changed[train].recordings:
        have.setdefault(night.subject, []).append(night.modalities)
    kinds = sorted(tuple(set(nights)) for nights in have.values())
    every = ("eeg", "eog", "emg")
    assert kinds == [(("eeg",),)] * 2 + [(every,)] * 4 + [(("eog",),)] * 3
    assert all(len(nights) == 2 for nights in have.values())  # both nights of each
    assert np.array_equal(test, np.flatnonzero(cv[0][1]))
    assert {night.modalities for night in changed[test].recordings} == {every}
    assert not set(X.subject[train]) & set(X.subject[test])
    assert np.array_equal(changed.epoch, X.epoch)
    again, [(same, _)] = incomplete_training(X, cv, **ask)
    assert np.array_equal(train, same)
    assert [r.modalities for r in again.recordings] == [
        r.modalities for r in changed.recordings
    ]
    other, _ = incomplete_training(X, cv, **(ask | {"random_state": 1}))
    assert [r.modalities for r in other.recordings] != [
        r.modalities for r in changed.recordings
    ]


def test_who_lacks_one_is_not_drawn(make_cohort):
    X, _ = make_cohort(8, without={"p1": ["eog"], "p2": ["eeg"], "p3": ["emg"]})
    test = X.subject == "p0"
    _, [(train, _)] = incomplete_training(
        X, [(~test, test)], n_both=1, n_alone={"eeg": 2, "eog": 2}, random_state=0
    )
    assert sorted(set(X.subject[train])) == ["p3", "p4", "p5", "p6", "p7"]


def test_words(split):
    X, _, cv = split
    words = r"needs 105 training subjects with \['eeg', 'eog'\]; got 10"
    with pytest.raises(ValueError, match=words):
        incomplete_training(X, cv, n_alone=ALONE)
    with pytest.raises(ValueError, match="exactly one fold; got 2"):
        incomplete_training(X, [*cv, *cv], n_both=1, n_alone=ALONE)
    with pytest.raises(ValueError, match="'eeg' parameter of incomplete_training"):
        incomplete_training(X, cv, n_both=1, n_alone={"eeg": -1})


def test_goes_into_an_evaluation(split, nearest):
    X, y, cv = split
    changed, cv = incomplete_training(
        X, cv, n_both=4, n_alone={"eeg": 3}, random_state=0
    )
    result = cross_validate_staging({"a": nearest()}, changed, y, cv=cv)
    assert result.scores()["n_epochs"] == [40]
    assert len(result.protocol["splits"][0]["training_subjects"]) == 7
