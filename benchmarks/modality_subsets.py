"""Any subset of three or four modalities: one net, and nets for that subset alone.

    python benchmarks/modality_subsets.py --out docs/results

On features of real nights, where SLEEPKIT_REAL_DATA has them, and of simulated nights.
Finished fits are kept in --work: the same command goes on after a crash. What is to be
said about the figures is written by hand in modality_subsets_findings.inc, beside the
page.
"""

from __future__ import annotations

import argparse
import textwrap
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from common import (
    WINDOW,
    difference_table,
    heading,
    in_order,
    in_turn,
    include_findings,
    mean_kappa,
    real_folder,
    real_nights,
    seconds_of,
    table,
)
from sklearn.model_selection import GroupKFold

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.metrics import staging_scores
from sleepkit.nn import EarlyFusionNet, MedFuseLoss, MedFuseNet, MidLateFusionNet
from sleepkit.pipelines import make_stager
from sleepkit.preprocessing import BandPower, Resampler

TITLE = "Any subset of the modalities"
ABOUT = """One net for all modalities, evaluated with every subset of them, and a net
of the same settings trained on that subset alone, its specialist. Folds by subject,
{seeds} seeds: {settings}, the rest as by default. By default the fused head, a subset
head and the unimodal heads stage together what lacks modalities, each with a weight by
its likelihood on the held-out tenth of the training subjects, and a modality counts as
missing in a night in which it is noise; "paper" is the paper's net and rule
(``subset_head=False, missing="unimodal_head", leave_out_noise=False``), whose results
from all modalities differ in such nights alone. It, early and mid-late fusion were
fitted with the first seed alone. Made by ``python benchmarks/modality_subsets.py --out
docs/results`` in {minutes:.0f} min of two cores."""
SETTINGS = {
    "d_model": 32,
    "n_heads": 4,
    "n_layers": 1,
    "dim_feedforward": 64,
    "d_head": 64,
    "dropout": 0.1,
    "lr": 2e-3,
    "batch_size": 16,
    "max_epochs": 16,
    "multi_view": 2,
    "stride": 10,
    "n_threads": 1,
}
PAPER = {
    "subset_head": False,
    "missing": "unimodal_head",
    "leave_out_noise": False,
}
DEFAULT, THE_PAPER, SPECIALIST = "default", "paper", "specialist"
SEEDS = (0, 1, 2)
ONCE = ("paper", "early", "mid-late")  # fitted with the first seed alone
SLEEPMG = {"SleepMG": 0.0, "SleepMG, 0.3 hidden": 0.3}


def nets(**changes):
    """The nets for all modalities."""
    made = {
        DEFAULT: {},
        THE_PAPER: PAPER,
        "early": {"fusion": "early"},
        "mid-late": {"fusion": "mid-late"},
    }
    return {
        name: MedFuseSleepClassifier(**SETTINGS | params | changes)
        for name, params in made.items()
    }


def subsets(modalities):
    """Names of every subset, the largest first."""
    return [
        "+".join(some)
        for size in range(len(modalities), 0, -1)
        for some in combinations(modalities, size)
    ]


def stages_of(result, name, modalities):
    """Stages by one estimator for each subset, in order."""
    everything = subsets(modalities)[0]
    return {
        subset: in_order(result, name, "all" if subset == everything else subset)[
            "predicted"
        ]
        for subset in subsets(modalities)
    }


def run(
    X, y, args, estimators, *, seeds=SEEDS, n_folds=3, specialists=True, window=None
):
    """Stages of each seed by name and subset, and the seconds of it all."""
    runs, seconds = [], 0.0
    for seed in seeds:
        params = {
            "cv": GroupKFold(n_folds),
            "directory": args.work,
            "n_jobs": args.jobs,
            "random_state": seed,
            "window": window,
            "verbose": True,
        }
        names = [n for n in estimators if seed == SEEDS[0] or n not in ONCE]
        some_nets = {name: estimators[name] for name in names}
        result = cross_validate_staging(some_nets, X, y, subsets="every", **params)
        seconds += seconds_of(result)
        stages = {}
        for name in names:
            for subset, found in stages_of(result, name, X.modalities).items():
                stages[name, subset] = found
        for subset in subsets(X.modalities)[1:] if specialists else ():
            some = X.select(subset.split("+"))
            net = {"net": MedFuseSleepClassifier(**SETTINGS | PAPER)}
            alone = cross_validate_staging(net, some, y, **params)
            stages[SPECIALIST, subset] = in_order(alone, "net", "all")["predicted"]
            seconds += seconds_of(alone)
        runs.append(stages)
    return runs, seconds


