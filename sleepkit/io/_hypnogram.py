"""The hypnogram of a file: stages on a grid of epochs, and where the grid lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.exceptions import HypnogramError
from sleepkit.io._edf_header import is_edf
from sleepkit.io._grid import stages_on_grid
from sleepkit.io._hypnogram_edf import parse_edf
from sleepkit.io._hypnogram_table import parse_table
from sleepkit.io._hypnogram_text import parse_json, parse_lines
from sleepkit.io._hypnogram_xml import parse_xml
from sleepkit.io._labels import LABEL_DURATIONS, Scheme, decode
from sleepkit.io._scoring import Scoring
from sleepkit.utils import check_positive, check_stages


@dataclass(frozen=True, eq=False)
class Hypnogram:
    """Stages on a grid of epochs, as a file gives them.

    ``np.asarray(hypnogram)`` is the stages.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,)
        Stage codes 0 W, 1 N1, 2 N2, 3 N3, 4 REM, and -1 unscored.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    onset : float, default=0.0
        Seconds from the start of the file to the first epoch. It need not be a whole
        number, and is negative where scoring begins before the file.
    start : datetime, default=None
        When the file starts, by its own header; None where it does not say.
    probabilities : array-like of shape (n_epochs, 5), default=None
        Probability of each stage, where the file has them.

    Raises
    ------
    HypnogramError
        If the stages are no stage codes, or the probabilities do not match them.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.io import Hypnogram
    >>> hypnogram = Hypnogram([0, 0, 1, -1])
    >>> np.asarray(hypnogram)
    array([ 0,  0,  1, -1], dtype=int8)
    """

    stages: IntArray
    epoch_duration: float = 30.0
    onset: float = 0.0
    start: datetime | None = None
    probabilities: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check the parts, and make the arrays read-only."""
        stages = check_stages(
            "stages", self.stages, owner="Hypnogram", empty=True, error=HypnogramError
        )
        self._freeze("stages", stages.astype(np.int8))
        duration = check_positive(
            "epoch_duration", self.epoch_duration, owner="Hypnogram"
        )
        object.__setattr__(self, "epoch_duration", duration)
        if self.probabilities is not None:
            probabilities = np.array(self.probabilities)
            if probabilities.shape != (len(stages), N_STAGES):
                msg = (
                    "probabilities must have the shape (n_epochs, n_stages) = "
                    f"{(len(stages), N_STAGES)}; got {probabilities.shape}."
                )
                raise HypnogramError(msg)
            self._freeze("probabilities", probabilities)

    def _freeze(self, name: str, array: Array) -> None:
        """Keep an array that nobody can write to."""
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.stages)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.stages, dtype=dtype, copy=copy)


def read_hypnogram(
    path: str | PathLike[str],
    *,
    scheme: Scheme = None,
    epoch_duration: float = 30.0,
    label_duration: float | None = None,
) -> Hypnogram:
    r"""Read the sleep stages that a file holds.

    Parameters
    ----------
    path : path-like
        The file; what it is, its content tells. EDF+ annotations (a file of their own,
        or beside the signals), the XML of the NSRR or of Compumedics Profusion, text
        with one label a line, a table with a column of labels (CSV, TSV, a BIDS
        ``events.tsv``, `write_hypnogram`'s own), or a JSON list of labels.
    scheme : str or mapping, default=None
        What integers mean, which no file tells: ``"aasm"`` (0 W to 4 REM), ``"rk"``
        (3 and 4 are N3, 5 is REM), ``"isruc"`` (no 4, 5 is REM), ``"dreams"`` (5 W,
        4 REM, 3 N1 ... 0 and 1 N3), or ``"pydynamo"`` (5 W, 4 REM, 3 N1 ... 1 N3, 0
        unscored). Labels in words need none. A mapping gives the stage code of labels
        of your own. The XML formats have their scheme, and use it.
    epoch_duration : float, default=30.0
        Length in seconds of the epochs to return.
    label_duration : float, default=None
        Seconds that each label lasts in a file that gives no times. None means 5 with
        the scheme ``"dreams"``, and else `epoch_duration`.

    Returns
    -------
    Hypnogram
        The stages, and where in the file they begin.

    Raises
    ------
    HypnogramError
        If the file cannot be understood. The message names the file and the place.

    Warns
    -----
    SleepkitWarning
        If labels of different stages overlap; the later-starting one is taken.

    See Also
    --------
    write_hypnogram : Write stages to a file.

    Notes
    -----
    The grid begins where the first label does, and holds every whole epoch up to the
    end of the last label. An epoch is given the stage that covers most seconds of it
    (of equals, the one that starts later) and is unscored where less than half of it
    is scored, as it is in gaps between labels. Labels may be in any order. One without
    a duration lasts until the next one. Movement, artefacts, question marks and the
    integers 6, 9, 10 and -1 are unscored. Other events among EDF+ annotations or in a
    BIDS file are passed over; anywhere else, a label that is no stage is an error.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sleepkit.io import read_hypnogram
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "stages.txt")
    ...     _ = path.write_text("W\nStage 1\nN2\nS4\nREM\nMT\n")
    ...     hypnogram = read_hypnogram(path)
    >>> np.asarray(hypnogram)
    array([ 0,  1,  2,  3,  4, -1], dtype=int8)
    """
    owner = "read_hypnogram"
    epoch_duration = check_positive("epoch_duration", epoch_duration, owner=owner)
    if label_duration is None:
        label_duration = LABEL_DURATIONS.get(str(scheme), epoch_duration)
    label_duration = check_positive("label_duration", label_duration, owner=owner)
    path = Path(path)
    try:
        scoring = _parse(path, label_duration)
        return on_grid(scoring, scheme, epoch_duration, str(path))
    except HypnogramError as error:
        msg = f"Cannot read the hypnogram {path}: {error}"
        raise HypnogramError(msg) from error


def _parse(path: Path, label_duration: float) -> Scoring:
    """Read a file of whichever format."""
    if is_edf(path):
        return parse_edf(path)
    text = _text(path.read_bytes())
    if text.lstrip().startswith("<"):
        return parse_xml(text.lstrip())
    if path.suffix.casefold() == ".json":
        return parse_json(text, label_duration)
    header = text.lstrip().partition("\n")[0]
    delimiter = max("\t;,", key=header.count)
    if delimiter in header:
        return parse_table(text, delimiter, label_duration)
    return parse_lines(text, label_duration)


def _text(data: bytes) -> str:
    """Decode a text file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(b"<"):  # names in it may be Latin-1, stages are ASCII
            return data.decode("latin-1")
        msg = f"a file that is not EDF must be UTF-8 text; {error}."
        raise HypnogramError(msg) from error
    if "\0" in text or not text.strip():
        msg = f"the file must hold text; got {data[:20]!r} of {len(data)} bytes."
        raise HypnogramError(msg)
    return "\n".join(text.splitlines())


def on_grid(
    scoring: Scoring, scheme: Scheme, epoch_duration: float, source: str
) -> Hypnogram:
    """Translate the labels of a file and bring them to epochs."""
    if scoring.scheme is not None and not isinstance(scheme, Mapping):
        scheme = scoring.scheme
    scored = decode(scoring.labels, scheme, has_events=scoring.has_events)
    stages, onset = stages_on_grid(scored, epoch_duration, source)
    probabilities = scoring.probabilities
    if probabilities is not None and len(probabilities) != len(stages):
        probabilities = None  # they belong to epochs of another length
    return Hypnogram(stages, epoch_duration, onset, scoring.start, probabilities)
