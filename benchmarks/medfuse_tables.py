"""The tables of the paper of MedFuseSleep in small, written as a docs page.

    python benchmarks/medfuse_tables.py --out docs/results

On simulated subjects and, where SLEEPKIT_REAL_DATA has it, on features of real nights.
Finished fits are kept in --work: the same command goes on after a crash. What is to be
said about the figures is kept by hand in medfusesleep_tables_findings.inc, beside the
page.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from broken_signals import (
    BrokenFeatures,
    BrokenSignal,
    Chain,
    mask_by_difference,
    mask_by_quality,
)
from common import WINDOW, real_folder, real_nights, seconds_of
from joblib import Parallel, delayed
from medfuse_page import SHOWN, Stagings, write_page
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging, incomplete_training
from sleepkit.model_selection import SubjectShuffleSplit
from sleepkit.preprocessing import Cache, SpectrumScaler, STFTEpocher, noisy_recordings

MODALITIES = ("eeg", "eog")
FUSIONS = ("early", "mid-late", "coordinated")
VARIANTS = {
    "vanilla": {"multi_view": 0, "alignment": 0},
    "+AL": {"multi_view": 0, "alignment": 0.1},
    "+MS": {"multi_view": 1, "alignment": 0},
    "+MS+AL": {"multi_view": 1, "alignment": 0.1},
}
NETS = {
    f"{fusion} {variant}": {"fusion": fusion, **losses}
    for fusion in FUSIONS
    for variant, losses in VARIANTS.items()
}
NETS["coordinated +MS+AL, modality dropout"] = {"modality_dropout": 0.25}
MASKS = {"QualityMask": mask_by_quality, "difference": mask_by_difference}
N_SPLITS = 3


class Size(NamedTuple):
    """Sizes of the simulation; for incomplete sets, subjects by their modalities."""

    subjects: int = 24
    hours: float = 4
    passes: int = 12
    real_nights: int = 76
    real_passes: int = 3
    incomplete: tuple = (
        (4, 0, 0),
        (4, 4, 0),
        (4, 0, 4),
        (4, 4, 4),
        (4, 12, 0),
        (4, 0, 12),
        (16, 0, 0),
    )
    incomplete_passes: int = 12
    paper_steps: int = 8


REHEARSAL = Size(6, 0.5, 1, 6, 1, ((2, 0, 0), (2, 1, 1)), 1, 1)


def small_net(passes, **params):
    """A net of the size of these tables."""
    fixed = {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 1,
        "dim_feedforward": 128,
        "d_head": 64,
        "dropout": 0.1,
        "lr": 3e-3,
        "batch_size": 8,
        "stride": 21,
        "max_epochs": passes,
        "validation_fraction": 0,
        "n_threads": 1,
    }
    return MedFuseSleepClassifier(**fixed | params)


def spectral_net(args, passes, **params):
    """The same, of simulated signals."""
    return make_pipeline(
        STFTEpocher(hop=2),
        Cache(args.work / "cache"),
        SpectrumScaler("recording"),
        small_net(passes, **params),
    )


def evaluate(estimators, X, y, args, **params):
    """Cross-validate, with each modality alone, and keep what is finished."""
    start = time.perf_counter()
    if len(X.modalities) > 1:
        params["subsets"] = "every"
    result = cross_validate_staging(
        estimators,
        X,
        y,
        directory=args.work / "folds",
        n_jobs=args.jobs,
        verbose=True,
        **{"random_state": 0} | params,
    )
    print(f"{time.perf_counter() - start:.0f} s\n{result}", flush=True)
    return result


def evaluate_nets(make_net, X, y, args, corruptions, spoilt=tuple(NETS), **params):
    """All nets, some with broken signals, and one net for each modality."""
    nets = {name: make_net(**net) for name, net in NETS.items()}
    alone = [f"{modality} alone" for modality in MODALITIES]
    stagings = Stagings([*NETS, *alone])
    for steps in (corruptions, None):
        part = {k: net for k, net in nets.items() if (k in spoilt) == bool(steps)}
        if part:
            stagings.add(evaluate(part, X, y, args, corruptions=steps, **params))
    broken = {k: step for k, step in corruptions.items() if is_fed(step)}
    for name, modality in zip(alone, MODALITIES, strict=True):
        found = evaluate(
            {name: make_net()},
            X.select([modality]),
            y,
            args,
            corruptions=broken,
            **params,
        )
        stagings.add(found, all=modality)
    return stagings


def is_fed(step):
    """Whether a broken stretch is left for the net to see."""
    return not (isinstance(step, Chain) or getattr(step, "masked", False))


def broken_signals():
    """Ways to break a signal, each unchanged and masked by two rules."""
    steps = {}
    for kind in ("loose", "noisy"):
        for modality in MODALITIES:
            broken = BrokenSignal(modality, kind)
            steps[f"{kind} {modality}"] = broken
            for name, mask in MASKS.items():
                steps[f"{kind} {modality}, {name}"] = Chain((broken, mask))
    return steps


def broken_features():
    """Ways to break features; when masked, all are equal."""
    steps = {}
    for modality in MODALITIES:
        for kind in ("noise", "x 10", "stuck"):
            steps[f"{kind} {modality}"] = BrokenFeatures(modality, kind)
        steps[f"masked {modality}"] = BrokenFeatures(modality, "stuck", masked=True)
    return steps


def select_noisy(X, steps):
    """Names of the nights that the paper's rule finds noisy, once they are broken."""
    found = {}
    for name, step in steps.items():
        noisy = noisy_recordings(X.map(step))
        found[name] = [
            night.id for night, bad in zip(X.recordings, noisy, strict=True) if bad
        ]
    return found


