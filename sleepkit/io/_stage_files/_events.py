"""Events among the labels of stages, which take no epoch from a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from sleepkit._messages import quoted
from sleepkit._stage_words import MISSING, claims_a_stage
from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._scoring import Label

Scored = tuple[Label, int]

_TOLERANCE: Final = 0.01  # of a label's duration


def without_events(
    scored: Sequence[Scored], epoch_duration: float, *, has_events: bool = False
) -> list[Scored]:
    """Labels without those of events.

    An event is a label without a stage among labels with one, unless it covers whole
    epochs that no other label covers. Where a file `has_events`, movements and
    artefacts that last no whole epochs are events too.
    """
    _check_scorers(scored)
    stages = _stages(scored)
    if not stages:
        return list(scored)
    epochs = _epochs(stages, scored, epoch_duration)
    return [
        (label, code)
        for label, code in scored
        if not _is_event(label, code, epochs, has_events=has_events)
    ]


def on_free_epochs(
    events: Sequence[Label], scored: Sequence[Scored], epoch_duration: float
) -> list[Label]:
    """Labels of events that cover whole epochs which no label of a stage covers.

    Without durations, a label does if the next one begins an epoch later.
    """
    stages = _stages(scored)
    if any(label.duration for label, _ in stages):  # the others mark a moment
        events = [label for label in events if label.duration]
    if not events or not stages:
        return []
    every = [*scored, *((label, UNSCORED) for label in events)]
    epochs = _epochs(stages, every, epoch_duration)
    covered = _epochs(scored, every, epoch_duration)
    onsets = {round(label.onset, 2) for label, _ in every}
    return [
        label
        for label in events
        if epochs.has_whole(label)
        and covered.has_free(label)
        and (label.duration or round(label.onset + epochs.lengths[0], 2) in onsets)
    ]


def _stages(scored: Sequence[Scored]) -> list[Scored]:
    """Labels with a stage that are no events, unscored ones only if all are."""
    stages = [pair for pair in scored if not _may_be_event(*pair)]
    return [pair for pair in stages if pair[1] != UNSCORED] or stages


def _epochs(
    stages: Sequence[Scored], scored: Sequence[Scored], epoch_duration: float
) -> _Epochs:
    """Find the times of the labels with a stage, of equal length if none is stated."""
    begins = np.array([label.onset for label, _ in stages])
    lengths = np.array([label.duration or 0.0 for label, _ in stages])
    if (lengths > 0).any():
        step = float(lengths[lengths > 0].min())
    else:
        onsets = sorted(label.onset for label, _ in scored)
        steps = np.diff(onsets).round(2)
        values, counts = np.unique(steps[steps > 0], return_counts=True)
        step = float(values[counts.argmax()]) if len(values) else 1.0
        lengths = np.full(len(begins), step)
    order = np.argsort(begins, kind="stable")
    ends = np.maximum.accumulate((begins + lengths)[order])
    return _Epochs(begins[order], ends, (step, epoch_duration))


class _Epochs(NamedTuple):
    """Begins and ends of labels with a stage, in order, and the lengths of an epoch."""

    begins: FloatArray
    ends: FloatArray
    lengths: tuple[float, float]  # of the shortest label, and of those to return

    def has_whole(self, label: Label) -> bool:
        """Whether a label covers whole epochs."""
        length = self.lengths[0] if label.duration is None else label.duration
        times = np.array([label.onset - self.begins[0], length])
        parts = [times / epoch for epoch in self.lengths]
        return length > 0 and any(
            (np.abs(part - part.round()) <= _TOLERANCE).all() for part in parts
        )

    def has_free(self, label: Label) -> bool:
        """Whether no stage covers the epochs of a label."""
        length = self.lengths[0] if label.duration is None else label.duration
        tolerance = _TOLERANCE * self.lengths[0]
        end = label.onset + length - tolerance
        before = int(np.searchsorted(self.begins, end))
        return before == 0 or bool(self.ends[before - 1] <= label.onset + tolerance)


def _may_be_event(label: Label, code: int) -> bool:
    """Whether a label states no stage, or stands beside the name of an event."""
    is_missing = code == UNSCORED and label.text.strip().casefold() in MISSING
    return label.is_event or is_missing


def _is_event(label: Label, code: int, epochs: _Epochs, *, has_events: bool) -> bool:
    """Whether a label takes no epoch."""
    if _may_be_event(label, code):
        return not (epochs.has_whole(label) and epochs.has_free(label))
    is_other = has_events and code == UNSCORED and not claims_a_stage(label.text)
    return is_other and not epochs.has_whole(label)


def _check_scorers(scored: Sequence[Scored]) -> None:
    """Raise an error if labels of different stages begin at once."""
    first: dict[float, Scored] = {}
    for label, code in scored:
        if code == UNSCORED:
            continue
        other, other_code = first.setdefault(round(label.onset, 2), (label, code))
        if code != other_code:
            msg = (
                f"labels of two stages, {quoted(other.text)} and "
                f"{quoted(label.text)}, begin at {label.onset:g} s "
                f"({other.place}, {label.place}); stages of two scorers need "
                "a column named scorer."
            )
            raise HypnogramError(msg)