def kappa_table(y, runs, modalities, names):
    """Pooled kappa by subset, mean and SD over seeds."""
    rows = []
    for subset in subsets(modalities):
        cells = [
            mean_kappa(y, [r for r in runs if (name, subset) in r], (name, subset))
            if (name, subset) in runs[0]
            else ""
            for name in names
        ]
        rows.append([subset, *cells])
    return table(("given", *names), rows)


def best_single(y, runs, subset):
    """The modality of a subset that the default net stages best by itself."""

    def kappa(single):
        return np.mean([staging_scores(y, r[DEFAULT, single])["kappa"] for r in runs])

    return max(subset.split("+"), key=kappa)


def rules_table(y, subject, runs, modalities):
    """Each subset against its best modality and its specialist, and these two."""
    against_best, against_own, own_against_best = [], [], []
    for subset in subsets(modalities):
        found, own = (DEFAULT, subset), (SPECIALIST, subset)
        single = best_single(y, runs, subset)
        best = (DEFAULT, single)
        if subset != single:
            against_best.append((f"{subset} - {single}", found, best))
        if own in runs[0]:
            against_own.append((f"{subset} - its specialist", found, own))
            if subset != single:
                title = f"specialist of {subset} - {single}"
                own_against_best.append((title, own, best))
    pairs = against_best + against_own + own_against_best
    return difference_table(y, subject, runs, pairs)


def worst_addition(y, runs, modalities):
    """The least change of pooled kappa, mean over seeds, by one modality more."""
    kappa = {
        subset: np.mean([staging_scores(y, r[DEFAULT, subset])["kappa"] for r in runs])
        for subset in subsets(modalities)
    }
    changes = {
        (larger, smaller): kappa[larger] - kappa[smaller]
        for larger in kappa
        for smaller in kappa
        if set(smaller.split("+")) < set(larger.split("+"))
        and larger.count("+") == smaller.count("+") + 1
    }
    (larger, smaller), change = min(changes.items(), key=lambda item: item[1])
    return (
        f"The least gain by one modality more: {change:+.3f}, from {smaller} to "
        f"{larger}.\n"
    )


def section(title, about, X, y, args, *, fusions=True, changes=None, **options):
    """One cohort: the text of its section, and its seconds."""
    estimators = nets(**changes or {})
    for name in () if fusions else ONCE[1:]:
        del estimators[name]
    runs, seconds = run(X, y, args, estimators, **options)
    specialists = options.get("specialists", True)
    order = np.lexsort((X.epoch, X.recording))
    y, subject = y[order], X.subject[order]
    names = [*estimators, SPECIALIST] if specialists else [*estimators]
    parts = [
        heading(title),
        textwrap.fill(about, 88) + "\n",
        kappa_table(y, runs, X.modalities, names),
        worst_addition(y, runs, X.modalities),
        rules_table(y, subject, runs, X.modalities),
    ]
    return "\n".join(parts), seconds


def three_of_real_nights(folder):
    """The first night of each subject, each channel as a modality of its own."""
    X, y = real_nights(folder, {"fpz": 0, "pz": 1, "eog": 2})
    first = np.array([name.endswith("night1") for name in X.recording])
    return X[first], y[first]


def simulated(n_subjects=12):
    """Band powers of simulated subjects, four modalities."""
    X, y, _ = make_polysomnography(
        n_subjects, hours=2, modalities=("eeg", "eog", "emg", "ecg"), random_state=0
    )
    X = Resampler(100).fit_transform(X)
    return BandPower(normalize="append").fit_transform(X).materialize(), y


def with_noise(X, together):
    """The same, with an EOG that is noise in a third of the nights, as many together.

    The folds take every third night.
    """
    nights = []
    for number, night in enumerate(X.recordings):
        if number // together % 3 == 0:
            eog = night.signals["eog"]
            rng = np.random.default_rng(number)
            noise = rng.permutation(eog.data)  # its values, at other times
            signals = dict(night.signals) | {"eog": eog.replace(data=noise)}
            night = night.with_signals(signals)
        nights.append(night)
    return X.with_recordings(nights)


def sleepmg_section(args):
    """SleepMG of the small size, with and without hidden modalities."""
    X, y, _ = make_polysomnography(
        12, hours=2, modalities=("eeg", "eog", "emg"), random_state=1
    )
    X = X.materialize()
    estimators = {
        name: make_stager("sleepmg", cache=args.work / "cache").set_params(
            stage__modality_dropout=hidden, stage__n_threads=1
        )
        for name, hidden in SLEEPMG.items()
    }
    runs, seconds = run(X, y, args, estimators, seeds=SEEDS[:1], specialists=False)
    order = np.lexsort((X.epoch, X.recording))
    rows = [[name, *imbalance(estimators[name], X, y)] for name in SLEEPMG]
    about = """Signals of 12 simulated subjects, 2 h of EEG, EOG and EMG each, by the
    small size of ``make_stager``, the first seed alone. The imbalance is that of the
    classifier and of the
    domain head in training (`sleepkit.metrics.imbalance_degree`), the mean of the first
    and of the last pass, of one fit on all subjects."""
    titles = ("", "classifier, first", "last", "domain head, first", "last")
    parts = [
        heading("SleepMG"),
        textwrap.fill(" ".join(about.split()), 88) + "\n",
        kappa_table(y[order], runs, X.modalities, list(estimators)),
        table(titles, rows),
    ]
    return "\n".join(parts), seconds


