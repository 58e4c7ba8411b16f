"""The tables of the SleepMG paper on simulated subjects, and SleepMG on real nights.

    python benchmarks/sleepmg_tables.py --out docs/results

Real nights are staged where SLEEPKIT_REAL_DATA has them. Finished fits are kept in
--work: the same command goes on after a crash. What is to be said about the figures is
kept by hand in sleepmg_tables_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import textwrap
from functools import partial
from pathlib import Path

import sleepmg_variants as variants
from common import (
    WINDOW,
    heading,
    include_findings,
    real_folder,
    real_nights,
    seconds_of,
)
from sleepmg_page import (
    TABLES,
    draw_imbalance,
    imbalance_table,
    modality_table,
    score_table,
)

from sleepkit.evaluation import cross_validate_staging, sleepmg_protocol

SEEDS = (0, 1, 2)
FOLDS = 5
PAGE = "sleepmg_tables"
ABOUT = """The ablations of the SleepMG paper in small, by its protocol: subjects are
split into five groups; nets trained on four groups predict the fifth, and a fifth of
the training subjects are held out to select the best pass; batches of 256 epochs, Adam
with betas of 0.5 and 0.999, gradient reversal of 0.1, scores of all folds pooled. The
paper has ten channels, real nights, four times as many filters and 50 passes. Scores
are means and standard deviations over three seeds. Differences of kappa are from the
first row of a table, of all seeds pooled, with 95 % intervals from a bootstrap over
subjects, and then seed by seed. Made by ``python benchmarks/sleepmg_tables.py --out
docs/results``.
"""
SIMULATED = """{subjects} simulated subjects of {hours} h ({n} epochs), with EEG, EOG,
chin EMG and ECG, one channel each, at 100 Hz; gain and spectral slope of each channel
differ between subjects. Each seed draws subjects, groups and weights anew. Extractors
are FeatureNet with a quarter of its filters, trained for {passes} passes. {fits} fits
of {each:.1f} s, {total:.0f} min of one core beside other work. The last column is the
paper's kappa on ISRUC-S3 and MASS-SS3.
"""
IMBALANCE = """Sum of the squared distances of the modalities' shares from one
quarter; means over folds and seeds. First of the stage classifier, then of the
domain discriminator:
"""
ALONE = """Means in the last pass: the probability that each modality alone gives to the
true stage or domain (score; chance is 0.2 for stages and 0.25 for domains), its
coefficient by eq. 6, applied or not (coefficient), and an estimate of the factor of the
steps, after Adam has divided by the size of earlier gradients (step):
"""
NIGHTS = """Features of Sleep-EDF Expanded, ten powers of each of Fpz-Cz, Pz-Oz and the
EOG: {n} scored epochs of sleep and 30 min around it, {nights} nights, {subjects}
subjects. Each seed draws groups and weights anew. Extractors are one linear layer of
128, trained for {passes} passes. {fits} fits of {each:.1f} s, {total:.0f} min of one
core.
"""


def cross_validate(make_variants, X, y, seed, name, args, **params):
    """Protocol of the paper; the seed sets the groups and the initial weights."""
    protocol = sleepmg_protocol(X, n_groups=FOLDS, random_state=seed)
    result = cross_validate_staging(
        make_variants(protocol.parameters),
        X,
        y,
        cv=protocol.cv,
        directory=args.work / name,
        n_jobs=args.jobs,
        random_state=seed,
        verbose=True,
        **params,
    )
    print(f"{name}, seed {seed}\n{result}")
    return result


def count(results):
    """How many fits there were, and how long they took."""
    total = sum(seconds_of(result) for result in results)
    fits = sum(len(result.protocol["seconds"]) for result in results)
    return {"fits": fits, "each": total / fits, "total": total / 60}


def fill(text, **values):
    return textwrap.fill(text.format(**values), 88) + "\n"


def simulated(args):
    """Tables 2, 3, 4 and figure 4."""
    histories, results = args.work / "histories", []
    for seed in SEEDS:
        X, y = variants.simulated_subjects(seed, args.work / f"subjects-{seed}")
        make = partial(variants.simulated_variants, seed, histories)
        results.append(cross_validate(make, X, y, seed, "simulated", args))
    measured = {
        name: variants.mean_history(
            [histories / f"{name.replace(' ', '-')}-{seed}" for seed in SEEDS],
            len(SEEDS) * FOLDS,
        )
        for name in variants.HOW_BALANCED
    }
    size = {"subjects": variants.N_SUBJECTS, "hours": variants.HOURS, "n": len(X)}
    text = fill(SIMULATED, **size, passes=variants.PASSES, **count(results))
    parts = [heading("Simulated subjects"), text]
    for name, rows in TABLES:
        parts += [heading(name, "~"), score_table(results, rows, new_subjects=True)]
    args.out.mkdir(parents=True, exist_ok=True)
    draw_imbalance(measured, args.out / f"{PAGE}.png")
    return [
        *parts,
        heading("Figure 4: how far the modalities are out of balance", "~"),
        IMBALANCE,
        imbalance_table(measured, "classifier_imbalance"),
        imbalance_table(measured, "discriminator_imbalance"),
        f".. image:: {PAGE}.png\n   :alt: the imbalance degrees over the passes\n",
        ALONE,
        modality_table(measured),
    ]


def nights(args):
    """NaiveMG and SleepMG on real nights, of two and of three modalities."""
    folder = real_folder()
    if folder is None:
        return []
    X, y = real_nights(folder)
    layouts = {
        "EEG and EOG: two modalities": ("nights-two", X),
        "Fpz-Cz, Pz-Oz and EOG: three modalities": (
            "nights-three",
            variants.each_channel_alone(X),
        ),
    }
    parts, everything = [], []
    for words, (name, given) in layouts.items():
        results = [
            cross_validate(
                variants.night_variants, given, y, seed, name, args, window=WINDOW
            )
            for seed in SEEDS
        ]
        everything += results
        rows = [(variant, variant) for variant in variants.HOW_BALANCED]
        found = score_table(results, rows, new_subjects=False)
        parts += [heading(words, "~"), found]
    data = everything[0].protocol["data"]
    size = {"n": len(X), "nights": data["n_recordings"], "subjects": data["n_subjects"]}
    text = fill(NIGHTS, **size, passes=variants.NIGHT_PASSES, **count(everything))
    return [heading("Real nights"), text, *parts]


PARTS = {"simulated": simulated, "nights": nights}


def main():
    """Run everything and write the page, or run a part of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("sleepmg-tables"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=PARTS, help="run this part, write no page")
    args = parser.parse_args()
    if args.only:
        PARTS[args.only](args)
        return
    page = args.out / f"{PAGE}.rst"
    parts = [part for make in PARTS.values() for part in make(args)]
    top = [heading("SleepMG: ablations, and real nights", "="), ABOUT]
    text = "\n".join([*top, include_findings(page), *parts])
    page.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
