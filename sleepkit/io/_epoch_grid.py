"""Epoch grid: stages of epochs from timed labels, and their place in the signals."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.hypnogram._grid import clock_difference
from sleepkit.io._labels import Scheme, decode, listed
from sleepkit.io._limits import LONGEST_NIGHT, MAX_LABELS
from sleepkit.io._overlaps import cover
from sleepkit.io._scoring import Label, Scoring
from sleepkit.io._stage_files._events import on_free_epochs, without_events

_START_TOLERANCE: Final = 1e-3  # seconds between the grid and the first sample
_EPOCH_TOLERANCE: Final = 0.01  # part of an epoch by which times of labels may be off
_DIGITS: Final = 6  # of a second, so that times which agree are equal


class Grid(NamedTuple):
    """Epoch grid that begins `skip` seconds into the signals.

    The first label of the hypnogram belongs to epoch `first`, which is negative if the
    hypnogram begins before the signals.
    """

    epoch_duration: float = 30.0
    skip: float = 0.0
    first: int = 0


def to_hypnogram(
    scoring: Scoring, scheme: Scheme, epoch_duration: float, source: str
) -> Hypnogram:
    """Hypnogram from the labels of a file."""
    if len(scoring.labels) > MAX_LABELS:
        msg = f"a night has at most {MAX_LABELS:,} labels; got {len(scoring.labels):,}."
        raise HypnogramError(msg)
    if scoring.scheme is not None and not isinstance(scheme, Mapping):
        scheme = scoring.scheme
    scored, events = decode(scoring.labels, scheme, has_events=scoring.has_events)
    for label, _ in scored:
        _check_times(label)
    stages = None if events or scoring.events else _consecutive(scored, epoch_duration)
    onset = scored[0][0].onset
    if stages is None:
        scored += _unknown([*events, *scoring.events], scored, epoch_duration, source)
        kept = without_events(scored, epoch_duration, has_events=scoring.has_events)
        stages, onset = stages_of_labels(kept, epoch_duration, source)
    probabilities = scoring.probabilities
    if probabilities is not None:
        onsets = np.array([label.onset for label in scoring.labels]) - onset
        probabilities = _placed(probabilities, onsets / epoch_duration, len(stages))
    return Hypnogram(
        stages,
        epoch_duration,
        onset,
        scoring.start,
        probabilities=probabilities,
        scorer=scoring.scorer,
    )


def _consecutive(
    scored: Sequence[tuple[Label, int]], epoch_duration: float
) -> IntArray | None:
    """Stages of labels that follow each other and last whole epochs, else None.

    What `stages_of_labels` returns for them, in a tenth of the time: most files are so.
    """
    if any(label.is_event for label, _ in scored):
        return None
    onsets = np.array([label.onset for label, _ in scored])
    durations = np.array([label.duration or 0.0 for label, _ in scored])
    n_epochs = (durations / epoch_duration).round()
    is_next = np.abs(onsets[1:] - (onsets + durations)[:-1]) < 0.1**_DIGITS
    is_whole = np.abs(durations - n_epochs * epoch_duration) < 0.1**_DIGITS
    if not (is_next.all() and is_whole.all() and n_epochs.all()):
        return None
    return np.repeat([code for _, code in scored], n_epochs.astype(int))


def _unknown(
    events: Sequence[Label],
    scored: Sequence[tuple[Label, int]],
    epoch_duration: float,
    source: str,
) -> list[tuple[Label, int]]:
    """Labels that name no stage and last epochs without one, which are unscored."""
    events = [event for event in events if _is_in_night(event)]
    unknown = on_free_epochs(events, scored, epoch_duration)
    if unknown:
        msg = (
            f"{len(unknown)} labels in {source} name no stage that is known, and last "
            f"epochs without a stage, which are unscored: {listed(unknown)}. "
            'A scheme={"label": code} adds names, with the code -1 for unscored.'
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
    return [(label, UNSCORED) for label in unknown]


def _placed(
    probabilities: FloatArray, epochs: FloatArray, n_epochs: int
) -> FloatArray | None:
    """Probabilities of each epoch; None if they belong to epochs of another length."""
    whole = epochs.round()
    is_on_grid = (whole >= 0) & (whole < n_epochs)
    is_on_grid &= np.abs(epochs - whole) <= _EPOCH_TOLERANCE
    if not is_on_grid.all():
        return None
    rows = whole.astype(int)
    placed = np.full((n_epochs, probabilities.shape[1]), np.nan)
    placed[rows] = probabilities
    return placed


def stages_of_labels(
    scored: Sequence[tuple[Label, int]], epoch_duration: float, source: str
) -> tuple[IntArray, float]:
    """Stage of each whole epoch, and the onset of the first one.

    The grid begins with the first label. `source` is the file named in warnings.
    """
    from sleepkit.signal import majority_labels  # imports SciPy

    onset, begins, ends, codes = _spans(scored, epoch_duration)
    edges = np.unique([begins, ends])
    n_epochs = int(edges[-1] / epoch_duration + _EPOCH_TOLERANCE)
    if n_epochs < 1:
        msg = (
            f"the labels must last an epoch, {epoch_duration:g} s; they last "
            f"{edges[-1]:g} s."
        )
        raise HypnogramError(msg)
    segments, overlaps = cover(edges, begins, ends, codes)
    n_overlapping = (overlaps.round(_DIGITS) > _EPOCH_TOLERANCE * epoch_duration).sum()
    if n_overlapping:
        msg = (
            f"{n_overlapping} of the {len(codes)} labels in {source} overlap one of "
            "another stage; the later-starting one was taken."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
    edges[-1] = max(edges[-1], n_epochs * epoch_duration)  # within the tolerance
    return majority_labels(segments, edges, epoch_duration), onset


def _is_in_night(label: Label) -> bool:
    """Whether the onset and the duration of a label are possible in a night."""
    is_near = abs(label.onset) <= LONGEST_NIGHT
    return is_near and 0 <= (label.duration or 0.0) <= LONGEST_NIGHT


def _check_times(label: Label) -> None:
    """Raise an error for an onset or a duration that is impossible in a night."""
    onset, duration = label.onset, label.duration
    if not abs(onset) <= LONGEST_NIGHT:
        msg = (
            "an onset must be seconds from the start of the file, within 31 days; "
            f"got {onset:g} ({label.place})."
        )
        raise HypnogramError(msg)
    if duration is not None and not 0 <= duration <= LONGEST_NIGHT:
        msg = (
            "a duration must be seconds from 0 to 31 days; "
            f"got {duration:g} ({label.place})."
        )
        raise HypnogramError(msg)


def _spans(
    scored: Sequence[tuple[Label, int]], epoch_duration: float
) -> tuple[float, FloatArray, FloatArray, IntArray]:
    """First onset, and begins, ends (both relative to it) and codes in order of time.

    A label without a duration lasts to the next label, the last one for the shortest
    step. In a list of stage changes, a last row that repeats the stage before it only
    marks the end of the night.
    """
    scored = sorted(scored, key=lambda pair: pair[0].onset)
    if any(label.duration for label, _ in scored):  # the others mark a moment
        scored = [pair for pair in scored if pair[0].duration or pair[1] != UNSCORED]
    onsets = np.array([label.onset for label, _ in scored])
    codes = np.array([code for _, code in scored])
    durations = np.array([label.duration or 0 for label, _ in scored])
    repeats = [
        pair[0].text == other[0].text and pair[1] == other[1]
        for pair, other in pairwise(scored)
    ]
    to_next = _to_next(np.diff(onsets), np.array(repeats, bool), epoch_duration)
    durations = np.where(durations > 0, durations, to_next)
    begins = onsets - onsets[0]
    ends = begins + durations
    return float(onsets[0]), begins.round(_DIGITS), ends.round(_DIGITS), codes


def _to_next(
    steps: FloatArray, repeats: NDArray[np.bool_], epoch_duration: float
) -> FloatArray:
    """Duration of labels of which only the onsets are known.

    A label lasts to the next one. If stages repeat and most steps are equal, there is a
    label an epoch, and a longer step is a hole.
    """
    positive = steps[steps > 0].round(_DIGITS)
    shortest = min(positive, default=epoch_duration)
    is_regular = np.allclose(steps, shortest)
    ends_changes = repeats.sum() == 1 and bool(repeats[-1])
    if repeats.any() and not is_regular and not ends_changes:
        lengths, counts = np.unique(positive, return_counts=True)
        usual, most = lengths[counts.argmax()], counts.max()
        is_multiple = np.abs(positive / usual - (positive / usual).round()) < 0.05
        if most > len(steps) / 2 and is_multiple.all():
            return np.append(np.minimum(steps, usual), usual)
    last = 0.0 if ends_changes and not is_regular else shortest
    return np.append(steps, last)


def find_grid(hypnogram: Hypnogram, start: datetime | None) -> Grid:
    """Epoch grid of a hypnogram, relative to signals that begin at `start`.

    If the grid begins within an epoch, less than an epoch of signal is left out.
    """
    epoch = hypnogram.epoch_duration
    offset = hypnogram.onset + clock_difference(hypnogram.start, start)
    first = floor((offset + _START_TOLERANCE) / epoch)
    skip = offset - first * epoch
    return Grid(epoch, skip if skip > _START_TOLERANCE else 0.0, first)


def align_stages(
    hypnogram: Hypnogram, first: int, n_epochs: int, source: str
) -> IntArray:
    """Stage of each epoch of the signals.

    Labels outside the signals are dropped; epochs outside the labels are unscored.
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
