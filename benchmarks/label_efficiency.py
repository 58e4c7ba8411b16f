"""Few labelled subjects: nets from scratch, and from weights pretrained without labels.

    python benchmarks/label_efficiency.py --out docs/results

On spectra of simulated nights, and on features of real ones where SLEEPKIT_REAL_DATA
has them. Predictions of finished fits are kept in --work: the same command goes on
after a crash. What is to be said about the figures is written by hand in
label_efficiency_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import math
import textwrap
import time
from pathlib import Path

import numpy as np
from common import (
    difference_table,
    heading,
    include_findings,
    mean_kappa,
    real_folder,
    real_nights,
    table,
)
from sklearn.base import clone

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.pipelines import make_stager

TITLE = "Labels of few subjects"
ABOUT = """Nets trained on the stages of 1, 2, 4 or 8 subjects: from scratch, or from
weights that ``MedFuseSleepClassifier.pretrain`` made of the unlabelled nights of a pool
of subjects, from which the labelled ones are drawn too. The test subjects are in no
pool: neither pretraining nor training knows them, and they are the same for all.
{seeds} seeds, each with its own draw of labelled subjects and its own pretraining.
Every training takes about {steps} steps, whatever is labelled, without early stopping,
since there is nobody to hold out: {settings}; {passes} passes of pretraining, the rest
as by default. Kappa of all scored epochs of the test subjects together; ±: SD over
seeds. Made by ``python benchmarks/label_efficiency.py --out docs/results`` in
{minutes:.0f} min of one core."""
SETTINGS = {
    "fusion": "mid-late",  # all of its encoders are pretrained
    "d_model": 32,
    "n_heads": 4,
    "n_layers": 1,
    "dim_feedforward": 64,
    "d_head": 64,
    "dropout": 0.1,
    "lr": 2e-3,
    "batch_size": 8,
    "validation_fraction": 0,
    "stride": 10,
    "n_threads": 1,
}
SEEDS = (0, 1, 2)
SIZES = (1, 2, 4, 8)
SCRATCH = "from scratch"
STEPS = 200
PASSES = 10
LENGTH = 21  # epochs in a sequence, the default


class Study:
    """One cohort: its nights, test subjects, and the folder of what is done."""

    def __init__(self, name, X, y, n_test, work):
        self.X, self.y = X, y
        names = np.random.default_rng(0).permutation(np.unique(X.subject))
        self.pool, self.test = names[n_test:], names[:n_test]
        self.folder = work / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def rows(self, names):
        """Where the nights of some subjects are."""
        return np.isin(self.X.subject, names)

    def pretrained(self, objective, seed):
        """A net pretrained on the pool without labels; kept."""
        path = self.folder / f"{objective}-{seed}.model"
        if not path.exists():
            start = time.process_time()
            net = MedFuseSleepClassifier(
                **SETTINGS, max_epochs=PASSES, random_state=seed
            )
            net.pretrain(self.X[self.rows(self.pool)], objective=objective)
            seconds = time.process_time() - start
            save_model(net, path, about={"seconds": seconds})
            print(path, net.pretraining_losses_.round(3), flush=True)
        return load_model(path)

    def pretraining_seconds(self):
        """Seconds of all pretrainings that are kept."""
        kept = self.folder.glob("*.model")
        return sum(model_info(path)["about"]["seconds"] for path in kept)

    def stages(self, objective, size, seed):
        """Stages of the test subjects, by labels of so many; kept, with seconds."""
        path = self.folder / f"{objective}-{size}-{seed}.npz"
        if not path.exists():
            names = np.random.default_rng(seed).permutation(self.pool)[:size]
            rows = self.rows(names)
            n_batches = math.ceil(rows.sum() / LENGTH / SETTINGS["batch_size"])
            net = MedFuseSleepClassifier(
                **SETTINGS,
                max_epochs=max(1, round(STEPS / n_batches)),
                random_state=seed,
            )
            if objective != SCRATCH:
                net = clone(net).set_params(
                    warm_start_from=self.pretrained(objective, seed)
                )
            start = time.process_time()
            net.fit(self.X[rows], self.y[rows])
            found = net.predict(self.X[self.rows(self.test)])
            seconds = time.process_time() - start
            np.savez(path, stages=found, seconds=seconds)
            print(path, f"{seconds:.0f} s", flush=True)
        kept = np.load(path)
        return kept["stages"], float(kept["seconds"])


def section(title, about, study, objectives):
    """Text of a cohort, and its seconds."""
    arms, seconds, runs = [SCRATCH, *objectives], 0.0, []
    for seed in SEEDS:
        run = {}
        for size in SIZES:
            for arm in arms:
                run[arm, size], took = study.stages(arm, size, seed)
                seconds += took
        runs.append(run)
    seconds += study.pretraining_seconds()
    rows = study.rows(study.test)
    y, subject = study.y[rows], study.X.subject[rows]
    by_size = [
        [size, *(mean_kappa(y, runs, (arm, size)) for arm in arms)] for size in SIZES
    ]
    pairs = [
        (f"{arm}, {size}", (arm, size), (SCRATCH, size))
        for arm in objectives
        for size in SIZES
    ]
    return "\n".join(
        [
            heading(title),
            textwrap.fill(" ".join(about.split()), 88) + "\n",
            table(("labelled subjects", *arms), by_size),
            "Pretrained less from scratch, paired over test subjects, all seeds:\n",
            difference_table(y, subject, runs, pairs),
        ]
    ), seconds


def simulated(work):
    """Spectra of simulated subjects, two hours each."""
    X, y, _ = make_polysomnography(
        28, hours=2, modalities=("eeg", "eog"), random_state=0
    )
    steps = make_stager("medfusesleep", cache=work / "cache")[:-1]
    study = Study("simulated", steps.fit_transform(X).materialize(), y, 8, work)
    about = """Spectra of EEG and EOG, two hours of each of 28 subjects: 8 to test, a
    pool of 20. The contrast is between the two modalities; "masked" predicts hidden
    frames and bands."""
    return section("Simulated nights", about, study, ("contrastive", "masked"))


def real(work):
    """Features of the first night of each subject, a modality for each channel."""
    X, y = real_nights(real_folder(), {"fpz": 0, "pz": 1, "eog": 2})
    first = np.array([name.endswith("night1") for name in X.recording])
    study = Study("real", X[first], y[first], 14, work)
    about = f"""The first night of {len(study.pool) + 14} subjects of Sleep-EDF
    Expanded, ten powers a channel, Fpz-Cz, Pz-Oz and EOG as three modalities, each
    compared with the mean of the others: 14 to test, a pool of {len(study.pool)}. An
    epoch of such features is one frame, so that there is nothing to mask."""
    return section("Real nights", about, study, ("contrastive",))


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("label-efficiency"))
    args = parser.parse_args()
    start, parts, total = time.process_time(), [], 0.0
    for cohort in (real, simulated) if real_folder() else (simulated,):
        text, seconds = cohort(args.work)
        parts.append(text)
        total += seconds
    total = max(total, time.process_time() - start)
    settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    about = ABOUT.format(
        seeds=len(SEEDS),
        steps=STEPS,
        settings=settings,
        passes=PASSES,
        minutes=total / 60,
    )
    path = args.out / "label_efficiency.rst"
    page = [
        heading(TITLE, "="),
        textwrap.fill(" ".join(about.split()), 88),
        "",
        include_findings(path),
    ]
    path.write_text("\n".join([*page, *parts]).rstrip() + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
