"""Writing hypnograms to files."""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path
from typing import Any

from sleepkit._stages import N_STAGES
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._format_names import SUFFIXES, find_format
from sleepkit.io._hypnogram_formats import FORMATS, Format
from sleepkit.utils import check_option, write_atomically


def write_hypnogram(
    path: str | PathLike[str],
    hypnogram: Any,
    *,
    format: str | None = None,  # noqa: A002 - as pandas and matplotlib call it
    overwrite: bool = False,
) -> None:
    """Write a hypnogram to a file.

    The file is written atomically: whole, or not at all.

    Parameters
    ----------
    path : path-like
        The file to write.
    hypnogram : Hypnogram or array-like of int, shape (n_epochs,)
        The hypnogram. An array is stage codes of 30-s epochs, -1 for unscored.
    format : str, default=None
        One of the formats of the notes; None means the format of the suffix.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    HypnogramError
        If there are no epochs, an array is not stage codes, no format has the suffix,
        or the format cannot store the start or merged stages.
    FileExistsError
        If the file exists and `overwrite` is False.

    Warns
    -----
    SleepkitWarning
        If the format has no place for the probabilities or for the scorer, which are
        left out.

    See Also
    --------
    read_hypnogram : Read a hypnogram from a file.

    Notes
    -----
    Onsets count in seconds from the start of the file. Numbers in tables have four
    decimals.

    - ``"csv"`` (``.csv``): a row for each epoch with its number, onset, duration, stage
      and, where known, clock time, scorer and probabilities.
    - ``"bids"`` (``.tsv``): the same as a BIDS ``events.tsv``.
    - ``"bids-derivative"`` (``_hypnogram.tsv``): a row for each run of a stage, and
      beside it a ``.json`` with the software, the scorer, the epoch length, the start
      and the meaning of the columns. No probabilities.
    - ``"edf"`` (``.edf``): an EDF+ annotation for each epoch. No probabilities, no
      scorer.
    - ``"luna"`` (``.annot``): annotations of Luna, placed by the start of the EDF that
      they belong to. No probabilities, no scorer.
    - ``"edfbrowser"`` (no suffix): annotations that EDFbrowser imports, likewise.
    - ``"json"`` (``.json``): every field, merged stages as well: `Hypnogram.to_json`.

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
    0,0.0000,30.0000,W
    1,30.0000,30.0000,N1
    2,60.0000,30.0000,n/a
    [ 0  1 -1]
    """
    path = Path(path)
    name = find_format(path.name) if format is None else format
    if name is None:
        suffixes = ", ".join(filter(None, SUFFIXES.values()))
        msg = (
            f"the suffix must be one of {suffixes}; got {path.name!r}. Or pass format."
        )
        raise HypnogramError(msg)
    check_option("format", name, FORMATS, owner="write_hypnogram")
    if not isinstance(hypnogram, Hypnogram):
        hypnogram = Hypnogram(hypnogram)
    _check_storable(hypnogram, name)
    entry = FORMATS[name]
    contents = {path: entry.render(hypnogram)}
    if entry.sidecar is not None:
        contents[_beside(path, name)] = entry.sidecar(hypnogram)
    existing = [str(target) for target in contents if target.exists()]
    if existing and not overwrite:
        msg = f"{', '.join(existing)} exists; overwrite=True replaces it."
        raise FileExistsError(msg)
    _warn_left_out(hypnogram, name, entry)
    for target, content in contents.items():
        write_atomically(target, content)


def _beside(path: Path, name: str) -> Path:
    """Path of the .json beside a table, which it must not replace."""
    beside = path.with_suffix(".json")
    if beside == path:
        msg = (
            f"the format {name!r} writes a .json beside its table, so path must have "
            f"another suffix; got {path.name!r}."
        )
        raise HypnogramError(msg)
    return beside


def _check_storable(hypnogram: Hypnogram, name: str) -> None:
    """Require epochs, and stages that other software knows."""
    if not len(hypnogram):
        msg = "write_hypnogram needs at least one epoch; got none."
        raise HypnogramError(msg)
    if hypnogram.n_stages != N_STAGES and name != "json":
        msg = (
            f"the format {name!r} cannot store merged stages; got "
            f"{', '.join(hypnogram.labels)}. Write the {N_STAGES} stages, or use the "
            "format json."
        )
        raise HypnogramError(msg)


def _warn_left_out(hypnogram: Hypnogram, name: str, entry: Format) -> None:
    """Name what the hypnogram has and the format has no place for."""
    left_out = [f for f in entry.lacks if getattr(hypnogram, f) is not None]
    if left_out:
        msg = (
            f"The format {name!r} has no place for {' and '.join(left_out)}, which "
            "are left out; csv, bids and json have."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=3)
