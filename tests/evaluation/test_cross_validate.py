"""Same folds for all estimators, one fit each, every condition, no leakage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sleepkit.evaluation import cross_validate_staging
from sleepkit.exceptions import LeakageError, StepError
from sleepkit.model_selection import SubjectKFold, SubjectShuffleSplit
from sleepkit.recording import EpochArray, Recording, Signal, concatenate


@dataclass(frozen=True)
class Add:
    """A corruption: a constant on top of one modality."""

    amount: float
    modality: str = "eeg"

    def __call__(self, recording):
        signals = dict(recording.signals)
        values = np.asarray(signals[self.modality].data)
        signals[self.modality] = Signal(values + self.amount)
        return recording.with_signals(signals)


def make_search(estimator, cv):
    return GridSearchCV(estimator, {"width": [1.0, 2.0]}, cv=cv)


# ------------------------------------------------------------------ folds and fits


def test_all_estimators_have_the_same_folds(cohort, proba_stager, hard_stager):
    X, y = cohort
    stagers = {"a": proba_stager(), "b": hard_stager()}
    result = cross_validate_staging(stagers, X, y, cv=3)
    a, b = result.predictions("a"), result.predictions("b")
    for name in ("fold", "subject", "recording", "epoch", "true"):
        assert np.array_equal(a[name], b[name])
    expected = [
        X.recording[test].tolist() for _, test in SubjectKFold(3).split(X, y, X.subject)
    ]
    assert [a["recording"][a["fold"] == k].tolist() for k in range(3)] == expected


def test_one_fit_a_fold_for_any_number_of_conditions(cohort, proba_stager, count_fits):
    X, y = cohort
    cross_validate_staging(
        {"a": proba_stager(count_fits.path)},
        X,
        y,
        cv=3,
        subsets="every",
        corruptions={"louder": Add(1.0)},
    )
    assert len(count_fits) == 3


def test_conditions_by_hand(cohort, proba_stager):
    X, y = cohort
    result = cross_validate_staging(
        {"a": proba_stager()},
        X,
        y,
        cv=2,
        subsets=["eog", ["emg", "eeg"]],
        corruptions={"louder": Add(3.0)},
    )
    assert result.conditions == ["all", "eog", "eeg+emg", "louder"]
    for k, (train, test) in enumerate(SubjectKFold(2).split(X)):
        fitted = proba_stager().fit(X[train], y[train])
        wanted = {
            "all": X[test],
            "eog": X[test].select(["eog"]),
            "eeg+emg": X[test].drop("eog"),
            "louder": X[test].map(Add(3.0)),
        }
        for name, rows in wanted.items():
            table = result.predictions("a", name)
            found = table["predicted"][table["fold"] == k]
            # without a seed, the noise differs between calls
            assert np.mean(found == fitted.predict(rows)) > 0.95
    accuracy = dict(
        zip(result.scores()["condition"], result.scores()["accuracy"], strict=True)
    )
    assert accuracy["all"] > accuracy["eog"] > 0.25
    assert accuracy["all"] > 0.6 > accuracy["louder"]


@pytest.mark.parametrize(
    ("subsets", "names"),
    [
        (None, ["all"]),
        ("drop_one", ["all", "eeg+eog", "eeg+emg", "eog+emg"]),
        (
            "every",
            ["all", "eeg+eog", "eeg+emg", "eog+emg", "eeg", "eog", "emg"],
        ),
        ([["eog", "eeg"], ["eeg", "eog"]], ["all", "eeg+eog"]),
    ],
)
def test_subsets(cohort, proba_stager, subsets, names):
    X, y = cohort
    result = cross_validate_staging({"a": proba_stager()}, X, y, cv=2, subsets=subsets)
    assert result.conditions == names


def test_rows_without_the_modalities_are_not_scored(make_cohort, proba_stager):
    X, y = make_cohort(4, without={"p1": ["eog"], "p3": ["eeg", "emg"]})
    result = cross_validate_staging(
        {"a": proba_stager()}, X, y, cv=2, subsets=[["eog"], ["emg"]]
    )
    scores = result.scores()
    assert scores["condition"] == ["all", "eog", "emg"]
    assert scores["n_epochs"] == [80, 60, 60]
    table = result.predictions("a", "eog")
    missing = table["subject"] == "p1"
    assert set(table["predicted"][missing]) == {-1}
    assert np.isnan(table["p_W"][missing]).all()
    assert (table["predicted"][~missing] >= 0).all()


def test_a_subset_that_no_subject_of_a_fold_has(make_cohort, proba_stager):
    X, y = make_cohort(4, without={"p0": ["eog"], "p2": ["eog"]})
    cv = [(X.subject != p, X.subject == p) for p in ("p0", "p1")]
    result = cross_validate_staging({"a": proba_stager()}, X, y, cv=cv, subsets=["eog"])
    assert result.scores()["n_epochs"] == [40, 20]
    assert set(result.scores("fold")["fold"]) == {0, 1}


def test_complete_nights_keep_their_fingerprint(cohort, proba_stager):
    class Watch(proba_stager):
        def _proba(self, X):
            seen.append([recording.fingerprint for recording in X.recordings])
            return super()._proba(X)

    X, y = cohort
    seen = []
    result = cross_validate_staging({"a": Watch()}, X, y, cv=2)
    known = [recording.fingerprint for recording in X.recordings]
    assert sorted(chain.from_iterable(seen)) == sorted(known)
    assert result.conditions == ["all"]


def test_one_class_in_a_fold(cohort):
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, _ = cohort
    y = np.where(X.subject == "p0", 2, 0)
    cv = [(X.subject == "p0", X.subject == "p1")]
    stager = HistGradientBoostingClassifier(max_iter=1)
    table = cross_validate_staging({"a": stager}, X, y, cv=cv).predictions()
    assert set(table["predicted"]) == {2}
    assert set(table["p_N2"]) == {1.0}
    assert set(table["p_W"]) == {0.0}


def test_rows_may_be_tested_in_several_folds(cohort, proba_stager):
    X, y = cohort
    cv = SubjectShuffleSplit(4, test_size=2, random_state=0)
    result = cross_validate_staging({"a": proba_stager()}, X, y, cv=cv)
    table = result.predictions()
    tests = [test for _, test in cv.split(X)]
    assert len(table["fold"]) == 4 * 40
    assert np.array_equal(table["true"], y[np.concatenate(tests)])
    assert np.array_equal(table["epoch"], X.epoch[np.concatenate(tests)])
    assert result.scores("fold")["n_epochs"] == [40] * 4


def test_rows_in_any_order(cohort, proba_stager):
    X, y = cohort
    order = np.random.default_rng(1).permutation(len(X))
    stagers = {"a": proba_stager(random_state=0)}
    result = cross_validate_staging(stagers, X[order], y[order], cv=LeaveOneGroupOut())
    table = result.predictions()
    key = dict(zip(zip(X.recording, X.epoch, strict=True), y, strict=True))
    rows = zip(table["recording"], table["epoch"], strict=True)
    assert [key[row] for row in rows] == table["true"].tolist()


# --------------------------------------------------------------------------- leaks


def test_refuses_a_subject_on_both_sides(make_cohort, proba_stager):
    X, y = make_cohort(3, n_nights=2)
    words = "3 subjects are in training and in test: e.g. 'p0'. Split by subject"
    rows = KFold(2, shuffle=True, random_state=0).split(y)
    with pytest.raises(LeakageError, match=words):
        cross_validate_staging({"a": proba_stager()}, X, y, cv=rows)
    cv = GroupKFold(6)
    with pytest.raises(LeakageError, match="1 subject is in training and in test"):
        cross_validate_staging({"a": proba_stager()}, X, y, X.recording, cv=cv)


def test_refuses_before_anything_is_fitted(cohort, proba_stager, count_fits):
    X, y = cohort
    good = (X.subject != "p0", X.subject == "p0")
    with pytest.raises(LeakageError):
        cross_validate_staging(
            {"a": proba_stager(count_fits.path)}, X, y, cv=[good, (good[0], good[0])]
        )
    assert len(count_fits) == 0


def test_refuses_a_night_under_two_names(cohort, proba_stager):
    X, y = cohort
    night = X.recordings[0]
    copy = Recording(id="copy", subject="other", signals=night.sources)
    both = concatenate([X, EpochArray([copy])])
    stages = np.concatenate([y, y[:20]])
    words = r"1 night is in training and in test: 'n0 = copy'"
    with pytest.raises(LeakageError, match=words):
        cross_validate_staging(
            {"a": proba_stager()}, both, stages, cv=LeaveOneGroupOut()
        )


def test_refuses_a_group_on_both_sides(cohort, proba_stager):
    X, y = cohort
    family = np.where(np.isin(X.subject, ["p0", "p5"]), "smith", X.subject)
    cv = [(X.subject != "p0", X.subject == "p0")]
    with pytest.raises(LeakageError, match=r"1 group is in training .* 'smith'"):
        cross_validate_staging({"a": proba_stager()}, X, y, family, cv=cv)
    result = cross_validate_staging(
        {"a": proba_stager()}, X, y, family, cv=SubjectKFold(5)
    )
    for fold in result.protocol["splits"]:
        assert len({"p0", "p5"} & set(fold["test_subjects"])) in (0, 2)


@pytest.mark.parametrize("cv", [None, 2, ShuffleSplit(1, random_state=0)])
def test_refuses_a_search_that_shares_subjects(cohort, proba_stager, cv):
    X, y = cohort
    words = "in the inner training of 'a' and in its inner validation: e.g. 'p[01]'"
    with pytest.raises(LeakageError, match=words):
        cross_validate_staging({"a": make_search(proba_stager(), cv)}, X, y, cv=3)


def test_refuses_a_calibration_within_a_pipeline(cohort, proba_stager):
    X, y = cohort
    stager = make_pipeline(
        FunctionTransformer(), CalibratedClassifierCV(proba_stager())
    )
    with pytest.raises(LeakageError, match="inner training"):
        cross_validate_staging({"a": stager}, X, y, cv=3)


def test_takes_a_search_by_subject(cohort, proba_stager, count_fits):
    X, y = cohort
    search = make_search(proba_stager(count_fits.path), SubjectKFold(2))
    result = cross_validate_staging({"a": search}, X, y, cv=2)
    assert len(count_fits) == 2 * (2 * 2 + 1)
    assert result.scores()["n_epochs"] == [120]


def test_refuses_validation_nights_that_are_tested(cohort, proba_stager):
    X, y = cohort
    valid = Dataset(X[X.subject == "p4"], y[X.subject == "p4"])
    stager = proba_stager(held=predefined_split(valid))
    words = "in the parameter 'held' of 'a' and in test: 'p4'"
    with pytest.raises(LeakageError, match=words):
        cross_validate_staging({"a": stager}, X, y, cv=3)
    others = X.subject != "p4"
    for held in (X.recordings[4], [{"nights": X[~others]}]):
        with pytest.raises(LeakageError, match="in test: 'p4'"):
            cross_validate_staging({"a": proba_stager(held=held)}, X, y, cv=3)
    result = cross_validate_staging({"a": stager}, X[others], y[others], cv=3)
    assert result.scores()["n_epochs"] == [100]


# -------------------------------------------------------------------------- window


def test_the_window_is_required_for_part_of_the_epochs(make_night, hard_stager):
    class Wake(hard_stager):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.zeros(len(X), int)

    nights = [
        make_night(6, ("eeg",), seed=i, hypnogram=[0, 1, -1, 2, 3, 4]) for i in (0, 1)
    ]
    X = EpochArray(nights)
    y = X.hypnogram
    run = cross_validate_staging
    assert run({"a": Wake()}, X, y, cv=2).protocol["scoring_window"] == (
        "all scored epochs"
    )
    kept = X.epoch > 0
    words = "must describe what is scored, .* X has 8 epochs of nights with 10 scored"
    with pytest.raises(ValueError, match=words):
        run({"a": Wake()}, X[kept], y[kept], cv=2)
    named = run({"a": Wake()}, X[kept], y[kept], cv=2, window="sleep")
    assert named.protocol["scoring_window"] == "sleep"
    assert str(named).endswith("Scored: sleep, of 2 nights of 2 subjects.")
    # as many rows as scored epochs, but not these
    other = np.r_[1:10, 9]
    with pytest.raises(ValueError, match="must describe what is scored"):
        run({"a": Wake()}, X[other], y[other], cv=2)


# --------------------------------------------------------------------------- seeds


def test_seeds(cohort, proba_stager, count_fits):
    X, y = cohort
    stagers = {
        "a": proba_stager(count_fits.path),
        "b": proba_stager(count_fits.path, 2.0),
    }
    first = cross_validate_staging(stagers, X, y, cv=3, random_state=7)
    seeds = [line.split()[0] for line in count_fits.lines()]
    assert seeds[::2] == seeds[1::2]  # the same for each estimator
    assert len(set(seeds)) == 3  # another one for each fold
    again = cross_validate_staging(stagers, X, y, cv=3, random_state=np.int64(7))
    other = cross_validate_staging(stagers, X, y, cv=3, random_state=8)
    names = [f"p_{stage}" for stage in ("W", "N1", "N2", "N3", "REM")]
    one, same, new = (r.predictions() for r in (first, again, other))
    assert all(np.array_equal(one[name], same[name]) for name in names)
    assert not any(np.array_equal(one[name], new[name]) for name in names)


def test_a_seed_that_is_set_stays(cohort, count_fits, proba_stager):
    X, y = cohort
    stager = make_pipeline(FunctionTransformer(), proba_stager(count_fits.path, 1.0, 3))
    cross_validate_staging({"a": stager}, X, y, cv=2, random_state=7)
    assert {line.split()[0] for line in count_fits.lines()} == {"3"}


def test_estimators_are_left_as_they_are(cohort, proba_stager):
    X, y = cohort
    stager = proba_stager()
    cross_validate_staging({"a": stager}, X, y, cv=2, random_state=0)
    assert stager.random_state is None
    assert not hasattr(stager, "classes_")


# ----------------------------------------------------------------------- bad input


def test_bad_estimators(cohort, proba_stager):
    X, y = cohort
    words = "'estimators' parameter of cross_validate_staging must map names"
    for estimators in ({}, proba_stager(), [proba_stager()], {1: proba_stager()}):
        with pytest.raises(ValueError, match=words):
            cross_validate_staging(estimators, X, y)
    with pytest.raises(TypeError, match="clone"):
        cross_validate_staging({"a": "tree"}, X, y)


def test_bad_rows(cohort, proba_stager):
    X, y = cohort
    stagers = {"a": proba_stager()}
    with pytest.raises(TypeError, match=r"needs an EpochArray.*from_arrays.* ndarray"):
        cross_validate_staging(stagers, np.ones((3, 2)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"'y' parameter of .* Got \[-1\]"):
        cross_validate_staging(stagers, X, np.where(y == 0, -1, y))
    with pytest.raises(ValueError, match=r"stage codes .* Got \['W'\]"):
        cross_validate_staging(stagers, X, np.full(len(X), "W"))
    with pytest.raises(ValueError, match=r"non-empty .* Got shape \(0,\)"):
        cross_validate_staging(stagers, X[:0], y[:0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_validate_staging(stagers, X, y[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_validate_staging(stagers, X, y, X.subject[:-1])


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"subsets": "all"}, ValueError, "'drop_one', 'every' or sequences"),
        (
            {"subsets": [["ecg"]]},
            ValueError,
            r"\('eeg', 'eog', 'emg'\). Got \('ecg',\)",
        ),
        ({"subsets": [[]]}, ValueError, "non-empty"),
        ({"corruptions": {"all": Add(1)}}, ValueError, "no other condition. Got 'all'"),
        ({"corruptions": {3: Add(1)}}, ValueError, "no other condition. Got 3"),
        ({"corruptions": {"x": lambda r: r}}, StepError, "module-level function"),
        ({"window": ""}, ValueError, "must be a non-empty string or None. Got ''"),
        ({"window": 30}, ValueError, "must be a non-empty string or None. Got 30"),
        ({"random_state": -1}, ValueError, "'random_state' parameter of cross_valid"),
        ({"random_state": "a"}, ValueError, "'random_state' parameter of cross_valid"),
        ({"cv": []}, ValueError, "must give at least one fold"),
        ({"cv": [([], [0, 1])]}, ValueError, "Fold 0 .* no rows for training"),
        ({"cv": 7}, ValueError, "a subject for each of its 7 folds; got 6"),
    ],
)
def test_bad_parameters(cohort, proba_stager, count_fits, parameters, error, words):
    X, y = cohort
    with pytest.raises(error, match=words):
        cross_validate_staging({"a": proba_stager(count_fits.path)}, X, y, **parameters)
    assert len(count_fits) == 0


def test_predictions_that_are_not_stage_codes(cohort, hard_stager):
    class Wrong(hard_stager):
        def predict(self, X):
            return np.full(len(X), 7)

    X, y = cohort
    with pytest.raises(
        ValueError, match=r"output of an estimator must be .* Got \[7\]"
    ) as e:
        cross_validate_staging({"mine": Wrong()}, X, y, cv=2)
    assert "Raised by 'mine' on fold 0." in e.value.__notes__


def test_scikit_learn_classifiers_work(cohort):
    X, y = cohort
    trees = {"tree": DecisionTreeClassifier(max_depth=3)}
    result = cross_validate_staging(trees, X, y, cv=2, random_state=0)
    assert result.scores()["accuracy"][0] > 0.4
