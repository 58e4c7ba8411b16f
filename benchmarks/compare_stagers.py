"""Compare LightGBM, MedFuseSleep and SleepMG, and write the results as a docs page.

    python benchmarks/compare_stagers.py --out docs/results

On simulated subjects and, where SLEEPKIT_REAL_DATA has it, on features of real nights.
Finished fits are stored in --work, and reused after a crash.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from common import (
    TO,
    WINDOW,
    heading,
    real_folder,
    real_nights,
    seconds_of,
    table,
)
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.pipelines import make_stager
from sleepkit.preprocessing import FitOnSelected
from sleepkit.recording import EpochArray

COMMAND = "python benchmarks/compare_stagers.py --out docs/results"
TITLE = "Three stagers, every subset of modalities"
ABOUT = f"""Boosted trees on band powers, MedFuseSleep and SleepMG, on the same folds by
subject, evaluated with all modalities and with every subset, without fitting again. The
nets are small and their training is short, as given below: these scores are not those
of the papers' systems. A missing modality is NaN for LightGBM, which had none in
training, and zero for SleepMG; MedFuseSleep predicts with another head. A stager
trained without the modality would be the fairer comparison. Made by ``{COMMAND}``.
"""
NAMES = ("LightGBM", "MedFuseSleep", "SleepMG")


class Neighbours(TransformerMixin, BaseEstimator):
    """Features of each epoch and of its neighbours; NaN where there are none."""

    def __init__(self, reach=5):
        self.reach = reach

    def fit(self, X, y=None):
        (recording, *_) = X.recordings
        self.layout_ = dict(recording.layout)
        return self

    def transform(self, X):
        width = sum(self.layout_.values())
        table = np.full((len(X), (2 * self.reach + 1) * width), np.nan, np.float32)
        for recording, rows, epochs in X.by_recording():
            night = EpochArray([recording], include_unscored=True)
            blocks = [
                night.epochs(name)
                if name in night.modalities
                else np.full((recording.n_epochs, n), np.nan)
                for name, n in self.layout_.items()
            ]
            padded = np.pad(
                np.concatenate(blocks, axis=1),
                ((self.reach, self.reach), (0, 0)),
                constant_values=np.nan,
            )
            around = epochs[:, np.newaxis] + np.arange(2 * self.reach + 1)
            table[rows] = padded[around].reshape(len(rows), -1)
        return table


def trees(**params):
    """LightGBM with one thread, since folds run side by side."""
    return LGBMClassifier(
        n_estimators=200,
        learning_rate=0.05,
        num_leaves=31,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.5,
        n_jobs=1,
        verbose=-1,
        **params,
    )


def simulated_subjects():
    """Twelve subjects, three hours each."""
    X, y, _ = make_polysomnography(
        12, hours=3, modalities=("eeg", "eog", "emg"), random_state=0
    )
    return X, y


def simulated_stagers(cache):
    """From signals: the stagers of the command, with LightGBM for its trees."""
    trees_on_powers = make_stager("trees", cache=cache)
    trees_on_powers.set_params(stage=FitOnSelected(trees()))
    nets = (make_stager(name, cache=cache) for name in ("medfusesleep", "sleepmg"))
    return dict(zip(NAMES, (trees_on_powers, *nets), strict=True))


def real_stagers():
    """From features: 11 epochs, 21 epochs and a single one."""
    medfuse = MedFuseSleepClassifier(
        d_model=64,
        n_heads=4,
        n_layers=2,
        dim_feedforward=128,
        d_head=64,
        lr=1e-3,
        max_epochs=6,
        validation_fraction=0,
    )
    sleepmg = SleepMGClassifier(max_epochs=10, validation_fraction=0)
    stagers = (make_pipeline(Neighbours(), trees()), medfuse, sleepmg)
    return dict(zip(NAMES, stagers, strict=True))


def score_table(result):
    """Scores, and the interval of kappa."""
    scores, bounds = result.scores(), result.intervals()
    kappas = [
        f"{low:.3f}{TO}{high:.3f}"
        for metric, low, high in zip(
            bounds["metric"], bounds["low"], bounds["high"], strict=True
        )
        if metric == "kappa"
    ]
    figures = [
        [f"{value:.3f}" for value in scores[name]]
        for name in ("accuracy", "kappa", "f1_macro")
    ]
    columns = [scores["estimator"], scores["condition"], *figures, kappas]
    titles = ("stager", "given", "accuracy", "kappa", "macro-F1", "kappa, 95 %")
    return table(titles, zip(*columns, strict=True))


def comparison_table(result):
    """Paired differences of kappa, with all modalities and with each subset."""
    rows = []
    for condition in result.conditions:
        for first, second in combinations(result.estimators, 2):
            found = result.compare((first, condition), (second, condition))
            low, high = found.interval
            rows.append(
                (
                    f"{first} - {second}",
                    condition,
                    f"{found.difference:+.3f}",
                    f"{low:+.3f}{TO}{high:+.3f}",
                    f"{found.p_value:.2g}",
                    f"{found.effect_size:.2f}",
                )
            )
    titles = ("difference of kappa", "given", "pooled", "95 % interval", "p", "d_z")
    return table(titles, rows)


def section(title, text, result, seconds):
    """Results of one cohort."""
    data = result.protocol["data"]
    window = result.protocol["scoring_window"]
    about = (
        f"{text} Scored: {window}; {data['n_epochs']} epochs, {data['n_recordings']} "
        f"nights, {data['n_subjects']} subjects. {seconds / 60:.0f} min on two cores."
    )
    about = textwrap.fill(about, 88)
    parts = [heading(title), about, "", score_table(result)]
    parts += [
        "Paired by subject; the interval is of the pooled difference (bootstrap), p of",
        "Wilcoxon's signed-rank test over subjects, d_z the effect size:",
        "",
        comparison_table(result),
    ]
    return "\n".join(parts)


def evaluate(stagers, X, y, args, name, **params):
    """Cross-validate, with every subset, and time it."""
    start = time.perf_counter()
    result = cross_validate_staging(
        stagers,
        X,
        y,
        subsets="every",
        directory=args.work / name,
        n_jobs=args.jobs,
        random_state=0,
        verbose=True,
        **params,
    )
    result.save(args.work / name / "result")
    print(f"{name}: {time.perf_counter() - start:.0f} s\n{result}")
    return result, seconds_of(result) / args.jobs


def main():
    """Evaluate, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("compare-stagers"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    page = [heading(TITLE, "="), ABOUT]
    X, y = simulated_subjects()
    stagers = simulated_stagers(args.work / "cache")
    found = evaluate(stagers, X, y, args, "simulated", cv=3)
    text = (
        "Simulated subjects, three hours of EEG, EOG and EMG each, 3 folds. LightGBM "
        "has band powers of five epochs, also relative to the night; MedFuseSleep "
        "(d_model 32, one layer, 12 passes) spectra and SleepMG (6 passes) signals, "
        "scaled by night."
    )
    page.append(section("Simulated subjects", text, *found))
    folder = real_folder()
    if folder is not None:
        X, y = real_nights(folder)
        found = evaluate(
            real_stagers(),
            X,
            y,
            args,
            "sleep_edf",
            cv=GroupKFold(5),
            window=WINDOW,
        )
        text = (
            "Features of Sleep-EDF Expanded: ten powers of each of two EEG and one EOG "
            "channel, scaled by night by their publisher, 5 folds by subject. LightGBM "
            "has eleven epochs, MedFuseSleep (d_model 64, two layers, 6 passes) "
            "sequences of 21, SleepMG (10 passes) one."
        )
        page.append(section("Real nights", text, *found))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "three_stagers.rst").write_text(
        "\n".join(page).rstrip() + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
