"""Inner split of the labelled rows: what trains, and what validates."""

from __future__ import annotations

from typing import NamedTuple
from warnings import warn

import numpy as np

from sleepkit._messages import of_nights
from sleepkit._typing import BoolArray, IntArray
from sleepkit.classifiers._distillation import Teacher
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.training import EpochSource


class Split(NamedTuple):
    """Rows that train and rows that validate.

    Attributes
    ----------
    y : ndarray of int of shape (n_rows,)
        Number of the class of each row.
    subject : ndarray of int of shape (n_rows,) or None
        Number of the subject of each row, where subjects are known.
    train : ndarray of bool of shape (n_rows,)
        Rows that are trained on.
    valid : ndarray of bool of shape (n_rows,)
        Rows of the held-out subjects.
    teacher : Teacher or None
        What a teacher says of the rows, in a distillation.
    """

    y: IntArray
    subject: IntArray | None
    train: BoolArray
    valid: BoolArray
    teacher: Teacher | None = None


def make_split(
    source: EpochSource,
    y: IntArray,
    subject: IntArray | None,
    train_mask: BoolArray,
    fraction: float,
    rng: np.random.Generator,
    *,
    owner: str,
) -> Split:
    """Hold out some subjects, where they are known, for the inner validation."""
    labelled = train_mask & source.has_signal[source.row_to_epoch]
    names = ", ".join(source.layout)
    if not labelled.any():
        rest = "in all" if source.needs_all else "in any"
        msg = (
            f"{owner} needs rows to train on; all are masked, or without a valid "
            f"signal {rest} of {names}{of_nights(source.ids)}"
        )
        raise RecordingError(msg)
    recorded = np.logical_or.reduce(list(source.present.values()))
    incomplete = train_mask & recorded[source.row_to_epoch] & ~labelled
    if incomplete.any():
        warn(
            f"{incomplete.sum()} of {train_mask.sum()} training epochs lack one of "
            f"{names} and are not trained on.",
            SleepkitWarning,
            stacklevel=4,
        )
    valid = np.zeros(len(y), np.bool_)
    if subject is not None and fraction:
        subjects = np.unique(subject[labelled])
        n_held_out = min(max(1, round(fraction * len(subjects))), len(subjects) - 1)
        held_out = rng.permutation(subjects)[:n_held_out]
        valid = labelled & np.isin(subject, held_out)
    return Split(y, subject, labelled & ~valid, valid)
