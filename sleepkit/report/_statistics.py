"""Sleep statistics as rows of a table, each with its meaning in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sleepkit import metrics
from sleepkit._stages import REM, STAGES, UNSCORED
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import Recording

_Found = Mapping[str, float]  # by key of `sleepkit.metrics.sleep_statistics`
_BOTH: Final = "AASM and YASA"
# Key, name, unit, who defines it so, meaning.
_ROWS: Final = (
    ("TIB", "Time in bed", "min", _BOTH, ""),
    ("TST", "Total sleep time", "min", _BOTH, "all of N1, N2, N3 and REM."),
    (
        "SPT",
        "Sleep period",
        "min",
        "YASA",
        "from the first to the last epoch of sleep.",
    ),
    ("SE", "Sleep efficiency", "%", _BOTH, "sleep in percent of the time in bed."),
    (
        "SME",
        "Sleep maintenance",
        "%",
        "YASA",
        "sleep in percent of the sleep period.",
    ),
    (
        "SOL",
        "Sleep latency",
        "min",
        _BOTH,
        "from lights off to the first epoch of sleep.",
    ),
    (
        "SOL_5min",
        "Latency to 5 min of sleep",
        "min",
        "YASA",
        "from lights off to the first five minutes of unbroken sleep.",
    ),
    (
        "LPS",
        "Latency to persistent sleep",
        "min",
        "Trials of hypnotics",
        "from lights off to the first ten minutes of unbroken sleep.",
    ),
    (
        "Lat_REM_onset",
        "REM latency",
        "min",
        "AASM",
        "from the first epoch of sleep to the first of REM.",
    ),
    (
        "Lat_REM",
        "REM latency",
        "min",
        "YASA",
        "from lights off to the first epoch of REM.",
    ),
    (
        "WASO_AASM",
        "Wake after sleep onset",
        "min",
        "AASM",
        "wake from the first epoch of sleep to lights on.",
    ),
    (
        "WASO",
        "Wake after sleep onset",
        "min",
        "YASA",
        "wake between the first and the last epoch of sleep.",
    ),
    (
        "SFI",
        "Awakenings",
        "per h",
        "YASA",
        "changes from sleep to wake in an hour of sleep.",
    ),
)
_UNDEFINED: Final = {
    "SOL_5min": "no 5 min of sleep",
    "LPS": "no 10 min of sleep",
    "Lat_REM": "no REM",
    "Lat_REM_onset": "no REM",
}
_TWINS: Final = {"WASO": "WASO_AASM", "Lat_REM": "Lat_REM_onset"}  # YASA: AASM
_TIME_IN_BED: Final = {  # by whether lights off, and lights on, are known
    (True, True): "from lights off to lights on.",
    (True, False): "from lights off to the end of the recording, since lights on is "
    "not known; wake is counted to the end.",
    (False, True): "from the start of the recording, since lights off is not known, to "
    "lights on; latencies are from the start.",
    (False, False): "the whole recording, since lights off and on are not known; "
    "latencies are from its start, and wake is counted to its end.",
}


class Row(NamedTuple):
    """A row of a table: a value for each scoring, None where it is not defined."""

    key: str
    name: str
    unit: str
    source: str
    meaning: str
    values: Sequence[float | None]
    undefined: str


def undefined(key: str) -> str:
    """Say why a statistic is not defined."""
    return _UNDEFINED.get(key, "no sleep")


def measure(hypnogram: Hypnogram, night: Recording) -> dict[str, float]:
    """Sleep statistics between the lights of the recording, where they are known."""
    return metrics.sleep_statistics(
        hypnogram, lights_off=night.lights_off, lights_on=night.lights_on
    )


def statistic_rows(found: Sequence[_Found], night: Recording) -> Iterator[Row]:
    """Yield the statistics; one with two definitions twice where the values differ."""
    known = night.lights_off is not None, night.lights_on is not None
    for key, name, unit, source, words in _ROWS:
        values = [_defined(each[key]) for each in found]
        twin = _TWINS.get(key)
        if twin and values == [_defined(each[twin]) for each in found]:
            continue
        if key in _TWINS.values() and not _differ(key, found):
            source = _BOTH
        meaning = words or _TIME_IN_BED[known]
        yield Row(key, name, unit, source, meaning, values, undefined(key))


def stage_rows(found: Sequence[_Found]) -> Iterator[tuple[str, list[float | None]]]:
    """Yield for each stage the minutes, then the percent of sleep, of each scoring."""
    for code, name in [*enumerate(STAGES), (UNSCORED, "unscored")]:
        key = {0: "WAKE", UNSCORED: "UNS"}.get(code, name)
        if code == UNSCORED and not any(each[key] for each in found):
            continue
        cells: list[float | None] = []
        for each in found:
            share = each[f"%{name}"] if 1 <= code <= REM else math.nan
            cells += [each[key], _defined(share)]
        yield name, cells


def _differ(key: str, found: Sequence[_Found]) -> bool:
    """Whether YASA's value differs from the AASM's in any scoring."""
    (twin,) = (yasa for yasa, aasm in _TWINS.items() if aasm == key)
    return any(_defined(each[key]) != _defined(each[twin]) for each in found)


def _defined(value: float) -> float | None:
    """None for NaN."""
    return None if math.isnan(value) else round(value, 6)
