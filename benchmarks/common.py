"""Functions shared by the scripts that write docs pages."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from sleepkit.metrics import compare_stagings, staging_scores, staging_scores_by
from sleepkit.recording import EpochArray

WINDOW = "scored epochs of sleep and 30 min around it"  # of the real nights
SUNK = 0.05  # of kappa, that a subject loses
TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"


def heading(text, line="-"):
    """A heading of reStructuredText, and the empty line behind it."""
    return f"{text}\n{line * len(text)}\n"


def include_findings(page):
    """Include the findings, written by hand, of the file beside a page."""
    path = page.with_name(f"{page.stem}_findings.inc")
    path.touch()
    return f".. include:: {path.name}\n"


def table(titles, rows):
    """A list-table of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [titles, *rows]:
        lines += [
            f"   {'* ' if i == 0 else '  '}- {cell}" for i, cell in enumerate(row)
        ]
    return "\n".join([*lines, ""])


def seconds_of(result):
    """Seconds that the fits and stagings of a result took, one after the other."""
    return sum(
        fit["fit"] + sum(fit["stage"].values()) for fit in result.protocol["seconds"]
    )


def real_folder():
    """The folder of real nights' features, or None."""
    folder = Path(os.environ.get("SLEEPKIT_REAL_DATA", "none"), "sleep_edf", "nights")
    return folder if folder.is_dir() else None


def real_nights(folder, columns=None):
    """All scored epochs of the published features: 10 powers a channel, by night.

    `columns` are those of Fpz-Cz, Pz-Oz and EOG that make a modality.
    """
    columns = columns or {"eeg": slice(2), "eog": 2}
    blocks, labels, names = [], [], []
    for path in sorted(folder.glob("*.npz")):
        night = np.load(path)
        blocks.append(night["features"])
        labels.append(night["labels"])
        names += [path.stem] * len(labels[-1])
    features, stages = np.concatenate(blocks), np.concatenate(labels)
    X = EpochArray.from_arrays(
        {name: features[:, column] for name, column in columns.items()},
        recording=names,
        subject=[name[:5] for name in names],
    )
    scored = stages >= 0
    return X[scored], stages[scored].astype(int)


def in_order(result, name, condition):
    """Predictions in the order of nights and epochs."""
    found = result.predictions(name, condition)
    order = np.lexsort((found["epoch"], found["recording"]))
    return {name: values[order] for name, values in found.items()}


def mean_kappa(y, runs, name):
    """Pooled kappa, mean and SD over seeds."""
    kappas = [staging_scores(y, run[name])["kappa"] for run in runs]
    if len(kappas) == 1:
        return f"{kappas[0]:.3f}"
    return f"{np.mean(kappas):.3f} ± {np.std(kappas, ddof=1):.3f}"


def difference_table(y, subject, runs, pairs):
    """Paired differences over subjects, all seeds together, and the largest loss."""
    rows = []
    for title, first, second in pairs:
        one, other = (
            np.concatenate([run[name] for run in runs]) for name in (first, second)
        )
        true, subjects = (np.tile(values, len(runs)) for values in (y, subject))
        found = compare_stagings(true, one, other, subjects, random_state=0)
        low, high = found.interval
        a, b = (
            staging_scores_by(true, stages, subjects)["kappa"]
            for stages in (one, other)
        )
        rows.append(
            (
                title,
                f"{found.difference:+.3f}",
                f"{low:+.3f}{TO}{high:+.3f}",
                f"{found.p_value:.2g}",
                f"{(a - b).min():+.3f}",
                int((a - b < -SUNK).sum()),
            )
        )
    titles = (
        "difference of kappa",
        "pooled",
        "95 % interval",
        "p",
        "worst subject",
        f"subjects that lose over {SUNK}",
    )
    return table(titles, rows)


@contextmanager
def without_onednn():
    """Leave products in float32 to torch's default library."""
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = True


def in_turn(calls, repeats, clock=time.perf_counter):
    """Call all in turn; give the median seconds of each, the first call left out."""
    seconds = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = clock()
            call()
            if turn:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
