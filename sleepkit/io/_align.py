"""Labels and signals brought onto one grid of epochs."""

from __future__ import annotations

import warnings
from datetime import datetime
from math import floor
from typing import Final, NamedTuple

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import IntArray
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io._hypnogram import Hypnogram

_DAY: Final = 86400.0
_CLOCK_STEP: Final = 1.0  # seconds; plain EDF headers know no less
_TOLERANCE: Final = 1e-3  # seconds by which the grid may be off the first sample


class Grid(NamedTuple):
    """Epochs that begin `skip` seconds into the signals.

    The first label of the hypnogram belongs to epoch `first`, which is negative where
    scoring began before the signals.
    """

    epoch_duration: float = 30.0
    skip: float = 0.0
    first: int = 0


def find_grid(hypnogram: Hypnogram, start: datetime | None) -> Grid:
    """Keep the grid of the labels, on the time of signals that began at `start`.

    Where it begins inside an epoch, less than an epoch of signal is left out.
    """
    epoch = hypnogram.epoch_duration
    offset = hypnogram.onset + _clock_difference(hypnogram.start, start)
    first = floor((offset + _TOLERANCE) / epoch)
    skip = offset - first * epoch
    return Grid(epoch, skip if skip > _TOLERANCE else 0.0, first)


def lay_labels(
    hypnogram: Hypnogram, first: int, n_epochs: int, source: str
) -> IntArray:
    """Give each epoch of the signals its stage.

    Labels outside the signals are dropped, signal outside the labels is unscored.
    """
    begin, end = max(0, first), min(n_epochs, first + len(hypnogram))
    if begin >= end:
        msg = (
            f"The hypnogram of {len(hypnogram)} epochs and {source} do not overlap: "
            f"the first label belongs to epoch {first} of signals that last {n_epochs}."
        )
        raise HypnogramError(msg)
    kept = slice(begin - first, end - first)
    stages = np.full(n_epochs, UNSCORED, np.int8)
    stages[begin:end] = hypnogram.stages[kept]
    is_scored = hypnogram.stages != UNSCORED
    n_dropped = int(is_scored.sum() - is_scored[kept].sum())
    n_unlabelled = n_epochs - (end - begin)
    if max(n_dropped, n_unlabelled) > 1:
        msg = (
            f"The signals of {source} last {n_epochs} epochs of "
            f"{hypnogram.epoch_duration:g} s, its hypnogram {len(hypnogram)}: "
            f"{n_dropped} stages outside the signals are dropped, and {n_unlabelled} "
            "epochs outside the hypnogram are unscored."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
    return stages


def _clock_difference(hypnogram: datetime | None, signals: datetime | None) -> float:
    """Seconds from the start of the signals to that of the labels, by their clocks.

    Only the time of day counts, since dates are often removed from one of the two.
    """
    if hypnogram is None or signals is None:
        return 0.0
    apart = hypnogram.replace(tzinfo=None) - signals.replace(tzinfo=None)
    difference = (apart.total_seconds() + _DAY / 2) % _DAY - _DAY / 2
    return difference if abs(difference) >= _CLOCK_STEP else 0.0
