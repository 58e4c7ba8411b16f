"""Distillation of MedFuseSleep of the paper's size into a twentieth of its parameters.

    python benchmarks/distillation.py --out docs/results

On features of real nights (SLEEPKIT_REAL_DATA); the time of staging is that of the
spectra of a night of 8 h. Finished teachers and predictions are kept in --work: the
same command goes on after a crash. What is to be said about the figures is written by
hand in distillation_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
import time
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

from sleepkit.classifiers import DistilledClassifier, MedFuseSleepClassifier
from sleepkit.metrics import staging_scores
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray

TITLE = "A small student of large teachers"
ABOUT = """MedFuseSleep of the paper's size ({large:,} parameters), two of them with
different seeds, and the default student of `DistilledClassifier` ({small:,},
{ratio:.1f} times fewer): trained on stages alone, on one teacher besides, on both, and on one
teacher without any stage, {seeds} seeds. The first night of {n} subjects of Sleep-EDF
Expanded, ten powers a channel of EEG (two channels) and EOG: {train} subjects to train,
{test} to test, which neither teachers nor students know. Teachers train for
{teacher_passes} passes with lr {teacher_lr} and students for {student_passes}, in
batches of {batch} sequences, {fraction:.0%} of the training subjects held out to select
weights. Kappa of all scored epochs of the test subjects together; ±: SD over seeds.
Made by ``python benchmarks/distillation.py --out docs/results`` in {minutes:.0f} min of
one core."""
SEEDS = (0, 1, 2)
TEACHERS = (0, 1)
N_TEST = 22
PASSES, STUDENT_PASSES = 3, 3
LR = 3e-4
SHARED = {
    "batch_size": 8,
    "validation_fraction": 0.1,
    "stride": 10,
    "n_threads": 1,
}
STUDENT = {
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "dim_feedforward": 128,
    "d_head": 128,
    "dropout": 0.1,
    "lr": 1e-3,
}
ARMS = ("stages alone", "one teacher", "two teachers", "one teacher, no stages")


def teacher(X, y, seed, work):
    """A net of the paper's size; kept."""
    path = work / f"teacher-{seed}.model"
    if not path.exists():
        start = time.process_time()
        net = MedFuseSleepClassifier(
            **SHARED, lr=LR, max_epochs=PASSES, random_state=seed
        )
        save_model(net.fit(X, y), path)
        print(path, f"{time.process_time() - start:.0f} s", flush=True)
    return load_model(path)


def student(arm, teachers, X, y, seed):
    """A fitted student."""
    net = MedFuseSleepClassifier(
        **SHARED, **STUDENT, max_epochs=STUDENT_PASSES, random_state=seed
    )
    if arm == ARMS[0]:
        return net.fit(X, y)
    some = teachers if arm == ARMS[2] else teachers[0]
    stages = None if arm == ARMS[3] else y
    return DistilledClassifier(some, net).fit(X, stages).student_


def kept_stages(path, make, X):
    """Stages by a stager that is made where they are not kept."""
    if not path.exists():
        start = time.process_time()
        np.save(path, make().predict(X))
        print(path, f"{time.process_time() - start:.0f} s", flush=True)
    return np.load(path)


def night_seconds():
    """Seconds of a night of 8 h, and parameters, of both sizes."""
    rng = np.random.default_rng(0)
    shape = (960, 1, 29, 128)
    X = EpochArray.from_arrays(
        {n: rng.normal(size=shape).astype("f4") for n in ("eeg", "eog")},
        recording=["night"] * 960,
    )
    y = np.arange(960) % 5
    nets = {}
    for name, params in (("teacher", {}), ("student", STUDENT)):
        net = MedFuseSleepClassifier(
            **params, max_epochs=1, n_threads=1, precision="float32", random_state=0
        )
        nets[name] = net.fit(X[:21], y[:21])  # the time does not depend on weights
    seconds = in_turn(
        {name: lambda net=net: net.predict_proba(X) for name, net in nets.items()}, 3
    )
    sizes = {
        n: sum(p.numel() for p in net.module_.parameters()) for n, net in nets.items()
    }
    return seconds, sizes


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("distillation"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    begin = time.process_time()
    X, y = real_nights(real_folder())
    first = np.array([name.endswith("night1") for name in X.recording])
    X, y = X[first], y[first]
    names = np.random.default_rng(0).permutation(np.unique(X.subject))
    tests = np.isin(X.subject, names[:N_TEST])
    X_test, y_test, subject = X[tests], y[tests], X.subject[tests]
    X, y = X[~tests], y[~tests]
    teachers = [teacher(X, y, seed, args.work) for seed in TEACHERS]
    of_teachers = {
        ("teacher", seed): kept_stages(
            args.work / f"teacher-{seed}.npy", lambda t=net: t, X_test
        )
        for seed, net in zip(TEACHERS, teachers, strict=True)
    }
    runs = []
    for seed in SEEDS:
        run = dict(of_teachers)
        for arm in ARMS:
            path = args.work / f"{arm.replace(' ', '-')}-{seed}.npy"
            run[arm] = kept_stages(
                path,
                lambda arm=arm, seed=seed: student(arm, teachers, X, y, seed),
                X_test,
            )
        runs.append(run)
    write(args.out / "distillation.rst", X, names, (y_test, subject), runs, begin)


def write(path, X, names, test, runs, begin):
    """Write the page."""
    y, subject = test
    seconds, sizes = night_seconds()
    rows = [
        [
            f"teacher, seed {seed}",
            f"{staging_scores(y, runs[0]['teacher', seed])['kappa']:.3f}",
        ]
        for seed in TEACHERS
    ]
    rows += [[f"student, {arm}", mean_kappa(y, runs, arm)] for arm in ARMS]
    pairs = [(f"{arm} - {ARMS[0]}", arm, ARMS[0]) for arm in ARMS[1:]]
    pairs += [(f"{arm} - first teacher", arm, ("teacher", 0)) for arm in ARMS]
    cost = [
        [name, f"{sizes[name]:,}", f"{seconds[name]:.2f}"]
        for name in ("teacher", "student")
    ]
    about = ABOUT.format(
        large=sizes["teacher"],
        small=sizes["student"],
        ratio=sizes["teacher"] / sizes["student"],
        seeds=len(SEEDS),
        n=len(names),
        train=len(set(X.subject)),
        test=N_TEST,
        teacher_passes=PASSES,
        teacher_lr=LR,
        student_passes=STUDENT_PASSES,
        batch=SHARED["batch_size"],
        fraction=SHARED["validation_fraction"],
        minutes=(time.process_time() - begin) / 60,
    )
    ratio = seconds["teacher"] / seconds["student"]
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
        "one\nthread, float32, median of 3; parameters of nets for such spectra. The "
        f"student takes\n1/{ratio:.1f} of the time.\n",
        table(("net", "parameters", "seconds"), cost),
    ]
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
