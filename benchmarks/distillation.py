"""Distillation of MedFuseSleep at the paper's size into a twentieth of its parameters.

    python benchmarks/distillation.py --out docs/results

On features of real nights (SLEEPKIT_REAL_DATA); the time of staging is that of the
spectra of a night of 8 h. Finished teachers, what they say, and predictions are kept in
--work: the same command goes on after a crash. What is to be said about the figures is
written by hand in distillation_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from common import (
    difference_table,
    heading,
    in_turn,
    include_findings,
    mean_kappa,
    real_folder,
    real_nights,
    table,
)
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin

from sleepkit.classifiers import DistilledClassifier, MedFuseSleepClassifier
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray

TITLE = "A small student of large teachers"
ABOUT = """Two MedFuseSleep nets of the paper's size, {large:,} parameters, with
different seeds, teach the default student of {small:,}, {ratio:.1f} times fewer:
trained on stages alone, on one teacher besides, on both, and on one teacher without any
stage, {seeds} seeds. {n} subjects of Sleep-EDF Expanded, ten powers a channel of EEG
(two channels) and EOG: both nights of {train} subjects to train, those of {test} to
test, which neither teachers nor students know. Teachers and students train for {passes}
passes in batches of {batch} sequences that do not overlap, {fraction:.0%} of the
training subjects held out to select weights. Teachers: {teacher}. Students: {student}.
Kappa of all scored epochs of the test subjects together; ±: SD over seeds. Made by
``python benchmarks/distillation.py --out docs/results`` in {minutes:.0f} min of one
core, other work beside it."""
SEEDS = (0, 1, 2)
TEACHERS = (0, 1)
N_TEST = 14
PASSES = 10
SHARED = {
    "max_epochs": PASSES,
    "batch_size": 8,
    "validation_fraction": 0.1,
    "stride": 21,
    "n_threads": 1,
}
SHOWN = ("d_model", "n_heads", "n_layers", "dim_feedforward", "d_head", "dropout", "lr")


def shown(estimator):
    """Give the parameters that the page names."""
    return {name: getattr(estimator, name) for name in SHOWN}


TEACHER = shown(MedFuseSleepClassifier())  # the paper's
STUDENT = shown(DistilledClassifier(None)._new_student())
ARMS = ("stages alone", "one teacher", "two teachers", "one teacher, no stages")


class Said(ClassifierMixin, BaseEstimator):
    """What a fitted teacher says of some nights, which it stages once for all fits."""

    def __init__(self, proba):
        self.proba = proba
        self.classes_ = np.arange(proba.shape[1])

    def fit(self, X, y):
        """Nothing is left to train."""
        return self

    def predict_proba(self, X):
        """Give what is kept."""
        assert len(X) == len(self.proba)
        return self.proba


def keep_seconds(path, start):
    """Keep what a file took beside it."""
    seconds = f"{time.process_time() - start:.0f}"
    path.with_suffix(f"{path.suffix}.seconds").write_text(seconds, encoding="utf-8")
    print(path, seconds, "s", flush=True)


def teacher(seed, X, y, work):
    """A fitted teacher; kept."""
    path = work / f"teacher-{seed}.model"
    if not path.exists():
        start = time.process_time()
        net = MedFuseSleepClassifier(**SHARED, **TEACHER, random_state=seed)
        save_model(net.fit(X, y), path)
        keep_seconds(path, start)
    return load_model(path)


def student(arm, teachers, X, y, seed):
    """A fitted student of teachers."""
    net = MedFuseSleepClassifier(**SHARED, **STUDENT, random_state=seed)
    if arm == ARMS[0]:
        return net.fit(X, y)
    some = teachers if arm == ARMS[2] else teachers[0]
    stages = None if arm == ARMS[3] else y
    return DistilledClassifier(some, net).fit(X, stages).student_


def kept(path, make, X):
    """Probabilities by a stager that is made where they are not kept."""
    if not path.exists():
        start = time.process_time()
        np.save(path, make().predict_proba(X))
        keep_seconds(path, start)
    return np.load(path)


def n_parameters(net):
    """Count the parameters of a fitted net."""
    return sum(p.numel() for p in net.module_.parameters())


def cost_table():
    """Parameters, and seconds of a night of 8 h of spectra, of each size."""
    rng = np.random.default_rng(0)
    shape = (960, 1, 29, 128)
    X = EpochArray.from_arrays(
        {n: rng.normal(size=shape).astype("f4") for n in ("eeg", "eog")},
        recording=["night"] * 960,
    )
    y = np.arange(960) % 5
    fixed = {"max_epochs": 1, "n_threads": 1, "precision": "float32", "random_state": 0}
    nets = {
        "teacher": MedFuseSleepClassifier(**TEACHER),
        "student": MedFuseSleepClassifier(**STUDENT),
    }
    for net in nets.values():  # the time does not depend on weights
        net.set_params(**fixed).fit(X[:21], y[:21])
    calls = {name: partial(net.predict_proba, X) for name, net in nets.items()}
    seconds = in_turn(calls, 3)
    return table(
        ("net", "parameters", "seconds"),
        [
            [name, f"{n_parameters(net):,}", f"{seconds[name]:.2f}"]
            for name, net in nets.items()
        ],
    )


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("distillation"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    X, y = real_nights(real_folder())
    names = np.random.default_rng(0).permutation(np.unique(X.subject))
    tests = np.isin(X.subject, names[:N_TEST])
    X_test, y_test, subject = X[tests], y[tests], X.subject[tests]
    X, y = X[~tests], y[~tests]
    parallel = Parallel(n_jobs=args.jobs)
    teachers = parallel(delayed(teacher)(seed, X, y, args.work) for seed in TEACHERS)
    of_teachers, said = {}, []
    for seed, net in zip(TEACHERS, teachers, strict=True):
        path = args.work / f"teacher-{seed}"
        of_test = kept(path.with_suffix(".test.npy"), lambda net=net: net, X_test)
        of_teachers["teacher", seed] = of_test.argmax(axis=1)
        said.append(Said(kept(path.with_suffix(".train.npy"), lambda net=net: net, X)))
    pairs = list(product(SEEDS, ARMS))
    probas = parallel(
        delayed(kept)(
            args.work / f"{arm.replace(' ', '-')}-{seed}.npy",
            partial(student, arm, said, X, y, seed),
            X_test,
        )
        for seed, arm in pairs
    )
    stages = dict(zip(pairs, (p.argmax(axis=1) for p in probas), strict=True))
    runs = [of_teachers | {arm: stages[seed, arm] for arm in ARMS} for seed in SEEDS]
    one = MedFuseSleepClassifier(**STUDENT, max_epochs=1).fit(X[:21], y[:21])
    facts = {
        "large": n_parameters(teachers[0]),
        "small": n_parameters(one),
        "ratio": n_parameters(teachers[0]) / n_parameters(one),
        "n": len(names),
        "train": len(names) - N_TEST,
        "minutes": sum(float(p.read_text()) for p in args.work.glob("*.seconds")) / 60,
    }
    path = args.out / "distillation.rst"
    path.write_text(page(path, facts, (y_test, subject), runs), "utf-8")
    print(path.read_text(encoding="utf-8"))


def page(path, facts, test, runs):
    """Text of the page."""
    y, subject = test
    rows = [
        [f"teacher, seed {seed}", mean_kappa(y, runs[:1], ("teacher", seed))]
        for seed in TEACHERS
    ]
    rows += [[f"student, {arm}", mean_kappa(y, runs, arm)] for arm in ARMS]
    pairs = [(f"{arm} - {ARMS[0]}", arm, ARMS[0]) for arm in ARMS[1:]]
    pairs += [(f"{arm} - first teacher", arm, ("teacher", 0)) for arm in ARMS]
    cost = cost_table()
    about = ABOUT.format(
        **facts,
        seeds=len(SEEDS),
        test=N_TEST,
        passes=PASSES,
        batch=SHARED["batch_size"],
        fraction=SHARED["validation_fraction"],
        teacher=", ".join(f"{n} {v}" for n, v in (SHARED | TEACHER).items()),
        student=", ".join(f"{n} {v}" for n, v in STUDENT.items()),
    )
    parts = [
        heading(TITLE, "="),
        textwrap.fill(" ".join(about.split()), 88) + "\n",
        include_findings(path),
        heading("Kappa"),
        table(("net", "kappa"), rows),
        "Paired over test subjects, all seeds:\n",
        difference_table(y, subject, runs, pairs),
        heading("Time"),
        "Seconds from the spectra of EEG and EOG of a night of 8 h to probabilities, "
        "one\nthread, float32, median of 3; parameters of nets for such spectra.\n",
        cost,
    ]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    main()
