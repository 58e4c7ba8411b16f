from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording import EpochArray


@pytest.fixture
def X(make_night):
    both = make_night(2, ("eeg", "eog"), sfreq=2.0, id="a")
    other = make_night(2, ("emg", "eog"), sfreq=2.0, id="b", seed=1)
    return EpochArray([both, other])


def test_select_keeps_the_rows_and_some_modalities(X):
    chosen = X.select(["eeg", "emg"])
    assert chosen.modalities == ("eeg", "emg")
    assert len(chosen) == 4
    assert [tuple(r.signals) for r in chosen.recordings] == [("eeg",), ("emg",)]
    assert X.modalities == ("eeg", "eog", "emg")


def test_a_night_may_lose_all_its_modalities(X):
    chosen = X.select("eeg")
    assert chosen.present["eeg"].tolist() == [True, True, False, False]
    assert chosen.valid["eeg"].tolist() == [True, True, False, False]
    values = np.asarray(chosen)
    np.testing.assert_array_equal(values[:2], X.epochs("eeg")[:2])
    assert np.isnan(values[2:]).all()


def test_drop_is_selecting_the_rest(X):
    assert X.drop("eog").modalities == X.select(["eeg", "emg"]).modalities
    assert X.drop().modalities == X.modalities
    assert X.drop("eog").recordings[0].fingerprint != X.recordings[0].fingerprint


def test_values_are_shared_not_copied(X):
    chosen = X.drop("eog").recordings[0].signals["eeg"]
    assert chosen is X.recordings[0].signals["eeg"]


def test_modalities_of_pending_steps_are_known(X, counted):
    assert X.map(counted.step()).drop("eog").modalities == ("eeg", "emg")
    assert counted.names() == []


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda X: X.select(["eeg", "ecg"]), r"select must name .*got \['ecg'\]"),
        (lambda X: X.drop("ecg"), r"drop must name some of .*got \['ecg'\]"),
        (lambda X: X.drop("eog").drop("eog"), r"drop must name .*got \['eog'\]"),
        (lambda X: X.select([]), "must leave at least one of"),
        (lambda X: X.drop("eeg", "eog", "emg"), "must leave at least one of"),
    ],
)
def test_unknown_and_empty_choices_are_named(X, choose, words):
    with pytest.raises(ValueError, match=words):
        choose(X)
