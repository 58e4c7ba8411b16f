"""Hypnograms as EDF+ annotations, in a separate file or beside the signals."""

from __future__ import annotations

from pathlib import Path

from sleepkit.exceptions import HypnogramError, RecordingError
from sleepkit.io._edf_annotations import read_annotations
from sleepkit.io._scoring import Label, Scoring


def parse_edf(path: Path) -> Scoring:
    """Read the annotations; those that name no stage count as events."""
    try:
        start, annotations = read_annotations(path)
    except RecordingError as error:
        msg = f"the EDF file must be whole; {error}"
        raise HypnogramError(msg) from error
    labels = [
        Label(onset, duration, text, f"annotation {index}")
        for index, (onset, duration, text) in enumerate(annotations, 1)
    ]
    return Scoring(labels, has_events=True, start=start)
