"""Checks of hypnograms, probabilities and groups; counts of pairs of stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.utils import check_stages


def check_stagings(owner: str, **stagings: Any) -> list[IntArray]:
    """Require stagings of the same epochs, at least one, without unscored ones."""
    rows = [check_stages(name, row, owner=owner) for name, row in stagings.items()]
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1:
        got = ", ".join(map(str, lengths))
        msg = f"{owner} needs {', '.join(stagings)} of the same length; got {got}."
        raise ValueError(msg)
    for name, row in zip(stagings, rows, strict=True):
        n_unscored = np.count_nonzero(row == UNSCORED)
        if n_unscored:
            msg = f"{owner} needs scored epochs only; {n_unscored} of {len(row)} in "
            msg += f"{name} are unscored ({UNSCORED}). Leave these epochs out first."
            raise ValueError(msg)
    return rows


def number_groups(
    owner: str, name: str, groups: Any, n_epochs: int
) -> tuple[Array, IntArray]:
    """Return the sorted groups, and the number of the group of each epoch."""
    labels = np.asarray(groups)
    if labels.shape != (n_epochs,):
        msg = f"{owner} needs {name} of shape ({n_epochs},), one for each epoch; "
        msg += f"got {labels.shape}."
        raise ValueError(msg)
    return np.unique(labels, return_inverse=True)


def check_probabilities(proba: Any, *, owner: str) -> FloatArray:
    """Require rows of five probabilities."""
    rows = np.asarray(proba, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != N_STAGES or not rows.size:
        msg = f"{owner} needs proba of shape (n_epochs, {N_STAGES}), a column for each "
        msg += f"stage, zero where it was not in training; got shape {rows.shape}."
        raise ValueError(msg)
    if not (rows >= 0).all() or not np.allclose(rows.sum(axis=1), 1, atol=1e-3):
        msg = f"{owner} needs rows of proba that are >= 0 and sum to 1."
        raise ValueError(msg)
    return rows


def check_predictions(
    y_true: Any, proba: Any, *, owner: str
) -> tuple[IntArray, FloatArray]:
    """Require a true stage for each row of probabilities."""
    (truth,) = check_stagings(owner, y_true=y_true)
    rows = check_probabilities(proba, owner=owner)
    if len(truth) != len(rows):
        msg = f"{owner} needs y_true and proba of the same length; "
        msg += f"got {len(truth)}, {len(rows)}."
        raise ValueError(msg)
    return truth, rows


def count_pairs(rows: IntArray, columns: IntArray) -> IntArray:
    """Count pairs of stages in epochs where both are scored: (5, 5)."""
    both = (rows >= 0) & (columns >= 0)
    pairs = N_STAGES * rows[both] + columns[both]
    return np.bincount(pairs, minlength=N_STAGES**2).reshape(N_STAGES, N_STAGES)
