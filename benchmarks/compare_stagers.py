"""Compare LightGBM and every method of `make_stager`, and write a docs page.

    python benchmarks/compare_stagers.py --out docs/results

On simulated subjects and, where SLEEPKIT_REAL_DATA has it, on features of real nights.
Finished fits are stored in --work, and reused after a crash. What is to be said about
the figures is written by hand in which_stager_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from pathlib import Path

import numpy as np
from common import (
    TO,
    WINDOW,
    heading,
    in_order,
    include_findings,
    real_folder,
    real_nights,
    seconds_of,
    table,
)
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.metrics import compare_stagings
from sleepkit.pipelines import make_stager
from sleepkit.pipelines._methods import METHODS
from sleepkit.pipelines._stagers import takes_any_subset
from sleepkit.preprocessing import FitOnSelected
from sleepkit.recording import EpochArray

COMMAND = "python benchmarks/compare_stagers.py --out docs/results"
TITLE = "Which stager?"
ABOUT = f"""Boosted trees on band powers and all methods of
`sleepkit.pipelines.make_stager` in their small sizes, on the same folds by subject.
Those that take any subset of the modalities are evaluated with every subset, without
fitting again. The nets are small and their training is short: these scores are not
those of the papers' systems. Made by ``{COMMAND}``.
"""
LIGHTGBM = "LightGBM"
RECONSTRUCTED = {"masksleepnet", "dan"}  # from the text of a paper, without its code
SUBJECTS, HOURS = 20, 1.5
PAIRED = """Paired by subject; the interval is of the pooled difference (bootstrap), p
of Wilcoxon's signed-rank test over subjects, d_z the effect size:"""
COST = "Cost with one thread; a fit has all stages of the training:\n"


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
    """Twenty subjects, an hour and a half each."""
    X, y, _ = make_polysomnography(
        SUBJECTS, hours=HOURS, modalities=("eeg", "eog", "emg"), random_state=0
    )
    return X, y


def simulated_stagers(cache):
    """From signals: the stagers of the command, and LightGBM in place of its trees."""
    stagers = {name: make_stager(name, cache=cache) for name in METHODS}
    powers = stagers.pop("trees").set_params(stage=FitOnSelected(trees()))
    for stager in stagers.values():
        stager.set_params(stage__n_threads=1)
    return {LIGHTGBM: powers, **stagers}


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
    return {
        LIGHTGBM: make_pipeline(Neighbours(), trees()),
        "medfusesleep": Pipeline([("stage", medfuse)]),
        "sleepmg": Pipeline([("stage", sleepmg)]),
    }


def score_table(results):
    """Scores, and the interval of kappa."""
    rows = []
    for result in results:
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
        rows += zip(*columns, strict=True)
    titles = ("stager", "given", "accuracy", "kappa", "macro-F1", "kappa, 95 %")
    return table(titles, rows)


def comparison_table(results, y, subject):
    """Paired differences of kappa to LightGBM, with all modalities."""
    stages = {
        name: in_order(result, name, "all")["predicted"]
        for result in results
        for name in result.estimators
    }
    reference, rows = stages.pop(LIGHTGBM), []
    for name, found in stages.items():
        found = compare_stagings(y, found, reference, subject, random_state=0)
        low, high = found.interval
        rows.append(
            (
                f"{name} - {LIGHTGBM}",
                f"{found.difference:+.3f}",
                f"{low:+.3f}{TO}{high:+.3f}",
                f"{found.p_value:.2g}",
                f"{found.effect_size:.2f}",
            )
        )
    titles = ("difference of kappa", "pooled", "95 % interval", "p", "d_z")
    return table(titles, rows)


def cost_table(stagers, results, X, y):
    """Parameters, passes, and seconds of a pass and of a night of each."""
    few = np.isin(X.subject, np.unique(X.subject)[:2])
    fits = [each for result in results for each in result.protocol["seconds"]]
    rows = []
    for name, stager in stagers.items():
        own = [each for each in fits if each["estimator"] == name]
        last, n_parameters = stager[-1], ""
        passes = getattr(last, "max_epochs", "")
        if passes:
            once = clone(stager).set_params(stage__max_epochs=1).fit(X[few], y[few])
            parameters = once[-1].module_.parameters()
            n_parameters = f"{sum(p.numel() for p in parameters):,}"
        fit = sum(each["fit"] for each in own) / len(own)
        night = sum(each["stage"]["all"] for each in own) / len(X.recordings)
        status = "reconstruction" if name in RECONSTRUCTED else ""
        cells = [f"{fit:.0f}", f"{night:.2f}"]
        rows.append([name, status, n_parameters, passes, *cells])
    titles = ("stager", "", "parameters", "passes", "seconds a fit", "a night")
    return table(titles, rows)


def section(title, text, results, stagers, X, y, jobs):
    """Results of one cohort."""
    data, window = (results[0].protocol[name] for name in ("data", "scoring_window"))
    minutes = sum(map(seconds_of, results)) / jobs / 60
    about = (
        f"{text} Scored: {window}; {data['n_epochs']} epochs, {data['n_recordings']} "
        f"nights, {data['n_subjects']} subjects. {minutes:.0f} min on two cores."
    )
    order = np.lexsort((X.epoch, X.recording))
    return "\n".join(
        [
            heading(title),
            textwrap.fill(about, 88),
            "",
            score_table(results),
            textwrap.fill(PAIRED, 88) + "\n",
            comparison_table(results, y[order], X.subject[order]),
            COST,
            cost_table(stagers, results, X, y),
        ]
    )


def evaluate(stagers, X, y, args, name, **params):
    """Cross-validate; those that take any subset, with every subset."""
    results = []
    for any_subset, subsets in ((True, "every"), (False, None)):
        some = {n: s for n, s in stagers.items() if takes_any_subset(s) == any_subset}
        if not some:
            continue
        start = time.perf_counter()
        result = cross_validate_staging(
            some,
            X,
            y,
            subsets=subsets,
            directory=args.work / name,
            n_jobs=args.jobs,
            random_state=0,
            verbose=True,
            **params,
        )
        print(f"{name}: {time.perf_counter() - start:.0f} s\n{result}")
        results.append(result)
    return results


def main():
    """Evaluate, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("compare-stagers"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    path = args.out / "which_stager.rst"
    page = [heading(TITLE, "="), ABOUT, include_findings(path)]
    X, y = simulated_subjects()
    stagers = simulated_stagers(args.work / "cache")
    results = evaluate(stagers, X, y, args, "simulated", cv=3)
    text = (
        f"{SUBJECTS} simulated subjects, {HOURS} h of EEG, EOG and EMG each, 3 folds. "
        "LightGBM has band powers of five epochs, also relative to the night; the "
        "others are given what `make_stager` gives them."
    )
    title = "Simulated subjects"
    page.append(section(title, text, results, stagers, X, y, args.jobs))
    folder = real_folder()
    if folder is not None:
        X, y = real_nights(folder)
        stagers = real_stagers()
        params = {"cv": GroupKFold(5), "window": WINDOW}
        results = evaluate(stagers, X, y, args, "sleep_edf", **params)
        text = (
            "Features of Sleep-EDF Expanded: ten powers of each of two EEG and one EOG "
            "channel, scaled by night by their publisher, 5 folds by subject: for the "
            "methods that take features. LightGBM has eleven epochs, MedFuseSleep "
            "(d_model 64, two layers, 6 passes) sequences of 21, SleepMG (10 passes) "
            "one."
        )
        page.append(section("Real nights", text, results, stagers, X, y, args.jobs))
    args.out.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
