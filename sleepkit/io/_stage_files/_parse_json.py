"""Stage files of JSON: a list of labels, or an object with labels and their times."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Final

import numpy as np

from sleepkit._messages import quoted
from sleepkit._stages import STAGES
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._labels import Decoder
from sleepkit.io._limits import MAX_COLUMNS, MAX_LABELS
from sleepkit.io._scoring import LabelDuration, Scoring, regular_labels
from sleepkit.io._stage_files import _times
from sleepkit.io._stage_files._parse_table import parse_table
from sleepkit.io._stage_files._table import Row, Table

# Keys of an object, in the files of YASA and of sleepkit; adding one is one word.
_LABELS: Final = ("values", "stages", "hypnogram", "labels", "stage", "hypno")
_DURATION: Final = ("epoch_duration", "freq", "epoch_length", "epoch_sec")
_PROBABILITIES: Final = ("proba", "probabilities")
_YASA_STAGES: Final = ("WAKE", "N1", "N2", "N3", "REM")


def parse_json(
    text: str, decoder: Decoder, label_duration: LabelDuration
) -> list[Scoring]:
    """Read the labels, one scoring for each scorer."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"a JSON file must hold a list of labels; {error}."
        raise HypnogramError(msg) from error
    if isinstance(content, dict) and content:
        return _of_object(content, decoder, label_duration)
    if not isinstance(content, list):
        msg = f"a JSON file must hold a list of labels; got {type(content).__name__}."
        raise HypnogramError(msg)
    if content and all(isinstance(entry, dict) for entry in content):
        return parse_table(_table_of_records(content), decoder, label_duration)
    texts = ["n/a" if label is None else str(label) for label in content]
    return [Scoring(regular_labels(texts, label_duration.with_file(), "entry"))]


def _of_object(
    content: dict[str, Any], decoder: Decoder, label_duration: LabelDuration
) -> list[Scoring]:
    """Read an object: labels under one key, a list a column, or a list a scorer."""
    lists = {k: v for k, v in content.items() if isinstance(v, list) and v}
    key = next((key for key in _LABELS if key in lists), None)
    if key is None or any(k in lists for k in ("onset", "start")):
        lengths = {len(values) for values in lists.values()}
        if len(lengths) == 1 and all(
            not isinstance(v[0], (dict, list)) for v in lists.values()
        ):
            rows = [
                dict(zip(lists, r, strict=True))
                for r in zip(*lists.values(), strict=True)
            ]
            return parse_table(_table_of_records(rows), decoder, label_duration)
        msg = (
            f"a JSON file must hold a list of labels; got dict without any of the keys "
            f"{', '.join(_LABELS)}."
        )
        raise HypnogramError(msg)
    duration = label_duration.with_file(_duration(content))
    texts = ["n/a" if label is None else str(label) for label in lists[key]]
    onset = _onset(content.get("onset") or 0.0)
    labels = regular_labels(texts, duration, "entry")
    return [
        Scoring(
            [label._replace(onset=label.onset + onset) for label in labels],
            start=_start(content.get("start")),
            probabilities=_probabilities(content, len(texts)),
            scorer=str(content["scorer"]) if content.get("scorer") else None,
        )
    ]


def _duration(content: dict[str, Any]) -> float | None:
    """Length of an epoch in seconds, such as 30 or "30s"."""
    value = next((content[key] for key in _DURATION if content.get(key)), None)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|sec|min)?", str(value), re.IGNORECASE)
    if value is None:
        return None
    if match is None:
        msg = f"the epoch length must be seconds; got {quoted(value)}."
        raise HypnogramError(msg)
    return float(match[1]) * (60 if match[2] == "min" else 1)


def _onset(value: Any) -> float:
    """Onset of the first label in seconds."""
    onset = _times.number(str(value))
    if onset is None:
        msg = f"onset must be seconds; got {quoted(value)}."
        raise HypnogramError(msg)
    return onset


def _start(value: Any) -> datetime | None:
    """Start of the file; None if it is not stated."""
    if not value:
        return None
    moment = _times.moment(str(value))
    if moment is None:
        msg = f"start must be an ISO 8601 time; got {quoted(value)}."
        raise HypnogramError(msg)
    return moment


def _probabilities(content: dict[str, Any], n_epochs: int) -> FloatArray | None:
    """Probability of each stage: a list a stage (YASA) or a row an epoch."""
    values = next((content[key] for key in _PROBABILITIES if content.get(key)), None)
    if isinstance(values, dict):
        names = [STAGES, _YASA_STAGES][_YASA_STAGES[0] in values]
        if not {*names} <= {*values}:
            return None
        values = [list(row) for row in zip(*(values[n] for n in names), strict=True)]
    if not isinstance(values, list) or len(values) != n_epochs:
        return None
    rows = [row if isinstance(row, list) else [np.nan] * len(STAGES) for row in values]
    try:
        array = np.array(rows, dtype=float)
    except (OverflowError, TypeError, ValueError) as error:
        msg = f"probabilities must be {len(STAGES)} numbers an epoch; {error}."
        raise HypnogramError(msg) from error
    return array if array.shape == (n_epochs, len(STAGES)) else None


def _table_of_records(records: list[dict[str, Any]]) -> Table:
    """Table of a list of objects, or of lists of equal length."""
    names = list(dict.fromkeys(name for record in records for name in record))
    if len(names) > MAX_COLUMNS or len(records) > MAX_LABELS:
        msg = (
            f"a table has at most {MAX_COLUMNS} columns and {MAX_LABELS:,} rows; got "
            f"{len(names):,} and {len(records):,}."
        )
        raise HypnogramError(msg)
    rows = [
        Row(i, ["" if record.get(n) is None else str(record[n]) for n in names])
        for i, record in enumerate(records, 1)
    ]
    return Table(names, rows)
