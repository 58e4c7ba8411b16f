"""Hypnograms from and to annotations of MNE."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Final, TypeAlias

import numpy as np

from sleepkit._messages import quoted
from sleepkit._stage_words import claims_a_stage, stage_of_word
from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram._grid import stages_on_grid
from sleepkit.hypnogram._stage_sets import EDF_NAMES
from sleepkit.utils import check_positive

_TOLERANCE: Final = 0.01  # part of an epoch by which times may be off

Annotation: TypeAlias = tuple[float, float, str]  # onset, duration (s), text


def make_annotations(hypnogram: Any) -> Any:
    """Annotate each epoch with its stage, in the words of EDF+."""
    import mne

    start = hypnogram.start
    return mne.Annotations(
        hypnogram.times,
        hypnogram.epoch_duration,
        [f"Sleep stage {EDF_NAMES[code]}" for code in hypnogram.stages],
        start if start is None or start.tzinfo else start.replace(tzinfo=UTC),
    )


def fields_of_annotations(annotations: Any, epoch_duration: float) -> dict[str, Any]:
    """Fields of the hypnogram in annotations; other annotations are events."""
    check_positive("epoch_duration", epoch_duration, owner="from_mne")
    columns = annotations.onset, annotations.duration, annotations.description
    rows = [
        (float(onset), float(duration), str(text))
        for onset, duration, text in sorted(zip(*columns, strict=True))
    ]
    scored = [row for row in rows if _is_stage(*row)]
    if not scored:
        msg = (
            "from_mne needs annotations such as 'Sleep stage W', that last a while; "
            f"got {sorted(set(annotations.description))}."
        )
        raise HypnogramError(msg)
    onset, edges, codes = _spans(scored, _TOLERANCE * epoch_duration)
    n_epochs = int(edges[-1] / epoch_duration + _TOLERANCE)
    stages = stages_on_grid(edges, codes, n_epochs, epoch_duration)
    _warn_of_unknown(rows, stages, onset, epoch_duration)
    start = annotations.orig_time
    return {
        "stages": stages,
        "epoch_duration": epoch_duration,
        "onset": onset,
        "start": None if start is None else start.replace(tzinfo=None),
    }


def _is_stage(onset: float, duration: float, text: str) -> bool:
    """Whether an annotation is a stage: "R" without a duration may be a heartbeat."""
    if claims_a_stage(text):
        if stage_of_word(text) is None:
            msg = (
                f"from_mne needs names of sleep stages; got {quoted(text)} at "
                f"{onset:g} s. Rename it, or delete it from the annotations."
            )
            raise HypnogramError(msg)
        return True
    return duration > 0 and stage_of_word(text) not in (None, UNSCORED)


def _spans(
    scored: Sequence[Annotation], tolerance: float
) -> tuple[float, FloatArray, IntArray]:
    """First onset; edges relative to it; stages between them, unscored in gaps."""
    onsets, durations = np.array([row[:2] for row in scored]).T
    codes = np.array([stage_of_word(text) for _, _, text in scored])
    begins = onsets - onsets[0]
    ends = begins + durations
    if (durations <= 0).any() or (ends[:-1] - begins[1:] > tolerance).any():
        msg = "from_mne needs stages that last a while and do not overlap."
        raise HypnogramError(msg)
    ends[:-1] = np.minimum(ends[:-1], begins[1:])
    edges = np.column_stack([begins, ends]).ravel()
    filled = np.column_stack([codes, np.full_like(codes, UNSCORED)]).ravel()
    return float(onsets[0]), edges, filled[:-1]


def _warn_of_unknown(
    rows: Iterable[Annotation], stages: IntArray, onset: float, epoch_duration: float
) -> None:
    """Name what is no known stage, although it fills epochs that no stage fills."""
    found = {}
    for begin, duration, text in rows:
        place = np.array([begin - onset, duration]) / epoch_duration
        first, n_epochs = place.round().astype(int)
        is_whole = n_epochs > 0 and np.allclose(place, place.round(), atol=_TOLERANCE)
        covered = stages[max(first, 0) : max(first + n_epochs, 0)]
        if stage_of_word(text) is None and is_whole and (covered == UNSCORED).all():
            found[text] = begin
    if found:
        listed = ", ".join(
            f"{quoted(text)} ({begin:g} s)" for text, begin in found.items()
        )
        msg = f"from_mne knows no stage of these names, and left them out: {listed}."
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
