"""Killed runs resume, and parallel runs give the same predictions."""

from __future__ import annotations

import functools
import importlib
import runpy
import signal
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, scale
from sklearn.tree import DecisionTreeClassifier

from sleepkit.classifiers import DistilledClassifier, SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.evaluation._describe import hash_fitted
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray
from sleepkit.utils import hash_code

PROBA = ("p_W", "p_N1", "p_N2", "p_N3", "p_REM")


def same(one, other):
    a, b = one.predictions(), other.predictions()
    return all(np.array_equal(a[name], b[name], equal_nan=name in PROBA) for name in a)


# ------------------------------------------------------------------------- resuming

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sleepkit.evaluation import cross_validate_staging
from sleepkit.recording import EpochArray

class Stager(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        log = Path("fits.txt")
        done = log.read_text().count("fit") if log.exists() else 0
        if Path("kill").exists() and done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        with log.open("a") as file:
            file.write("fit\\n")
        self.classes_ = np.unique(y)
        self.prior_ = np.bincount(y, minlength=5) / len(y)
        return self
    def predict_proba(self, X):
        return np.tile(self.prior_, (len(X), 1))

night = np.repeat([f"n{i}" for i in range(8)], 10)
X = EpochArray.from_arrays(np.arange(80.0)[:, None], recording=night)
y = np.random.default_rng(0).permutation(np.arange(80) % 5)
result = cross_validate_staging({"a": Stager()}, X, y, cv=4, directory="kept")
result.save("out")
"""


def test_a_killed_run_resumes(tmp_path, monkeypatch):
    (tmp_path / "run.py").write_text(KILLED)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "kill").touch()

    def run():
        return subprocess.run(
            [sys.executable, tmp_path / "run.py"],
            cwd=one,
            check=False,
            capture_output=True,
            text=True,
        )

    assert run().returncode == -signal.SIGKILL
    assert len(list((one / "kept").iterdir())) == 2
    (one / "kill").unlink()
    assert run().stderr == ""
    assert (one / "fits.txt").read_text() == "fit\n" * 4
    monkeypatch.chdir(two)
    runpy.run_path(str(tmp_path / "run.py"))  # never killed
    found, wanted = (
        np.load(folder / "out" / "predictions.npz") for folder in (one, two)
    )
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.fixture
def again(make_cohort, proba_stager, count_fits, tmp_path):
    """Run with a cache; ``again(name=value)`` changes one thing it depends on."""
    X, y = make_cohort()
    parameters = {"log": count_fits.path, "width": 1.0}

    def run(X=X, y=y, *, cv=3, stager=None, random_state=0, **changes):
        before = len(count_fits)
        stager = stager or proba_stager(**(parameters | changes.pop("parameters", {})))
        changes.setdefault("directory", tmp_path / "kept")
        result = cross_validate_staging(
            {"a": stager}, X, y, cv=cv, random_state=random_state, **changes
        )
        return len(count_fits) - before, result

    run.X, run.y = X, y
    return run


def test_the_same_call_fits_nothing(again):
    (n_fits, first), (n_more, second) = again(), again()
    assert (n_fits, n_more) == (3, 0)
    assert same(first, second)
    assert first.protocol["seconds"] == second.protocol["seconds"]


def test_only_what_is_missing_is_fitted(again, tmp_path):
    again()
    next((tmp_path / "kept").iterdir()).unlink()
    n_fits, result = again()
    assert n_fits == 1
    assert same(result, again(directory=None)[1])


@pytest.mark.parametrize("change", ["nothing", "half", "one bit", "no text"])
def test_a_damaged_file_is_computed_again(again, tmp_path, change):
    _, first = again()
    path = next((tmp_path / "kept").iterdir())
    content = bytearray(path.read_bytes())
    if change == "one bit":
        content[len(content) // 2] ^= 1
    keep = {"nothing": 0, "half": len(content) // 2, "one bit": None, "no text": 32}
    path.write_bytes(content[: keep[change]])
    n_fits, second = again()
    assert n_fits == 1
    assert same(first, second)
    assert again()[0] == 0


def test_any_change_of_rows_or_parameters_is_fitted_again(again):
    X, y = again.X, again.y
    assert again()[0] == 3
    swapped = np.r_[1, 0, 2 : len(y)]
    changed = y.copy()
    changed[0] = (changed[0] + 1) % 5
    values = {name: X.epochs(name) for name in X.modalities}
    values["eeg"][5] += 1
    louder = EpochArray.from_arrays(
        values, recording=X.recording, epoch=X.epoch, subject=X.subject
    )
    masked = X.with_train_mask(np.arange(len(y)) > 3)
    others = {
        "parameter": {"parameters": {"width": 2.0}},
        "seed": {"random_state": 1},
        "subsets": {"subsets": "drop_one"},
        "folds": {"cv": 2},
    }
    for changes in others.values():
        assert again(**changes)[0] == changes.get("cv", 3)
    # two of three folds train on the first night, and one is tested on it
    for other in ((X, changed), (louder, y), (masked, y), (X[swapped], y[swapped])):
        assert again(*other)[0] == 3
    more = again(cv=[(X.subject != "p0", X.subject == "p0")])
    assert more[0] == 1
    assert again()[0] == 0  # the first run is still cached


def test_an_unchanged_fold_is_read_from_the_cache(again):
    """Nights that are in no fold do not change the key."""
    X, y = again.X, again.y
    train, test = np.arange(40), np.arange(40, 60)
    assert again(cv=[(train, test)], random_state=None)[0] == 1
    assert again(X[:60], y[:60], cv=[(train, test)], random_state=None)[0] == 0


class Start(BaseEstimator):
    """What a stager starts from: it has fitted the shares of the stages."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, shares):
        self.shares_ = np.array(shares)
        return self


class Beginner(ClassifierMixin, BaseEstimator):
    """A stager that learns nothing more, and whose clones keep its start."""

    def __init__(self, start=None):
        self.start = start

    def __sklearn_clone__(self):
        return Beginner(self.start)

    def fit(self, X, y):
        self.classes_ = np.arange(5)
        return self

    def predict_proba(self, X):
        return np.tile(self.start.shares_, (len(X), 1))


def test_a_start_with_other_weights_is_fitted_again(again):
    """Its parameters are the same, and a clone keeps it."""
    shares = [[0.2] * 5, [0.6, 0.1, 0.1, 0.1, 0.1], [0.2] * 5]
    starts = [Start().fit(share) for share in shares]
    found = [again(stager=Beginner(start))[1].predictions() for start in starts]
    assert [result["p_W"][0] for result in found] == [0.2, 0.6, 0.2]
    assert starts[0].random_state is None  # it is the user's own


def test_teachers_tell_what_they_fitted():
    X = np.arange(8.0)[:, np.newaxis]
    trees = [DecisionTreeClassifier(random_state=0).fit(X, X[:, 0] > i) for i in (2, 5)]
    hashes = [
        hash_fitted(DistilledClassifier([make_pipeline(tree), LogisticRegression()]))
        for tree in (trees[0], trees[1], trees[0])
    ]
    assert hashes[0] == hashes[2] != hashes[1]
    assert list(hashes[0]) == ["teacher"]
    assert hash_fitted(DistilledClassifier(clone(trees[0]))) == {}


def test_changed_code_is_fitted_again(again, proba_stager, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "def same(X):\n    return X\n"
    log = tmp_path / "log"

    def run():
        sys.modules.pop("steps", None)
        step = functools.partial(importlib.import_module("steps").same)
        again(stager=make_pipeline(FunctionTransformer(step), proba_stager(str(log))))
        return len(log.read_text().splitlines())

    (tmp_path / "steps.py").write_text(source)
    assert [run(), run()] == [3, 3]
    (tmp_path / "steps.py").write_text(source.replace("return X", "return X  # new"))
    assert run() == 6


def test_functions_of_libraries_keep_their_hash():
    command = (
        "import sys; from sklearn.preprocessing import scale; import numpy as np;"
        "from sleepkit.utils import hash_code;"
        "print(hash_code([scale, np.log1p, [].append, {'f': sys.exit}]))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True
    ).stdout
    here = hash_code([scale, np.log1p, [].append, {"f": sys.exit}])
    assert elsewhere.strip() == here


def test_an_interrupted_run_reports_how_to_resume(
    cohort, proba_stager, tmp_path, count_fits
):
    class Impatient(proba_stager):
        def fit(self, X, y):
            if len(count_fits) == 2 and not (tmp_path / "patient").exists():
                raise KeyboardInterrupt
            return super().fit(X, y)

    X, y = cohort
    kept = tmp_path / "kept"
    stagers = {"a": Impatient(count_fits.path)}
    with pytest.raises(KeyboardInterrupt) as stop:
        cross_validate_staging(stagers, X, y, cv=3, directory=kept)
    words = f"2 of 3 fits are finished; they are in {kept}, and the same call resumes."
    assert words in stop.value.__notes__
    with pytest.raises(KeyboardInterrupt) as stop:
        cross_validate_staging(stagers, X, y, cv=3)
    words = "0 of 3 fits are finished; none is stored, because 'directory' is None."
    assert words in stop.value.__notes__
    (tmp_path / "patient").touch()
    cross_validate_staging(stagers, X, y, cv=3, directory=kept)
    assert len(count_fits) == 3


def test_a_failing_fit_is_named(cohort, proba_stager, tmp_path):
    X, y = cohort
    stagers = {
        "good": proba_stager(),
        "bad": proba_stager(fail=RuntimeError("diverged")),
    }
    with pytest.raises(RuntimeError, match="diverged") as error:
        cross_validate_staging(stagers, X, y, cv=2, directory=tmp_path)
    notes = error.value.__notes__
    assert notes[0] == "Raised by 'bad' on fold 0."
    assert notes[1].startswith("1 of 4 fits are finished; they are in")


def test_a_condition_may_have_any_name(cohort, proba_stager, tmp_path):
    X, y = cohort
    corruptions = {"fit": EchoStep(), "../a b/ü": EchoStep()}
    for _ in range(2):
        result = cross_validate_staging(
            {"a": proba_stager()},
            X,
            y,
            cv=2,
            corruptions=corruptions,
            directory=tmp_path,
        )
        assert result.conditions == ["all", "fit", "../a b/ü"]
    assert len(list(tmp_path.iterdir())) == 2


class EchoStep:
    """A corruption that does nothing."""

    def __call__(self, recording):
        return recording


def test_progress(cohort, proba_stager, capsys):
    X, y = cohort
    for verbose in (True, False):
        cross_validate_staging({"a": proba_stager()}, X, y, cv=2, verbose=verbose)
        assert ("fits: 100%" in capsys.readouterr().err) is verbose


# ------------------------------------------------------------------------- parallel


@pytest.fixture(scope="module")
def nights():
    X, y, _ = make_polysomnography(4, hours=0.5, random_state=0)
    return X.materialize(), y


@pytest.fixture(scope="module")
def trees():
    tree = DecisionTreeClassifier(max_depth=4, max_features=0.5)
    return {
        "tree": make_pipeline(BandPower(), tree),
        "stump": make_pipeline(BandPower(), DecisionTreeClassifier(max_depth=1)),
    }


@pytest.fixture(scope="module")
def evaluate(nights, trees):
    def run(**parameters):
        return cross_validate_staging(
            trees, *nights, cv=3, subsets=[["eeg"]], random_state=0, **parameters
        )

    return run


@pytest.fixture(scope="module")
def serial(evaluate):
    return evaluate()


def test_threads_give_the_same(evaluate, serial):
    with joblib.parallel_config("threading", n_jobs=2):
        assert same(evaluate(), serial)


def test_processes_give_the_same(evaluate, serial):
    assert same(evaluate(n_jobs=2), serial)


def test_another_process_reads_the_cache(evaluate, serial, tmp_path):
    with joblib.parallel_config("threading", n_jobs=2):
        evaluate(directory=tmp_path)
    times = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    assert same(evaluate(directory=tmp_path), serial)
    assert [p.stat().st_mtime_ns for p in sorted(tmp_path.iterdir())] == times


def test_parallel_nets_give_the_same(make_cohort):
    X, y = make_cohort()
    net = SleepMGClassifier(max_epochs=2, batch_size=32, dropout=0.1)

    def run():
        nets = {"a": net, "b": clone(net).set_params(lr=1e-2)}
        return cross_validate_staging(
            nets, X, y, cv=2, subsets=[["eog", "emg"]], random_state=0
        )

    serial = run()
    assert same(run(), serial)
    with joblib.parallel_config("threading", n_jobs=2):
        assert same(run(), serial)


def test_dask_workers_give_the_same(evaluate, serial, dask_client, tmp_path):
    assert list(dask_client.ncores().values()) == [1, 1]
    with joblib.parallel_config(backend="dask"):
        assert same(evaluate(directory=tmp_path), serial)
        assert same(evaluate(directory=tmp_path), serial)
    assert len(list(tmp_path.iterdir())) == 6
