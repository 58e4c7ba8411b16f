"""Agreement of a night's stages with those of an expert."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix

from sleepkit import metrics
from sleepkit._stages import N_STAGES, STAGES, UNSCORED
from sleepkit._typing import IntArray


class Agreement(NamedTuple):
    """Agreement in words, and the table of confusions."""

    words: str
    rows: list[ConfusionRow]
    labels: tuple[str, ...] = STAGES


class ConfusionRow(NamedTuple):
    """Epochs of one stage of the expert, by the stage that they have here."""

    name: str
    place: int
    counts: list[int]
    share: float | None  # percent that agree


def compare(stages: IntArray, expert: IntArray) -> Agreement | None:
    """Compare the epochs that both have scored; None where there is none."""
    both = (stages != UNSCORED) & (expert != UNSCORED)
    if not both.any():
        return None
    found, true = stages[both].astype(int), expert[both].astype(int)
    matrix = confusion_matrix(true, found, labels=range(N_STAGES))
    scores = metrics.staging_scores(true, found)
    kappa = f"{scores['kappa']:.2f}"
    if np.isnan(scores["kappa"]):
        kappa = "not defined, since both have one stage alone"
    words = (
        f"{int(matrix.trace())} of {len(true)} epochs that both have scored agree "
        f"({100 * scores['accuracy']:.0f} %); macro-F1 {scores['f1_macro']:.2f}, "
        f"Cohen's kappa {kappa}."
    )
    totals = matrix.sum(axis=1)
    rows = [
        ConfusionRow(
            name,
            place,
            matrix[place].tolist(),
            100 * matrix[place, place] / totals[place] if totals[place] else None,
        )
        for place, name in enumerate(STAGES)
    ]
    return Agreement(words, rows)
