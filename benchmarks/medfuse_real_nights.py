"""MedFuseSleep on real nights of 39 subjects, against nets for one modality alone.

    python benchmarks/medfuse_real_nights.py --out docs/results

SLEEPKIT_REAL_DATA names the folder that has them. Finished fits are kept in --work: the
same command goes on after a crash. What is to be said about the figures is kept by hand
in medfusesleep_real_nights_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
from common import (
    WINDOW,
    difference_table,
    heading,
    in_order,
    include_findings,
    mean_kappa,
    real_folder,
    real_nights,
    seconds_of,
    table,
)
from sklearn.model_selection import GroupKFold

from sleepkit._stages import STAGES
from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.evaluation import cross_validate_staging
from sleepkit.metrics import staging_scores

TITLE = "MedFuseSleep on real nights"
ABOUT = """One net for both modalities, evaluated with both and with each, and a net of
the same settings trained on each modality alone, its specialist. Features of Sleep-EDF
Expanded (ten powers of each of two EEG and one EOG channel, scaled by night by their
publisher), {nights} nights of {subjects} subjects, {epochs} scored epochs, 5 folds by
subject, {seeds} seeds, one fit a fold: {settings}. The number of passes, the dropout,
the weight of the unimodal losses, the batch size and the stride were chosen on two of
these folds, so these scores are not those of unseen data.
{minutes:.0f} min on two cores, made by
``python benchmarks/medfuse_real_nights.py --out docs/results``."""
PAIRED = """Paired by subject, all seeds together; the interval is of the pooled
difference (bootstrap over subjects), p of Wilcoxon's signed-rank test over subjects:"""
SETTINGS = {
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "dim_feedforward": 128,
    "d_head": 64,
    "dropout": 0.1,
    "lr": 1e-3,
    "batch_size": 8,
    "max_epochs": 8,
    "multi_view": 2,
    "stride": 3,
    "validation_fraction": 0,
}
PAIRS = (
    ("both - EEG", "all", "eeg"),
    ("both - EOG", "all", "eog"),
    ("both - EEG's specialist", "all", "eeg specialist"),
    ("both - EOG's specialist", "all", "eog specialist"),
    ("EEG - its specialist", "eeg", "eeg specialist"),
    ("EOG - its specialist", "eog", "eog specialist"),
)
SEEDS = (0, 1, 2)
GIVEN = {"all": "both", "eeg": "EEG", "eog": "EOG"}
SIMPLE = {  # other authors' best model of these features, in each column
    "all": "0.748 (recurrent net)",
    "eeg": "0.751 (recurrent net)",
    "eog": "0.630 (boosted trees)",
}
BACKED = "with EEG's unimodal head"
BACKED_PAIRS = (
    ("both, with EEG's head - both", BACKED, "all"),
    ("both, with EEG's head - EEG", BACKED, "eeg"),
    ("both, with EEG's head - EOG", BACKED, "eog"),
)
BACKED_ABOUT = """As with ``unimodal_weights={"eeg": 0.5}``: the EEG's unimodal head has
half the weight of the fused head. Computed from the probabilities of the fits above.
The weights 0.5, 1 and 2 were compared on these same folds."""


def stage_all(X, y, args, seed):
    """Stage by one net and by specialists: the stages by name, and seconds."""
    params = {
        "cv": GroupKFold(5),
        "window": WINDOW,
        "directory": args.work,
        "n_jobs": args.jobs,
        "random_state": seed,
        "verbose": True,
    }
    nets = {"net": MedFuseSleepClassifier(**SETTINGS, n_threads=1)}
    both = cross_validate_staging(nets, X, y, subsets="every", **params)
    stages = {given: in_order(both, "net", given)["predicted"] for given in GIVEN}
    stages[BACKED] = backed_stages(both)
    seconds = seconds_of(both)
    for modality in X.modalities:
        alone = cross_validate_staging(nets, X.select([modality]), y, **params)
        stages[f"{modality} specialist"] = in_order(alone, "net", "all")["predicted"]
        seconds += seconds_of(alone)
    return stages, seconds


def backed_stages(result):
    """Stages by the fused head and, for half as much, by that of the EEG."""
    total = 0.0
    for condition, weight in (("all", 1), ("eeg", 0.5)):
        found = in_order(result, "net", condition)
        proba = np.stack([found[f"p_{stage}"] for stage in STAGES], axis=1)
        total = total + weight * np.log(np.maximum(proba, np.finfo(proba.dtype).tiny))
    return total.argmax(axis=1)


def kappa_table(y, runs):
    """Pooled kappa of the net and of specialists."""
    rows = []
    for name, simple in SIMPLE.items():
        specialist = f"{name} specialist"
        cells = [GIVEN[name]]
        for column in (name, specialist):
            there = column in runs[0]
            cells.append(mean_kappa(y, runs, column) if there else "")
        rows.append([*cells, simple])
    return table(("given", "one net", "its specialist", "simple specialist"), rows)


def backed_about(y, runs):
    """What was done, and the pooled kappa."""
    found = f" Pooled kappa {mean_kappa(y, runs, BACKED)}."
    return textwrap.fill(BACKED_ABOUT + found, 88) + "\n"


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("medfuse-real-nights"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    folder = real_folder()
    if folder is None:
        parser.error("SLEEPKIT_REAL_DATA names no folder with sleep_edf/nights")
    X, y = real_nights(folder)
    order = np.lexsort((X.epoch, X.recording))
    runs, total = [], 0.0
    for seed in SEEDS:
        stages, seconds = stage_all(X, y, args, seed)
        runs.append(stages)
        total += seconds
        for name, predicted in stages.items():
            kappa = staging_scores(y[order], predicted)["kappa"]
            print(f"seed {seed} {name}: {kappa:.4f}", flush=True)
    about = ABOUT.format(
        nights=len(X.recordings),
        subjects=len(np.unique(X.subject)),
        epochs=f"{len(y):,}",
        seeds=len(SEEDS),
        settings=", ".join(f"{name} {value}" for name, value in SETTINGS.items()),
        minutes=total / args.jobs / 60,
    )
    path = args.out / "medfusesleep_real_nights.rst"
    page = [heading(TITLE, "="), textwrap.fill(about, 88), "", include_findings(path)]
    page += [kappa_table(y[order], runs), textwrap.fill(PAIRED, 88), ""]
    page.append(difference_table(y[order], X.subject[order], runs, PAIRS))
    page += [
        heading("Both, with the EEG's unimodal head"),
        backed_about(y[order], runs),
    ]
    page.append(difference_table(y[order], X.subject[order], runs, BACKED_PAIRS))
    path.write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
