"""What the stages of a night amount to, those of an expert beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import Recording
from sleepkit.report._agreement import compare
from sleepkit.report._clock import at, hours_minutes
from sleepkit.report._statistics import (
    measure,
    stage_rows,
    statistic_rows,
    undefined,
)

_TILES: Final = {
    "TST": "Total sleep time",
    "SE": "Sleep efficiency",
    "SOL": "Sleep latency",
    "Lat_REM_onset": "REM latency (AASM)",
    "WASO_AASM": "Wake after sleep onset (AASM)",
}


def stage_values(hypnogram: Hypnogram, night: Recording) -> dict[str, Any]:
    """Collect what the stages amount to, those of the expert beside."""
    expert = night.hypnogram
    own = "predicted" if hypnogram.probabilities is not None else "scored"
    found = [measure(hypnogram, night)]
    if expert is not None:
        true = replace(hypnogram, stages=expert, probabilities=None)
        found.append(measure(true, night))
    return {
        "scorings": [own, "expert"][: len(found)],
        "tiles": [_tile(key, name, found) for key, name in _TILES.items()],
        "stages": list(stage_rows(found)),
        "statistics": list(statistic_rows(found, night)),
        "agreement": None if expert is None else compare(hypnogram.stages, expert),
        "cycles": _cycles(hypnogram),
        "lead": _lead(hypnogram, night),
        "time_name": "Time" if hypnogram.start is None else "Clock time",
    }


def _lead(hypnogram: Hypnogram, night: Recording) -> str:
    """When the night was, how long, and what it was staged by."""
    length = hours_minutes(hypnogram.duration / 60)
    when = f", from {night.start:%Y-%m-%d %H:%M}" if night.start else ""
    signals = ", ".join(
        f"{name} {' + '.join(block.ch_names)}" for name, block in night.signals.items()
    )
    return f"{length}{when}; {signals}."


def _tile(key: str, name: str, found: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """Name and value of a statistic, and the expert's value where there is one."""
    texts = [
        undefined(key) if np.isnan(each[key]) else _text(key, each[key])
        for each in found
    ]
    return {"name": name, "value": texts[0], "expert": "".join(texts[1:])}


def _text(key: str, value: float) -> str:
    """Value of a statistic with its unit."""
    return f"{value:.0f} %" if key == "SE" else hours_minutes(value)


def _cycles(hypnogram: Hypnogram) -> list[dict[str, Any]]:
    """Rows of the cycles, with times by the clock where it is known."""
    start, rows = hypnogram.start, []
    for cycle in hypnogram.cycles():
        rem = at(start, cycle.rem_start) if cycle.complete else "no REM follows"
        rows.append(
            {
                "start": at(start, cycle.start),
                "rem_start": rem,
                "end": at(start, cycle.end),
                "duration": cycle.duration / 60,
                "nrem": cycle.nrem_duration / 60,
                "rem": cycle.rem_duration / 60,
            }
        )
    return rows
