"""Reading hypnograms of any supported format."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._edf_header import is_edf
from sleepkit.io._epoch_grid import to_hypnogram
from sleepkit.io._hypnogram_edf import parse_edf
from sleepkit.io._hypnogram_table import parse_table
from sleepkit.io._hypnogram_text import parse_json, parse_lines
from sleepkit.io._hypnogram_xml import parse_xml
from sleepkit.io._labels import LABEL_DURATIONS, Scheme
from sleepkit.io._scoring import Scoring
from sleepkit.utils import check_positive


def read_hypnogram(
    path: str | PathLike[str],
    *,
    scheme: Scheme = None,
    epoch_duration: float = 30.0,
    label_duration: float | None = None,
) -> Hypnogram:
    r"""Read a hypnogram from a file.

    Parameters
    ----------
    path : path-like
        The file; its format is recognised by its content. EDF+ annotations (in a
        separate file or beside the signals), XML of the NSRR or of Compumedics
        Profusion, text
        with one label a line, a table with a column of labels (CSV, TSV, a BIDS
        ``events.tsv``, `write_hypnogram`'s own), or a JSON list of labels.
    scheme : str or mapping, default=None
        Meaning of integer labels: ``"aasm"`` (0 W to 4 REM), ``"rk"``
        (3 and 4 are N3, 5 is REM), ``"isruc"`` (no 4, 5 is REM), ``"dreams"`` (5 W,
        4 REM, 3 N1 ... 0 and 1 N3), or ``"pydynamo"`` (5 W, 4 REM, 3 N1 ... 1 N3, 0
        unscored). Labels in words need none. A mapping gives the stage codes of other
        labels. The XML formats have a scheme of their own.
    epoch_duration : float, default=30.0
        Length in seconds of the epochs to return.
    label_duration : float, default=None
        Seconds that each label lasts in a file without times. None means 5 with the
        scheme ``"dreams"``, and otherwise `epoch_duration`.

    Returns
    -------
    Hypnogram
        The stages, with the time of the first epoch.

    Raises
    ------
    HypnogramError
        If the file cannot be read. The message names the file and the line.

    Warns
    -----
    SleepkitWarning
        If labels of different stages overlap; the later-starting one is taken.

    See Also
    --------
    write_hypnogram : Write stages to a file.

    Notes
    -----
    The epoch grid begins with the first label, and holds every whole epoch up to the
    end of the last label. The stage of an epoch is the one that covers most seconds of
    it (in a tie, the one that starts later); an epoch of which less than half is scored
    is unscored. Labels may be in any order. A label without a duration lasts until the
    next one. Movement, artefacts, question marks and the integers 6, 9, 10 and -1 are
    unscored. Other events among EDF+ annotations or in a BIDS file are skipped; in any
    other format, a label that names no stage is an error.

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
        return to_hypnogram(scoring, scheme, epoch_duration, str(path))
    except HypnogramError as error:
        msg = f"Cannot read the hypnogram {path}: {error}"
        raise HypnogramError(msg) from error


def _parse(path: Path, label_duration: float) -> Scoring:
    """Labels of a file of any format."""
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
        if data.startswith(b"<"):  # XML: names may be Latin-1, stages are ASCII
            return data.decode("latin-1")
        msg = f"a file that is not EDF must be UTF-8 text; {error}."
        raise HypnogramError(msg) from error
    if "\0" in text or not text.strip():
        msg = f"the file must hold text; got {data[:20]!r} of {len(data)} bytes."
        raise HypnogramError(msg)
    return "\n".join(text.splitlines())
