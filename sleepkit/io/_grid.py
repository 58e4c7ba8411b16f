"""From labels anywhere in time to one stage for each epoch of a grid."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import starmap
from typing import Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io._scoring import Label
from sleepkit.signal import majority_labels

_TOLERANCE: Final = 0.01  # part of an epoch by which times may be out
_DIGITS: Final = 6  # of a second, so that times which agree are equal
_LONGEST: Final = 31 * 86400.0  # seconds; a time beyond is no time of a night


def stages_on_grid(
    scored: Sequence[tuple[Label, int]], epoch_duration: float, source: str
) -> tuple[IntArray, float]:
    """Return the stage of each whole epoch, and where the first one begins.

    The grid begins with the first label. `source` is named in a warning.
    """
    for label, _ in scored:
        _check_times(label)
    onset, begins, ends, codes = _spans(scored, epoch_duration)
    edges = np.unique([begins, ends])
    n_epochs = int(edges[-1] / epoch_duration + _TOLERANCE)
    if n_epochs < 1:
        msg = (
            f"the labels must last an epoch, {epoch_duration:g} s; they last "
            f"{edges[-1]:g} s."
        )
        raise HypnogramError(msg)
    pieces, n_disputed = _painted(edges, begins, ends, codes, epoch_duration)
    if n_disputed:
        msg = (
            f"{n_disputed} of the {len(codes)} labels in {source} overlap one of "
            "another stage; the later-starting one was taken."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
    edges[-1] = max(edges[-1], n_epochs * epoch_duration)  # it may be a little short
    return majority_labels(pieces, edges, epoch_duration), onset


def _check_times(label: Label) -> None:
    """Require an onset and a duration that a night can have."""
    onset, duration = label.onset, label.duration
    if not abs(onset) <= _LONGEST:
        msg = (
            "an onset must be seconds from the start of the file, within 31 days; "
            f"got {onset:g} ({label.place})."
        )
        raise HypnogramError(msg)
    if duration is not None and not 0 <= duration <= _LONGEST:
        msg = (
            "a duration must be seconds from 0 to 31 days; "
            f"got {duration:g} ({label.place})."
        )
        raise HypnogramError(msg)


def _spans(
    scored: Sequence[tuple[Label, int]], epoch_duration: float
) -> tuple[float, FloatArray, FloatArray, IntArray]:
    """Return the first onset, and from there begins, ends and codes in order of time.

    What has no duration lasts to the next label, the last one for the shortest step.
    Where stages are listed as they change, a last row that repeats its forerunner
    tells only when the night ended.
    """
    scored = sorted(scored, key=lambda pair: pair[0].onset)
    if any(label.duration for label, _ in scored):  # then the others mark a moment
        scored = [pair for pair in scored if pair[0].duration or pair[1] != UNSCORED]
    onsets = np.array([label.onset for label, _ in scored])
    codes = np.array([code for _, code in scored])
    durations = np.array([label.duration or 0 for label, _ in scored])
    steps = np.diff(onsets)
    shortest = min(steps[steps > 0], default=epoch_duration)
    repeats = codes[1:] == codes[:-1]
    lists_changes = repeats.sum() == 1 and not np.allclose(steps, shortest)
    to_next = np.append(steps, 0 if lists_changes and repeats[-1] else shortest)
    durations = np.where(durations > 0, durations, to_next)
    begins = onsets - onsets[0]
    ends = begins + durations
    return float(onsets[0]), begins.round(_DIGITS), ends.round(_DIGITS), codes


def _painted(
    edges: FloatArray,
    begins: FloatArray,
    ends: FloatArray,
    codes: IntArray,
    epoch_duration: float,
) -> tuple[IntArray, int]:
    """Return the code of each piece between edges, and how many labels dispute one.

    The later-starting label holds.
    """
    nobody = UNSCORED - 1
    pieces = np.full(len(edges) - 1, nobody)
    lengths = np.diff(edges)
    n_disputed = 0
    spans = zip(
        np.searchsorted(edges, begins), np.searchsorted(edges, ends), strict=True
    )
    for span, code in zip(starmap(slice, spans), codes, strict=True):
        others = (pieces[span] != nobody) & (pieces[span] != code)
        n_disputed += int(lengths[span][others].sum() > _TOLERANCE * epoch_duration)
        pieces[span] = code
    return np.maximum(pieces, UNSCORED), n_disputed
