"""Lines above a table or a list of stages: when it begins, and its epoch length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sleepkit._stage_words import fold, stage_of_word
from sleepkit.io._limits import LONGEST_NIGHT
from sleepkit.io._stage_files import _times
from sleepkit.io._stage_files._times import NO_DATE

_ENTRY: Final = re.compile(r"[#%;\s]*([^:=\t;,]+?)\s*(?:[:=\t;,])\s*(.*?)[\s;,]*")
# Names of entries without blanks and case; adding one is one word.
_EPOCH_NAMES: Final = frozenset(
    [
        "epoch",
        "epochlength",
        "epochduration",
        "epochlen",
        "epochsec",
        "epochseconds",
        "epochsize",
        "rate",
        "epochlengthseconds",
        "epochlaenge",
        "epochenlaenge",
        "epochenlange",
        "epochenlänge",
        "scoringepoch",
    ]
)
_START_NAMES: Final = frozenset(
    [
        "start",
        "starttime",
        "origtime",
        "startdate",
        "startdatetime",
        "recordingstart",
        "recordingstarttime",
        "startzeit",
        "starttid",
        "begin",
        "beginn",
        "debut",
        "inicio",
        "inizio",
        "heurededebut",
        "horadeinicio",
    ]
)
_SECONDS: Final = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(?:s|sec|secs|seconds|sek)?\.?", re.I
)


@dataclass(frozen=True)
class Preamble:
    """Length of a label, and start and onset of the first one, None if not stated."""

    label_duration: float | None = None
    start: datetime | None = None
    onset: float = 0.0
    n_lines: int = 0  # that are entries, from the first on


def read_preamble(lines: Sequence[str]) -> Preamble:
    """Read entries such as "Rate: 30 s", "EPOCH=30" or "# orig_time : ..."."""
    duration, start, onset = None, None, 0.0
    for line in lines:
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            continue
        name, value = fold(entry[1]), entry[2].strip()
        seconds = _SECONDS.fullmatch(value)
        length = float(seconds[1].replace(",", ".")) if seconds else 0.0
        if name in _EPOCH_NAMES and 0 < length <= LONGEST_NIGHT:
            duration = length
        elif name in _START_NAMES and seconds and _times.clock(value) is None:
            onset = length
        elif name in _START_NAMES:
            start = _start(value) or start
    return Preamble(duration, start, onset, _n_entries(lines))


def _start(value: str) -> datetime | None:
    """Start from a date with a time, or a time of day."""
    moment = _times.moments([value])[0]
    if moment is not None or _times.clock(value) is None:
        return moment
    return NO_DATE + timedelta(seconds=_times.clock(value) or 0.0)


def _n_entries(lines: Sequence[str]) -> int:
    """Count the lines before the first that is no entry of a header."""
    for index, line in enumerate(lines):
        is_entry = re.match(r"\s*[#%\[]|[^\t;,]{2,}?\s*[:=]\s*\S*", line)
        if line.strip() and (not is_entry or stage_of_word(line.strip()) is not None):
            return index
    return 0