def judge_masks(X, steps):
    """Shares of the broken epochs, and of all others, that a rule marks."""
    rows = []
    for name, step in steps.items():
        for rule, mask in MASKS.items():
            broken, found = [], []
            for night in X.map(step).map(mask).recordings:
                for modality, signal in night.signals.items():
                    there = np.zeros(night.n_epochs, bool)
                    if modality == step.modality:
                        there[step.where(night, night.n_epochs)] = True
                    broken.append(there)
                    found.append(~signal.valid)
            broken, found = np.concatenate(broken), np.concatenate(found)
            rows.append((name, rule, found[broken].mean(), found[~broken].mean()))
    return rows


def score_incomplete(setting, seed, split, X, y, args):
    """Train on subjects some of which have one modality."""
    n_both, *alone = setting
    given, cv = incomplete_training(
        X,
        [split],
        n_both=n_both,
        n_alone=dict(zip(MODALITIES, alone, strict=True)),
        random_state=seed,
    )
    n_training = len(np.unique(X.subject[split[0]]))
    passes = round(args.size.incomplete_passes * n_training / sum(setting))
    nets = {"net": spectral_net(args, passes)}
    return evaluate(nets, given, y, args, cv=cv, random_state=seed)


def simulated_subjects(args):
    """The cohort, and draws of who is tested."""
    X, y, _ = make_polysomnography(
        args.size.subjects, hours=args.size.hours, modalities=MODALITIES, random_state=0
    )
    splitter = SubjectShuffleSplit(N_SPLITS, test_size=1 / 3, random_state=0)
    return X, y, list(splitter.split(X))


def simulated_tables(args):
    """Tables 1 and 2 on simulated subjects."""
    X, y, splits = simulated_subjects(args)

    def make_net(**params):
        return spectral_net(args, args.size.passes, **params)

    steps = broken_signals()
    fed = {name: step for name, step in steps.items() if is_fed(step)}
    return {
        "size": args.size,
        "stagings": evaluate_nets(make_net, X, y, args, steps, cv=splits),
        "noisy": select_noisy(X, fed),
        "n_nights": len(X.recordings),
        "masks": judge_masks(X, fed),
    }


def incomplete_tables(args):
    """Section 4.5: kappas by setting, draw and the modalities given."""
    X, y, splits = simulated_subjects(args)
    jobs = [(s, seed) for s in args.size.incomplete for seed in range(N_SPLITS)]
    results = Parallel(args.jobs)(
        delayed(score_incomplete)(setting, seed, splits[seed], X, y, args)
        for setting, seed in jobs
    )
    kappas = {}
    for (setting, _), result in zip(jobs, results, strict=True):
        found = result.scores()
        scores = dict(zip(found["condition"], found["kappa"], strict=True))
        kappas.setdefault(setting, []).append(scores)
    seconds = sum(map(seconds_of, results))
    return {"size": args.size, "kappas": kappas, "seconds": seconds}


def try_paper_size(args):
    """Fit a few steps with the classifier's defaults, which are those of the paper."""
    path = args.work / f"paper_size_{args.size.paper_steps}.json"
    if path.exists():
        return json.loads(path.read_text())
    X, y, _ = simulated_subjects(args)
    rows = slice(16 * 21)  # of one night: a step is a pass
    net = MedFuseSleepClassifier(
        schedule="constant",
        max_epochs=args.size.paper_steps,
        validation_fraction=0,
        random_state=0,
    )
    chain = make_pipeline(STFTEpocher(), SpectrumScaler("recording"), net)
    chain.fit(X[rows], y[rows])
    history = net.net_.history
    found = {
        "n_parameters": sum(p.numel() for p in net.net_.module_.parameters()),
        "losses": history[:, "train_loss"],
        "seconds": float(np.median(history[:, "dur"])),
        "threads": torch.get_num_threads(),
    }
    path.write_text(json.dumps(found))
    return found


def real_tables(args):
    """Tables 1 and 2 on features of real nights, where there are any."""
    folder = real_folder()
    if folder is None:
        return None
    X, y = real_nights(folder)
    chosen = [night.id for night in X.recordings][: args.size.real_nights]
    rows = np.isin(X.recording, chosen)

    def make_net(**params):
        return small_net(args.size.real_passes, lr=2e-3, batch_size=16, **params)

    params = {"cv": GroupKFold(3), "window": WINDOW, "spoilt": SHOWN}
    steps = broken_features()
    stagings = evaluate_nets(make_net, X[rows], y[rows], args, steps, **params)
    return {"size": args.size, "stagings": stagings}


def main():
    """Compute what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("medfuse-tables"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--rehearse",
        dest="size",
        action="store_const",
        const=REHEARSAL,
        default=Size(),
        help="a minute of computing, whose figures mean nothing",
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, compute in PARTS.items():
        found[name] = compute(args)
        write_page(args.out, found)


PARTS = {
    "simulated": simulated_tables,
    "paper_size": try_paper_size,
    "incomplete": incomplete_tables,
    "real": real_tables,
}

if __name__ == "__main__":
    main()
