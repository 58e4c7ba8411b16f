"""The pretrained member for band powers on held-out subjects, and its adaptation.

    python benchmarks/default_stager_subjects.py --out docs/results

SLEEPKIT_REAL_DATA names the folder of the real nights. Trained stagers are kept in
--work: the same command goes on after a crash. What is to be said about the figures is
written by hand in default_stager_subjects_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
from copy import deepcopy
from pathlib import Path

import numpy as np
from common import TO, heading, include_findings, real_folder, table
from joblib import Parallel, delayed

from sleepkit.metrics import expected_calibration_error, staging_scores
from sleepkit.model_selection import SubjectKFold
from sleepkit.persistence import load_model, save_model
from sleepkit.pretrained import Recipe, adapt
from sleepkit.pretrained._adapt import _LEAST_REPLAYED, _SLOWER
from sleepkit.pretrained._feature_nights import find_nights, read_nights
from sleepkit.pretrained._members import calibrate, of_all_lengths, split_subjects
from sleepkit.pretrained._recipe import bands_net, public_bands, randomise, simulate
from sleepkit.pretrained._stretches import stretches
from sleepkit.recording import concatenate

TITLE = "The member for band powers on held-out subjects"
ABOUT = """{n} subjects of Sleep-EDF Expanded, {folds} folds by subject: the member for
band powers of the default stager, trained by its recipe without the subjects of the
fold, with another simulation in each fold, and calibrated on a tenth of the other
subjects. The second table has the same nights in stretches, each staged as a recording
of its own, scaled by itself. The third begins with a stager that was trained on
simulated nights alone, and adapts it to the nights of 1, 2 or 4 subjects, {draws} draws
each; tested on {tests} others, and on {forgotten} held-out simulated recordings, to see
what it forgets. With replay, as many simulated training nights are mixed in as there
are new ones, at least four; these stagers are not calibrated. Kappa of all scored
epochs. Intervals: 95 %, bootstrap over subjects; ±: SD over draws. Made by ``python
benchmarks/default_stager_subjects.py --out docs/results``."""
N_FOLDS = 5
SIZES = (1, 2, 4)
DRAWS = 3
TESTS = 12
SUBSETS = ("eeg+eog", "eeg", "eog")
PASSES = 4  # the default of adapt


def simulated_nights(seed, work):
    """Features of simulated nights: to train on, and of held-out subjects."""
    recipe = Recipe()
    train, held_out, _ = split_subjects(simulate(recipe, seed), recipe)
    features = [
        public_bands()
        .fit_transform(randomise(recipe, part, seed).select(["eeg", "eog"]))
        .materialize(work / "nights")
        for part in (train, held_out)
    ]
    return tuple(features)


def fold_member(fold, train, work):
    """The member trained without the subjects of a fold, calibrated; kept."""
    kept = work / f"fold{fold}.model"
    if not kept.exists():
        recipe = Recipe()
        simulated, _ = simulated_nights(fold, work)
        rest, weigh, more = split_subjects(train, recipe)
        real = concatenate([rest, more])
        X = of_all_lengths(real, simulated, fold)
        net = bands_net(recipe, fold, work / f"fold{fold}").fit(X, X.hypnogram)
        member = calibrate("bands", net.set_params(stage__callbacks=None), weigh)
        save_model(member, kept)
    return load_model(kept)


def simulated_only(work):
    """The member trained on simulated nights alone; kept."""
    kept = work / "simulated.model"
    if not kept.exists():
        X, _ = simulated_nights(0, work)
        net = bands_net(Recipe(), 0, work / "simulated").fit(X, X.hypnogram)
        save_model(net.set_params(stage__callbacks=None), kept)
    return load_model(kept)


def interval(y, stages, subject):
    """Kappa, and its interval over subjects."""
    rng = np.random.default_rng(0)
    rows = {name: np.flatnonzero(subject == name) for name in np.unique(subject)}
    names, draws = list(rows), []
    for _ in range(500):
        some = rng.integers(0, len(names), len(names))
        chosen = np.concatenate([rows[names[i]] for i in some])
        draws.append(staging_scores(y[chosen], stages[chosen])["kappa"])
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{staging_scores(y, stages)['kappa']:.3f} ({low:.3f}{TO}{high:.3f})"


def folds_table(members, parts):
    """Scores of each subset of the modalities, all folds together."""
    y = np.concatenate([part.hypnogram for part in parts])
    subject = np.concatenate([part.subject for part in parts])
    rows = []
    for subset in SUBSETS:
        proba = np.concatenate(
            [
                member.predict_proba(part.select(subset.split("+")))
                for member, part in zip(members, parts, strict=True)
            ]
        )
        scores = staging_scores(y, proba.argmax(axis=1))
        error = expected_calibration_error(y, proba)
        cells = [f"{scores[f'f1_{s}']:.2f}" for s in ("W", "N1", "N2", "N3", "REM")]
        rows.append(
            [subset, interval(y, proba.argmax(axis=1), subject), f"{error:.3f}", *cells]
        )
    return table(
        ["given", "kappa", "calibration error", "F1, W", "N1", "N2", "N3", "REM"], rows
    )


def kappa(stager, X, subset="eeg+eog"):
    """Kappa of a stager on nights."""
    found = stager.predict(X.select(subset.split("+")))
    return staging_scores(X.hypnogram, found)["kappa"]


def adapted(base, new, replayed, seed):
    """The stager adapted to new nights, with or without replay."""
    stager = deepcopy(base).set_params(stage__random_state=seed)
    if replayed is not None:
        return adapt(stager, new, new.hypnogram, replay=(replayed, replayed.hypnogram))
    net = stager[-1]  # as adapt does, but for the replay
    net.set_params(lr=_SLOWER * net.lr, max_epochs=PASSES, validation_fraction=0)
    net.partial_fit(stager[:-1].transform(new), new.hypnogram)
    return stager


def adapt_row(base, X, test, simulated, forgotten, *, size, replay):
    """Kappa after adaptation to so many subjects, over draws."""
    others = np.setdiff1d(np.unique(X.subject), np.unique(test.subject))
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        names = rng.permutation(others)[:size]
        new = X[np.isin(X.subject, names)]
        count = max(_LEAST_REPLAYED, len(new.recordings)) if replay else 0
        chosen = rng.permutation(np.unique(simulated.recording))[:count]
        nights = simulated[np.isin(simulated.recording, chosen)] if replay else None
        stager = adapted(base, new, nights, draw)
        found.append(
            [*(kappa(stager, test, s) for s in SUBSETS), kappa(stager, forgotten)]
        )
    return found


def spread(values):
    """Mean and SD."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def adapt_table(base, X, work):
    """Scores before and after adaptation."""
    simulated, forgotten = simulated_nights(0, work)
    test = X[np.isin(X.subject, np.unique(X.subject)[-TESTS:])]
    before = [*(kappa(base, test, s) for s in SUBSETS), kappa(base, forgotten)]
    rows = [["0", "", *(f"{value:.3f}" for value in before)]]
    for size in SIZES:
        for replay in (True, False):
            found = adapt_row(
                base, X, test, simulated, forgotten, size=size, replay=replay
            )
            cells = [spread(column) for column in zip(*found, strict=True)]
            rows.append([size, "yes" if replay else "no", *cells])
    titles = ["subjects", "replay", *SUBSETS, "simulated nights"]
    return table(titles, rows), len(forgotten.recordings)


def main():
    """Train what is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("default-stager-subjects"))
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    X = read_nights(find_nights(real_folder()))
    folds = [*SubjectKFold(N_FOLDS).split(X, X.hypnogram, X.subject)]
    tasks = [
        delayed(fold_member)(fold, X[train], args.work)
        for fold, (train, _) in enumerate(folds)
    ]
    *members, base = Parallel(n_jobs=args.jobs)(
        [*tasks, delayed(simulated_only)(args.work)]
    )
    nights = [X[test] for _, test in folds]
    short = [stretches(night, 0, z_scored=True) for night in nights]
    by_size, n_forgotten = adapt_table(base, X, args.work)
    about = ABOUT.format(
        n=len(set(X.subject)),
        folds=N_FOLDS,
        draws=DRAWS,
        tests=TESTS,
        forgotten=n_forgotten,
    )
    path = args.out / "default_stager_subjects.rst"
    parts = [
        heading(TITLE, "="),
        textwrap.fill(" ".join(about.split()), 88) + "\n",
        include_findings(path),
        heading("Folds by subject"),
        folds_table(members, nights),
        heading("The same nights in stretches of 20 to 40 minutes"),
        folds_table(members, short),
        heading("Adaptation"),
        by_size,
    ]
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
