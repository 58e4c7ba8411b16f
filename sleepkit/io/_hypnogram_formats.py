"""Formats of hypnogram files that are written: one table, one function for each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import edfio
import numpy as np

import sleepkit
from sleepkit._stages import UNSCORED
from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram import Hypnogram
from sleepkit.hypnogram._columns import table_columns
from sleepkit.hypnogram._stage_sets import EDF_NAMES, UNSCORED_NAME

_LEVELS: Final = {
    "W": "wake",
    "N1": "NREM sleep, stage 1",
    "N2": "NREM sleep, stage 2",
    "N3": "NREM sleep, stage 3",
    "REM": "REM sleep",
    UNSCORED_NAME: "not scored",
}


class Format(NamedTuple):
    """One format of hypnogram files.

    `lacks` names the fields that it has no place for, and `sidecar` renders a file that
    goes beside it, under the same name with the suffix ``.json``.
    """

    render: Callable[[Hypnogram], bytes]
    lacks: tuple[str, ...] = ()
    sidecar: Callable[[Hypnogram], bytes] | None = None


def _csv(hypnogram: Hypnogram) -> bytes:
    """Render a CSV table."""
    return _table(table_columns(hypnogram), ",")


def _events(hypnogram: Hypnogram) -> bytes:
    """Render a BIDS events.tsv."""
    columns = table_columns(hypnogram)
    del columns["epoch"]
    renamed = {"trial_type" if k == "stage" else k: v for k, v in columns.items()}
    return _table(renamed, "\t")


def _derivative(hypnogram: Hypnogram) -> bytes:
    """Render a BIDS derivative, one row for each run of a stage."""
    begins = np.flatnonzero(np.diff(hypnogram.stages, prepend=UNSCORED - 1))
    ends = np.append(begins[1:], hypnogram.n_epochs)
    columns = {
        "onset": hypnogram.times[begins].tolist(),
        "duration": ((ends - begins) * hypnogram.epoch_duration).tolist(),
        "stage": hypnogram.names[begins].tolist(),
    }
    if hypnogram.scorer is not None:
        columns["scorer"] = [hypnogram.scorer] * len(begins)
    return _table(columns, "\t")


def _sidecar(hypnogram: Hypnogram) -> bytes:
    """Render the JSON sidecar of a BIDS derivative."""
    start = hypnogram.start
    content = {
        "GeneratedBy": [{"Name": "sleepkit", "Version": sleepkit.__version__}],
        "Scorer": UNSCORED_NAME if hypnogram.scorer is None else hypnogram.scorer,
        "EpochLength": hypnogram.epoch_duration,
        "StartTime": UNSCORED_NAME if start is None else start.isoformat(),
        "onset": {"Description": "Begin, from the start of the file", "Units": "s"},
        "duration": {"Description": "Duration of epochs of one stage", "Units": "s"},
        "stage": {"Description": "Sleep stage by the AASM manual", "Levels": _LEVELS},
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _luna(hypnogram: Hypnogram) -> bytes:
    """Render Luna's .annot, in seconds from the start of the EDF."""
    if hypnogram.onset < 0:
        msg = (
            "Luna needs stages from the start of the recording on; the first epoch is "
            f"at {hypnogram.onset:g} s: crop(0) drops what is before."
        )
        raise HypnogramError(msg)
    times, blank = hypnogram.times, ["."] * hypnogram.n_epochs
    columns = {
        "class": _edf_names(hypnogram),
        "instance": blank,
        "channel": blank,
        "start": times.tolist(),
        "stop": (times + hypnogram.epoch_duration).tolist(),
        "meta": blank,
    }
    return _table(columns, "\t")


def _edfbrowser(hypnogram: Hypnogram) -> bytes:
    """Render annotations that EDFbrowser imports."""
    columns = {
        "onset": hypnogram.times.tolist(),
        "label": [f"Sleep stage {name}" for name in _edf_names(hypnogram)],
        "duration": [hypnogram.epoch_duration] * hypnogram.n_epochs,
    }
    return _table(columns, ",")


def _edf(hypnogram: Hypnogram) -> bytes:
    """Render EDF+ annotations without signals."""
    start = hypnogram.start
    if start is not None and (start.tzinfo or not 1985 <= start.year <= 2084):
        msg = f"EDF+ needs a start from 1985 to 2084 without time zone; got {start}."
        raise HypnogramError(msg)
    names = _edf_names(hypnogram)
    annotations = [
        edfio.EdfAnnotation(onset, hypnogram.epoch_duration, f"Sleep stage {name}")
        for onset, name in zip(hypnogram.times.tolist(), names, strict=True)
    ]
    return edfio.Edf(
        [],
        recording=edfio.Recording(startdate=start.date() if start else None),
        starttime=start.time() if start else None,
        annotations=annotations,
    ).to_bytes()


def _json(hypnogram: Hypnogram) -> bytes:
    """Render JSON with every field."""
    return hypnogram.to_json().encode() + b"\n"


def _edf_names(hypnogram: Hypnogram) -> list[str]:
    """Stage of each epoch in the words of EDF+, which Luna has as well."""
    return [EDF_NAMES[code] for code in hypnogram.stages]


def _table(columns: Mapping[str, Sequence[Any]], delimiter: str) -> bytes:
    """Render a table with a header."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_cells(row) for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _cells(row: Iterable[Any]) -> list[Any]:
    """Write numbers with four decimals, and times in ISO 8601."""
    return [
        cell.isoformat()
        if isinstance(cell, datetime)
        else (UNSCORED_NAME if np.isnan(cell) else f"{cell:.4f}")
        if isinstance(cell, float)
        else cell
        for cell in row
    ]


FORMATS: Final = {
    "csv": Format(_csv),
    "bids": Format(_events),
    "bids-derivative": Format(_derivative, ("probabilities",), _sidecar),
    "edf": Format(_edf, ("probabilities", "scorer")),
    "luna": Format(_luna, ("probabilities", "scorer")),
    "edfbrowser": Format(_edfbrowser, ("probabilities", "scorer")),
    "json": Format(_json),
}
