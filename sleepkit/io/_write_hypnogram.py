"""Writing hypnograms: a table, BIDS events or EDF+ annotations."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Final

import edfio
import numpy as np

from sleepkit._stages import STAGES
from sleepkit.exceptions import HypnogramError
from sleepkit.io._hypnogram import Hypnogram
from sleepkit.io._stage_files._column_names import CLOCK_TIME, PROBABILITIES
from sleepkit.utils import check_option, write_atomically

_FORMATS: Final = {".csv": "csv", ".tsv": "bids", ".edf": "edf"}
EDF_NAMES: Final = ("W", "N1", "N2", "N3", "R", "?")  # UNSCORED is -1, the last
_NAMES: Final = (*STAGES, "n/a")


def write_hypnogram(
    path: str | PathLike[str],
    stages: Any,
    *,
    probabilities: Any = None,
    start: datetime | None = None,
    epoch_duration: float | None = None,
    format: str | None = None,  # noqa: A002 - as pandas and matplotlib call it
) -> None:
    """Write a hypnogram to a file that `read_hypnogram` reads back equal.

    The file is written atomically.

    Parameters
    ----------
    path : path-like
        The file to write; an existing file is replaced.
    stages : array-like of int, shape (n_epochs,), or Hypnogram
        Stage codes, -1 for unscored. A `Hypnogram` has its own onset, start, epoch
        duration and probabilities, which the parameters below override.
    probabilities : array-like of shape (n_epochs, 5), default=None
        Probability of each stage. EDF+ cannot store them.
    start : datetime, default=None
        Start of the first epoch or, with a `Hypnogram`, of its file.
    epoch_duration : float, default=None
        Length of an epoch in seconds. None means that of the `Hypnogram`, or 30.
    format : {"csv", "bids", "edf"}, default=None
        ``"csv"`` is a table with one row per epoch: its number, onset and duration in
        seconds, stage and, if known, clock time and probabilities. ``"bids"`` is the
        same as a BIDS ``events.tsv``. ``"edf"`` is one EDF+ annotation per epoch. None
        means the format of the suffix: ``.csv``, ``.tsv`` or ``.edf``.

    Raises
    ------
    HypnogramError
        If there are no epochs, `stages` are not stage codes, or the format cannot store
        the probabilities or the start.

    See Also
    --------
    read_hypnogram : Read a hypnogram from a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.io import read_hypnogram, write_hypnogram
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "night.csv")
    ...     write_hypnogram(path, [0, 1, -1])
    ...     print(path.read_text().strip())
    ...     print(read_hypnogram(path).stages)
    epoch,onset,duration,stage
    0,0.0,30.0,W
    1,30.0,30.0,N1
    2,60.0,30.0,n/a
    [ 0  1 -1]
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.casefold()) if format is None else format
    if kind is None:
        msg = f"the suffix must be one of {', '.join(_FORMATS)}; got {path.name!r}."
        raise HypnogramError(msg)
    check_option("format", kind, _FORMATS.values(), owner="write_hypnogram")
    given = {
        "probabilities": probabilities,
        "start": start,
        "epoch_duration": epoch_duration,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if not isinstance(stages, Hypnogram):
        stages = Hypnogram(stages)
    hypnogram = replace(stages, **given)
    if not len(hypnogram):
        msg = "write_hypnogram needs at least one epoch; got none."
        raise HypnogramError(msg)
    render = {"csv": _csv, "bids": _bids, "edf": _edf}[kind]
    write_atomically(path, render(hypnogram))


def _csv(hypnogram: Hypnogram) -> bytes:
    """Render a CSV table."""
    columns = {"epoch": range(len(hypnogram))} | _columns(hypnogram, "stage")
    return _table(columns, ",")


def _bids(hypnogram: Hypnogram) -> bytes:
    """Render a BIDS events.tsv."""
    return _table(_columns(hypnogram, "trial_type"), "\t")


def _columns(hypnogram: Hypnogram, name: str) -> dict[str, Any]:
    """Columns common to both tables."""
    onsets = _onsets(hypnogram)
    columns = {
        "onset": onsets,
        "duration": [hypnogram.epoch_duration] * len(hypnogram),
        name: [_NAMES[code] for code in hypnogram.stages],
    }
    if hypnogram.start is not None:
        times = [hypnogram.start + timedelta(seconds=onset) for onset in onsets]
        columns[CLOCK_TIME] = [time.isoformat() for time in times]
    if hypnogram.probabilities is not None:
        columns |= dict(zip(PROBABILITIES, hypnogram.probabilities.T, strict=True))
    return columns


def _onsets(hypnogram: Hypnogram) -> list[float]:
    """Onset of each epoch, in seconds from the start of the file."""
    steps = np.arange(len(hypnogram)) * hypnogram.epoch_duration
    onsets: list[float] = (hypnogram.onset + steps).tolist()
    return onsets


def _table(columns: dict[str, Any], delimiter: str) -> bytes:
    """Render a table with a header."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _edf(hypnogram: Hypnogram) -> bytes:
    """Render EDF+ annotations without signals."""
    if hypnogram.probabilities is not None:
        msg = "EDF+ cannot store probabilities; use the format csv or bids."
        raise HypnogramError(msg)
    start = hypnogram.start
    if start is not None and (start.tzinfo or not 1985 <= start.year <= 2084):
        msg = f"EDF+ needs a start from 1985 to 2084 without time zone; got {start}."
        raise HypnogramError(msg)
    texts = [f"Sleep stage {EDF_NAMES[code]}" for code in hypnogram.stages]
    duration = hypnogram.epoch_duration
    annotations = [
        edfio.EdfAnnotation(onset, duration, text)
        for onset, text in zip(_onsets(hypnogram), texts, strict=True)
    ]
    return edfio.Edf(
        [],
        recording=edfio.Recording(startdate=start.date() if start else None),
        starttime=start.time() if start else None,
        annotations=annotations,
    ).to_bytes()
