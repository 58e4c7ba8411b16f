"""Fixtures: a small cohort of features, and stagers that log their fits.

``proba_stager`` and ``hard_stager`` are classes: nearest mean of the EEG features, with
and without ``predict_proba``. ``count_fits`` is the file where they log each fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sleepkit.recording import EpochArray


class HardStager(ClassifierMixin, BaseEstimator):
    """Predict the stage with the nearest mean EEG; each fit adds a line to a file."""

    def __init__(self, log=None, width=1.0, random_state=None, fail=None, held=None):
        self.log = log
        self.width = width
        self.random_state = random_state
        self.fail = fail
        self.held = held

    def fit(self, X, y):
        if self.log is not None:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(f"{self.random_state} {len(y)}\n")
        if self.fail is not None:
            raise self.fail
        self.classes_ = np.unique(y)
        eeg = np.nan_to_num(X.epochs("eeg")[:, 0])
        self.means_ = np.array([eeg[y == stage].mean() for stage in self.classes_])
        return self

    def _proba(self, X):
        values = X.epochs(X.modalities[0])[:, 0]
        noise = np.random.default_rng(self.random_state).normal(0, 1e-3, len(X))
        near = -(((values + noise)[:, None] - self.means_) ** 2) / self.width
        proba = np.exp(near - near.max(axis=1, keepdims=True))
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self._proba(X).argmax(axis=1)]


class ProbaStager(HardStager):
    """Predict probabilities too."""

    def predict_proba(self, X):
        return self._proba(X)


@pytest.fixture(scope="session")
def proba_stager():
    return ProbaStager


@pytest.fixture(scope="session")
def hard_stager():
    return HardStager


@pytest.fixture(scope="session")
def make_cohort():
    """``make_cohort(n_subjects=6, n_nights=1, n_epochs=20, *, without={}, seed=0)``.

    Rows of EEG, EOG and EMG features that go with the stage; ``without`` names the
    modalities that the nights of a subject lack.
    """

    def make(n_subjects=6, n_nights=1, n_epochs=20, *, without=None, seed=0):
        rng = np.random.default_rng(seed)
        n_rows = n_subjects * n_nights * n_epochs
        y = rng.integers(0, 5, n_rows)
        y[:: n_epochs // 5] = np.arange(len(y[:: n_epochs // 5])) % 5
        night = np.arange(n_rows) // n_epochs
        subject = np.array([f"p{i}" for i in night // n_nights])
        values = {
            name: y[:, None] + rng.normal(0, noise, (n_rows, 2))
            for name, noise in [("eeg", 0.5), ("eog", 1.0), ("emg", 2.0)]
        }
        for name_of_subject, names in (without or {}).items():
            for name in names:
                values[name][subject == name_of_subject] = np.nan
        names = np.array([f"n{i}" for i in night])
        X = EpochArray.from_arrays(values, recording=names, subject=subject)
        return X, y

    return make


@pytest.fixture
def cohort(make_cohort):
    return make_cohort()


@pytest.fixture
def count_fits(tmp_path):
    """Log file of the fits; its length is their number."""

    class Fits:
        path = str(tmp_path / "fits.txt")

        def lines(self):
            file = Path(self.path)
            return file.read_text().splitlines() if file.exists() else []

        def __len__(self):
            return len(self.lines())

    return Fits()
