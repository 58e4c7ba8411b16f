"""Cache: each night is computed once, for all folds, candidates and workers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline

from sleepkit.preprocessing import Cache, FitOnSelected, SpectrumScaler
from sleepkit.recording import EpochArray, Recording, Signal

N_NIGHTS = 10


@dataclass(frozen=True)
class Features:
    """Compute two features an epoch, and leave a line in a file for each call."""

    log: str
    power: int = 1

    def __call__(self, recording):
        with Path(self.log).open("a", encoding="utf-8") as log:
            log.write(f"{recording.id}\n")
        epochs = recording.signals["eeg"].data.reshape(recording.n_epochs, -1)
        features = np.column_stack([epochs.mean(axis=1), epochs.std(axis=1)])
        return recording.with_signals({"eeg": Signal(features**self.power)})


class FeatureStep(TransformerMixin, BaseEstimator):
    """The step as a transformer."""

    def __init__(self, log, power=1):
        self.log = log
        self.power = power

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.map(Features(self.log, self.power))


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    nights = []
    for i in range(N_NIGHTS):
        stages = rng.permutation([0, 2, 3] * 4)
        data = rng.standard_normal((12, 90)) * (1 + stages[:, None])
        nights.append(
            Recording(
                id=f"n{i}",
                subject=f"s{i}",
                signals={"eeg": Signal(data.reshape(1, -1), sfreq=3)},
                hypnogram=stages,
            )
        )
    return EpochArray(nights)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "calls.txt"


def stager(log, *steps):
    return Pipeline(
        [
            ("features", FeatureStep(str(log))),
            *steps,
            ("scale", SpectrumScaler()),
            ("stage", FitOnSelected(LogisticRegression(max_iter=50, tol=1e-2))),
        ]
    )


def search(pipeline, X, n_jobs=None):
    return GridSearchCV(
        pipeline,
        {"stage__estimator__C": [0.01, 0.1, 1, 10]},
        cv=GroupKFold(5),
        scoring="f1_macro",
        n_jobs=n_jobs,
    ).fit(X, X.hypnogram, groups=X.subject)


def calls(log):
    return log.read_text(encoding="utf-8").split()


def test_a_search_computes_each_night_once(cohort, log, tmp_path):
    """Five folds, four candidates, ten nights: ten calls, and not over a thousand."""
    found = search(stager(log, ("cache", Cache(tmp_path / "cache"))), cohort)
    assert sorted(calls(log)) == sorted(r.id for r in cohort.recordings)
    assert found.best_score_ > 0.5


def test_without_a_cache_it_computes_many_times(cohort, log):
    y, groups = cohort.hypnogram, cohort.subject
    cross_val_score(stager(log), cohort, y, groups=groups, cv=GroupKFold(5))
    assert len(calls(log)) > 5 * N_NIGHTS


def test_the_cache_changes_no_score(cohort, log, tmp_path):
    cached = stager(log, ("cache", Cache(tmp_path / "cache")))
    plain, found = (
        pipeline.fit(cohort[:60], cohort.hypnogram[:60]).predict_proba(cohort)
        for pipeline in (stager(log), cached)
    )
    np.testing.assert_array_equal(found, plain)


def test_worker_processes_share_it(cohort, log, tmp_path):
    search(stager(log, ("cache", Cache(tmp_path / "cache"))), cohort, n_jobs=2)
    assert sorted(calls(log)) == sorted(r.id for r in cohort.recordings)


def test_later_runs_and_other_views_use_it(cohort, log, tmp_path):
    pipeline = stager(log, ("cache", Cache(tmp_path / "cache")))
    y = cohort.hypnogram
    pipeline.fit(cohort, y)
    pipeline.predict(cohort[::-3])
    again = EpochArray([cohort.recordings[3]])
    pipeline.predict(again)
    cross_val_score(pipeline, cohort, y, groups=cohort.subject, cv=GroupKFold(2))
    assert len(calls(log)) == N_NIGHTS


def test_other_parameters_are_other_results(cohort, log, tmp_path):
    pipeline = stager(log, ("cache", Cache(tmp_path / "cache")))
    pipeline.fit(cohort, cohort.hypnogram)
    squared = pipeline.set_params(features__power=2).fit(cohort, cohort.hypnogram)
    assert len(calls(log)) == 2 * N_NIGHTS
    found = squared[:-2].transform(cohort).epochs("eeg")
    plain = Features(str(log), 2)(cohort.recordings[0]).signals["eeg"].data
    np.testing.assert_array_equal(found[:12], plain)


def test_nothing_is_computed_before_it_is_needed(cohort, log, tmp_path):
    X = FeatureStep(str(log)).transform(cohort)
    cached = Cache(tmp_path / "cache").fit_transform(X)
    assert len(cached) == len(X)
    assert not log.exists()
    assert not (tmp_path / "cache").exists()


def test_recordings_are_taken(cohort, tmp_path):
    night = cohort.recordings[0]
    cached = Cache(tmp_path).fit(night).transform([night])
    np.testing.assert_array_equal(cached.epochs("eeg"), cohort[:12].epochs("eeg"))


def test_plain_arrays_pass(tmp_path):
    X = np.arange(6.0).reshape(2, 3)
    assert Cache(tmp_path / "never").fit_transform(X) is X
    assert not (tmp_path / "never").exists()


def test_bad_directory():
    with pytest.raises(TypeError, match="'directory' parameter of Cache must be"):
        Cache(None).fit(np.zeros((2, 3)))
