"""Hypnograms from and to annotations of MNE."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

import numpy as np

from sleepkit._stages import N1, N2, N3, N_STAGES, REM, UNSCORED, WAKE
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram._grid import stages_on_grid
from sleepkit.hypnogram._stage_sets import EDF_NAMES
from sleepkit.utils import check_positive

_PREFIX: Final = "sleep stage "
_CODES: Final = {
    **{EDF_NAMES[code].casefold(): code for code in range(UNSCORED, N_STAGES)},
    "0": WAKE,
    "1": N1,
    "2": N2,
    "3": N3,
    "4": N3,
    "rem": REM,
    "m": UNSCORED,
}
_TOLERANCE: Final = 0.01  # part of an epoch by which times may be off


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
    onset, edges, codes = _spans(annotations, _TOLERANCE * epoch_duration)
    n_epochs = int(edges[-1] / epoch_duration + _TOLERANCE)
    start = annotations.orig_time
    return {
        "stages": stages_on_grid(edges, codes, n_epochs, epoch_duration),
        "epoch_duration": epoch_duration,
        "onset": onset,
        "start": None if start is None else start.replace(tzinfo=None),
    }


def _spans(annotations: Any, tolerance: float) -> tuple[float, FloatArray, IntArray]:
    """First onset; edges relative to it; stages between them, unscored in gaps."""
    columns = annotations.onset, annotations.duration, annotations.description
    scored = [
        (float(onset), float(duration), _code(str(text)))
        for onset, duration, text in sorted(zip(*columns, strict=True))
        if text.casefold().startswith(_PREFIX)
    ]
    if not scored:
        msg = (
            "from_mne needs annotations such as 'Sleep stage W'; got "
            f"{sorted(set(annotations.description))}."
        )
        raise HypnogramError(msg)
    onsets, durations, codes = map(np.array, zip(*scored, strict=True))
    begins = onsets - onsets[0]
    ends = begins + durations
    if (durations <= 0).any() or (ends[:-1] - begins[1:] > tolerance).any():
        msg = "from_mne needs stages that last a while and do not overlap."
        raise HypnogramError(msg)
    ends[:-1] = np.minimum(ends[:-1], begins[1:])
    edges = np.column_stack([begins, ends]).ravel()
    filled = np.column_stack([codes, np.full_like(codes, UNSCORED)]).ravel()
    return float(onsets[0]), edges, filled[:-1]


def _code(text: str) -> int:
    """Return the stage code of an annotation."""
    name = text.casefold().removeprefix(_PREFIX).strip()
    if name not in _CODES:
        known = ", ".join(_CODES)
        msg = f"after 'Sleep stage ', from_mne needs one of {known}; got {text!r}."
        raise HypnogramError(msg)
    return _CODES[name]
