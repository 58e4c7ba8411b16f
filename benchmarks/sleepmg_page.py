"""The docs page of sleepmg_tables.py: tables and a figure."""

from __future__ import annotations

import numpy as np
from common import TO, table
from matplotlib.figure import Figure
from sleepmg_variants import HOW_BALANCED

from sleepkit.metrics import compare_stagings
from sleepkit.plotting import TrainingDisplay

SCORES = {"accuracy": "accuracy", "f1_macro": "macro-F1", "kappa": "kappa"}
MEASURED = {"score": "score", "rho": "coefficient", "step": "step"}
MODALITIES = ("eeg", "eog", "emg", "ecg")
# title and rows: in words, name of the variant, the paper's kappa on ISRUC-S3 and
# MASS-SS3
TABLES = (
    (
        "Table 2: an extractor for each modality (M), adversarial domain head (G)",
        (
            ("neither: FeatureNet", "FeatureNet", ".680 / .783"),
            ("G", "G", ".684 / .784"),
            ("M", "M", ".693 / .787"),
            ("M and G: NaiveMG", "NaiveMG", ".706 / .788"),
        ),
    ),
    (
        "Table 3: fusion of the modalities, without the domain head",
        (
            ("direct concatenation", "M", ".693 / .787"),
            ("self-attention", "attention", ".689 / .786"),
            ("OGM-GE", "OGM-GE", ".695 / .788"),
            ("balance", "M balanced", ".709 / .794"),
            ('balance, ``metric="signed"``', "M signed", "none"),
            ('balance, ``mode="update"``', "M update", "none"),
        ),
    ),
    (
        "Table 4: balanced heads, with the domain head",
        (
            ("nothing: NaiveMG", "NaiveMG", ".707 / .788"),
            ("extractors", "extractors", ".703 / .789"),
            ("classifier", "classifier", ".717 / .795"),
            ("discriminator", "discriminator", ".709 / .798"),
            ("both heads: SleepMG", "SleepMG", ".726 / .802"),
            ('both, ``metric="signed"``', "SleepMG signed", "none"),
            ('both, ``mode="update"``', "SleepMG update", "none"),
        ),
    ),
)


def score_table(results, rows, *, new_subjects):
    """Scores over the seeds, and paired differences from the first row."""
    with_paper = len(rows[0]) == 3
    (_, reference, *_), *_ = rows
    scores = [result.scores() for result in results]
    lines = []
    for words, name, *paper in rows:
        found = ("none", "none")
        if name != reference:
            found = (
                difference(results, name, reference, new_subjects=new_subjects),
                differences_by_seed(scores, name, reference),
            )
        lines.append((words, *mean_scores(scores, name), *found, *paper))
    titles = ["variant", *SCORES.values(), "difference of kappa", "by seed"]
    return table([*titles, "kappa in the paper"] if with_paper else titles, lines)


def mean_scores(scores, name):
    """Mean and SD over the seeds of each score."""
    for metric in SCORES:
        values = by_seed(scores, name, metric)
        yield f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def by_seed(scores, name, metric):
    """A score of one variant, for each seed."""
    return np.array([t[metric][t["estimator"].index(name)] for t in scores])


def differences_by_seed(scores, first, second):
    """Differences of kappa, for each seed."""
    one, other = (by_seed(scores, name, "kappa") for name in (first, second))
    return ", ".join(f"{value:+.3f}" for value in one - other)


def difference(results, first, second, *, new_subjects):
    """Pooled difference of kappa with its interval, paired by subject."""
    pairs = [[result.predictions(n) for n in (first, second)] for result in results]
    subjects = [
        [f"{seed if new_subjects else ''} {subject}" for subject in one["subject"]]
        for seed, (one, _) in enumerate(pairs)
    ]
    found = compare_stagings(
        np.concatenate([one["true"] for one, _ in pairs]),
        np.concatenate([one["predicted"] for one, _ in pairs]),
        np.concatenate([other["predicted"] for _, other in pairs]),
        np.concatenate(subjects),
        random_state=0,
    )
    low, high = found.interval
    return f"{found.difference:+.3f} ({low:+.3f}{TO}{high:+.3f})"


def imbalance_table(histories, quantity):
    """A quantity after some of the passes, a column for each variant."""
    n_passes = len(histories[HOW_BALANCED[0]])
    rows = [
        (number, *(f"{histories[n][number - 1][quantity]:.4f}" for n in HOW_BALANCED))
        for number in (1, *range(5, n_passes + 1, 5))
    ]
    return table(["pass", *HOW_BALANCED], rows)


def modality_table(histories):
    """What each modality does alone, in the last pass."""
    rows = []
    for name in HOW_BALANCED:
        last = histories[name][-1]
        for head in ("classifier", "discriminator"):
            for key, words in MEASURED.items():
                cells = [last.get(f"{head}_{key}_{m}") for m in MODALITIES]
                if None not in cells:
                    rows.append((name, head, words, *(f"{cell:.2f}" for cell in cells)))
    return table(["variant", "head", "measured", *MODALITIES], rows)


def draw_imbalance(histories, path):
    """Figure 4 of the paper."""
    figure = Figure((9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for name in HOW_BALANCED:
        TrainingDisplay.from_history(histories[name], name=name, ax=axes)
    lines, names = axes[0].get_legend_handles_labels()
    for ax in axes:
        if ax.get_legend():
            ax.get_legend().remove()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names))
    figure.savefig(path, dpi=80)