def imbalance(stager, X, y):
    """Mean imbalance of both heads in the first and the last pass."""
    history = stager.set_params(stage__random_state=0).fit(X, y)[-1].net_.history
    cells = []
    for head in ("classifier", "discriminator"):
        for place in (0, -1):
            batches = history[place, "batches", :, f"{head}_imbalance"]
            cells.append(f"{np.mean(batches):.3f}")
    return cells


def cost_section():
    """Seconds of a training step with subsets, against none."""
    rows = []
    for kind in (MedFuseNet, EarlyFusionNet, MidLateFusionNet):
        for names in (("eeg", "eog", "emg"), ("eeg", "eog", "emg", "ecg")):
            seconds = in_turn(
                {least: step_of(kind, names, least) for least in (None, 2)}, repeats=7
            )
            ratio = seconds[2] / seconds[None]
            rows.append([kind.__name__, len(names), f"{ratio:.2f}"])
    about = """Seconds of a training step with a subset head, as a multiple of one
    without: two layers of the paper's size, four sequences, one thread."""
    about = " ".join(about.split())
    return "\n".join(
        [
            heading("Cost"),
            textwrap.fill(about, 88) + "\n",
            table(("net", "modalities", "ratio"), rows),
        ]
    )


def step_of(kind, names, least):
    """One training step on a batch of random spectra."""
    net = kind(dict.fromkeys(names, (1, 29, 128)), n_layers=2, min_subset=least)
    inputs = {name: torch.randn(4, 21, 1, 29, 128) for name in net.streams}
    targets = {
        "stages": torch.zeros(4, 21, dtype=torch.long),
        "present": {name: torch.ones(4, 21, dtype=torch.bool) for name in inputs},
    }
    loss = MedFuseLoss()

    def step():
        net.zero_grad()
        loss(net(inputs), targets).backward()

    return step


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("modality-subsets"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    parts, total = [], 0.0
    (X, y), (more, y_more) = simulated(), simulated(36)
    plans = [
        (
            "Simulated nights, four modalities",
            "Band powers of 12 subjects, two hours each, 3 folds; all scored epochs.",
            X,
            y,
            {"specialists": False},
        ),
        (
            "The same, an EOG of noise in a third of the nights",
            "In these nights the features of the EOG are those of other epochs. They "
            "are the test nights of one fold, whose training has none like them, and "
            "half of the training nights of the others.",
            with_noise(X, 1),
            y,
            {"specialists": False, "fusions": False},
        ),
        (
            "Noise in training and test, and more held-out subjects",
            "The same with 36 subjects, a third of them with noise in each fold, and a "
            "fifth of the training subjects held out, five, in place of a tenth; one "
            "seed.",
            with_noise(more, 3),
            y_more,
            {
                "specialists": False,
                "fusions": False,
                "changes": {"validation_fraction": 0.2},
                "seeds": SEEDS[:1],
            },
        ),
    ]
    if folder := real_folder():
        X, y = three_of_real_nights(folder)
        about = f"""The first night of {len(X.recordings)} subjects of Sleep-EDF
        Expanded, {len(y):,} epochs, ten powers a channel: Fpz-Cz, Pz-Oz and EOG as
        three modalities, 2 folds. Scored: {WINDOW}."""
        about = " ".join(about.split())
        plans.insert(
            0,
            (
                "Real nights, three modalities",
                about,
                X,
                y,
                {"window": WINDOW, "n_folds": 2},
            ),
        )
    for title, about, X, y, options in plans:
        text, seconds = section(title, about, X, y, args, **options)
        print(text, flush=True)
        parts.append(text)
        total += seconds
    text, seconds = sleepmg_section(args)
    parts += [text, cost_section()]
    settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    minutes = (total + seconds) / 120
    about = ABOUT.format(seeds=len(SEEDS), settings=settings, minutes=minutes)
    path = args.out / "modality_subsets.rst"
    page = [heading(TITLE, "="), textwrap.fill(about, 88), "", include_findings(path)]
    path.write_text("\n".join([*page, *parts]).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
