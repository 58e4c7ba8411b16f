"""Reading hypnograms of any supported format."""

from __future__ import annotations

import re
import warnings
from os import PathLike
from pathlib import Path
from typing import Final, Literal, NamedTuple, overload

import numpy as np

from sleepkit._messages import quoted
from sleepkit._stages import UNSCORED
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._edf_header import is_edf
from sleepkit.io._epoch_grid import to_hypnogram
from sleepkit.io._format_names import READ
from sleepkit.io._labels import LABEL_DURATIONS, Decoder, Scheme, decode
from sleepkit.io._limits import MAX_TEXT_BYTES
from sleepkit.io._scoring import LabelDuration, Scoring
from sleepkit.io._stage_files._encoding import decoded
from sleepkit.io._stage_files._parse_edf import parse_edf
from sleepkit.io._stage_files._parse_json import parse_json
from sleepkit.io._stage_files._parse_text import parse_text
from sleepkit.io._stage_files._parse_xml import parse_xml
from sleepkit.utils import check_option, check_positive, open_regular

_PARTS: Final = 30  # of an epoch, in which changes of stage are found


class LeftOut(NamedTuple):
    """What epochs lack: changes of stage within them, and events beside the stages."""

    changes: bool
    n_events: int


@overload
def read_hypnogram(  # type: ignore[overload-overlap]
    path: str | PathLike[str],
    *,
    scheme: Scheme = None,
    epoch_duration: float = 30.0,
    label_duration: float | None = None,
    scorer: Literal["all"],
    format: str = "auto",
) -> dict[str | None, Hypnogram]: ...
@overload
def read_hypnogram(
    path: str | PathLike[str],
    *,
    scheme: Scheme = None,
    epoch_duration: float = 30.0,
    label_duration: float | None = None,
    scorer: str | None = None,
    format: str = "auto",
) -> Hypnogram: ...
def read_hypnogram(
    path: str | PathLike[str],
    *,
    scheme: Scheme = None,
    epoch_duration: float = 30.0,
    label_duration: float | None = None,
    scorer: str | None = None,
    format: str = "auto",  # noqa: A002 - as pandas and matplotlib call it
) -> Hypnogram | dict[str | None, Hypnogram]:
    r"""Read a hypnogram from a file.

    Parameters
    ----------
    path : path-like
        The file: EDF+ annotations (in a separate file or beside the signals), XML of
        the NSRR or of Compumedics Profusion, JSON, a list of one label a line, or a
        table with a column of labels.
    scheme : str or mapping, default=None
        Meaning of integer labels: ``"aasm"`` (0 W to 4 REM), ``"rk"``
        (3 and 4 are N3, 5 is REM), ``"isruc"`` (no 4, 5 is REM), ``"dreams"`` (5 W,
        4 REM, 3 N1 ... 0 and 1 N3), or ``"pydynamo"`` (5 W, 4 REM, 3 N1 ... 1 N3, 0
        unscored). Labels in words need none. A mapping gives the stage codes of other
        labels. The XML formats have a scheme of their own.
    epoch_duration : float, default=30.0
        Length in seconds of the epochs to return.
    label_duration : float, default=None
        Seconds that each label lasts in a file without times. None means what the file
        states, 5 with the scheme ``"dreams"``, and otherwise `epoch_duration`.
    scorer : str, default=None
        Which stages to read of a file with those of several scorers: the name in its
        column of scorers, or the name of a column of stages. ``"all"`` returns a
        mapping of all. None takes the only one.
    format : str, default="auto"
        ``"auto"`` recognises the format by the content. ``"edf"``, ``"xml"``,
        ``"json"``, ``"lines"`` (a label a line), ``"table"``, or the layout of a table
        without a telling header: ``"wsc"`` (epoch, two columns of stages), ``"sta"``
        (epoch, stage, cycle) or ``"visbrain"`` (stage, end in seconds).

    Returns
    -------
    Hypnogram or dict of str to Hypnogram
        The stages, with the time of the first epoch; for ``scorer="all"`` those of each
        scorer by name, which is None if the file names none.

    Raises
    ------
    HypnogramError
        If the file cannot be read, a column that could be a time is not understood, or
        scorers differ and `scorer` is None. The message names the file and the line or
        the column.

    Warns
    -----
    SleepkitWarning
        If labels of different stages overlap; the later-starting one is taken. If
        events last whole epochs without a stage, since they may be stages of another
        name; the epochs are unscored.

    See Also
    --------
    write_hypnogram : Write stages to a file.

    Notes
    -----
    The epoch grid begins with the first label, and holds every whole epoch up to the
    end of the last label. The stage of an epoch is the one that covers most seconds of
    it (in a tie, the one that starts later); an epoch of which less than half is scored
    is unscored. Labels may be in any order. A label without a duration lasts until the
    next one, unless the file has a label an epoch: a missing row is then unscored.

    Rows of a table are when its columns say: onset, end and duration (in seconds, or in
    the unit that the name of the column states), numbers of epochs, clock times, dates
    with times. Rows are taken as consecutive only without such a column. A column of
    numbers that could be a time and is not understood, such as samples, is an error.
    Clock times alone give a `start` on 1 January 1985, the date of anonymous EDF+
    files; `read_recording` places them by the time of day.

    Labels may be English, German, French, Spanish, Italian, Dutch or Danish. Movement,
    artefacts, question marks and the integers 6, 9, 10 and -1 are unscored. Other
    events beside the stages are skipped; in a column of stages, a label that names no
    stage is an error. A row without a stage (empty, ``n/a`` or ``nan``) is unscored if
    it covers whole epochs that no other row covers, and an event otherwise.

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
    check_option("format", format, READ, owner=owner)
    if label_duration is None:
        label_duration = LABEL_DURATIONS.get(str(scheme))
    if label_duration is not None:
        label_duration = check_positive("label_duration", label_duration, owner=owner)
    duration = LabelDuration(label_duration, epoch_duration)
    path = Path(path)
    try:
        scorings = _parse(path, Decoder(scheme), duration, format)
        chosen = _of_scorer(scorings, scorer)
        hypnograms = {
            name: to_hypnogram(scoring, scheme, epoch_duration, str(path))
            for name, scoring in chosen.items()
        }
    except HypnogramError as error:
        msg = f"Cannot read the hypnogram {path}: {error}"
        raise HypnogramError(msg) from error
    return hypnograms if scorer == "all" else next(iter(hypnograms.values()))


def left_out_of_epochs(
    path: Path,
    hypnogram: Hypnogram,
    *,
    scheme: Scheme = None,
    scorer: str | None = None,
    format: str = "auto",  # noqa: A002 - as `read_hypnogram` calls it
) -> LeftOut:
    """Find what a file has and the epochs that were read of it have not."""
    duration = hypnogram.epoch_duration
    lasts = LabelDuration(LABEL_DURATIONS.get(str(scheme)), duration)
    scorings = _parse(path, Decoder(scheme), lasts, format)
    (scoring,) = _of_scorer(scorings, scorer).values()
    if scoring.scheme is not None:
        scheme = scoring.scheme
    _, events = decode(scoring.labels, scheme, has_events=scoring.has_events)
    with warnings.catch_warnings():  # which `read_hypnogram` gave already
        warnings.simplefilter("ignore", SleepkitWarning)
        fine = to_hypnogram(scoring, scheme, duration / _PARTS, str(path)).stages
    coarse = np.repeat(hypnogram.stages, _PARTS)
    inside, after = fine[: len(coarse)], fine[len(coarse) :]
    changes = (inside != coarse[: len(inside)]).any() or (after != UNSCORED).any()
    return LeftOut(bool(changes), len(events) + len(scoring.events))


def _parse(
    path: Path, decoder: Decoder, label_duration: LabelDuration, kind: str
) -> list[Scoring]:
    """Labels of a file of any format, by scorer."""
    if kind == "edf" or (kind == "auto" and is_edf(path)):
        return [parse_edf(path)]
    text = decoded(_content(path))
    if kind == "xml" or (kind == "auto" and text.lstrip().startswith("<")):
        return [parse_xml(text.lstrip())]
    if kind == "json" or (kind == "auto" and _is_json(path, text)):
        return parse_json(text, decoder, label_duration)
    layout = None if kind in ("auto", "table") else kind
    return parse_text(text, decoder, label_duration, layout)


def _content(path: Path) -> bytes:
    """Bytes of a file of text, if a night can need as many."""
    with open_regular(path) as file:
        data: bytes = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        msg = f"a file of labels has at most {MAX_TEXT_BYTES:,} bytes; it has more."
        raise HypnogramError(msg)
    return data


def _is_json(path: Path, text: str) -> bool:
    """Whether a text is JSON: by its name, or as an object or a list in brackets."""
    is_json = re.match(r"\s*(\{|\[\s*[\[\]{\"\d-])", text) is not None
    return is_json or path.suffix.casefold() == ".json"


def _of_scorer(
    scorings: list[Scoring], scorer: str | None
) -> dict[str | None, Scoring]:
    """Scorings by their scorers: all of them, the only one, or that of one name."""
    by_name = {scoring.scorer: scoring for scoring in scorings}
    if scorer == "all":
        return by_name
    names = ", ".join(quoted(name) for name in by_name if name is not None) or "none"
    if scorer is not None:
        if scorer not in by_name:
            msg = f"scorer must be one that the file names, {names}; got {scorer!r}."
            raise HypnogramError(msg)
        return {scorer: by_name[scorer]}
    if len(by_name) > 1:
        msg = (
            f"the file holds the stages of {len(by_name)} scorers who differ; pass "
            f"scorer=, one of {names}, or scorer='all' for a mapping of all."
        )
        raise HypnogramError(msg)
    return by_name
