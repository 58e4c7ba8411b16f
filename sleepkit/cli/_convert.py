"""``sleepkit convert``: a hypnogram in another format."""

from __future__ import annotations

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sleepkit import io
from sleepkit.cli._arguments import add_json, add_overwrite, seconds
from sleepkit.cli._output import (
    make_folder,
    print_files,
    printed_result,
    refuse_existing,
)
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io._format_names import READ, SUFFIXES, find_format

if TYPE_CHECKING:
    from sleepkit.hypnogram import Hypnogram
    from sleepkit.io._read_hypnogram import LeftOut

_FIELDS: Final = (
    "stages",
    "epoch_duration",
    "onset",
    "start",
    "probabilities",
    "scorer",
)
_TOLERANCE: Final = 1e-3  # of seconds and probabilities: tables have four decimals
_SIDECAR: Final = "bids-derivative"  # a .json beside it has the start
EXAMPLE: Final = """sleepkit convert night.xml night.csv
  sleepkit convert scored.txt night.edf --scheme rk --epoch-duration 20
  sleepkit convert night.csv night.annot --lossy

What is converted is the stage of each epoch, with times, scorer and probabilities.
Where OUT cannot hold one of these, or stages of IN change within an epoch, nothing is
written unless --lossy is given. Other events of IN are counted and left out."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the files, their formats, and how labels are read."""
    parser.add_argument("source", type=Path, metavar="IN", help="the file to read")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write")
    _add_formats(parser)
    parser.add_argument("--scheme", choices=io.SCHEMES, help="what integers in IN mean")
    parser.add_argument(
        "--scorer", metavar="NAME", help="whose stages to take, where IN has several"
    )
    parser.add_argument(
        "--epoch-duration",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="length of the epochs of OUT (30)",
    )
    parser.add_argument(
        "--lossy", action="store_true", help="leave out what OUT cannot hold"
    )
    add_json(parser)
    add_overwrite(parser)


def _add_formats(parser: ArgumentParser) -> None:
    """Add the formats of both files."""
    parser.add_argument(
        "--from",
        choices=READ,
        default="auto",
        dest="source_format",
        help="format of IN (auto: by its content)",
    )
    parser.add_argument(
        "--to",
        choices=SUFFIXES,
        dest="out_format",
        help="format of OUT (by its suffix)",
    )


def run(arguments: Namespace) -> None:
    """Read a hypnogram, and write it in another format."""
    with printed_result(arguments) as found:
        found |= _convert(arguments)


def _convert(arguments: Namespace) -> dict[str, Any]:
    """Convert, and return what another program may want to know."""
    source, out = arguments.source, arguments.out
    kind = arguments.out_format or _format_of(out)
    outputs = [out] + [out.with_suffix(".json")] * (kind == _SIDECAR)
    refuse_existing(outputs, overwrite=arguments.overwrite)
    options = {
        "scheme": arguments.scheme,
        "scorer": arguments.scorer,
        "format": arguments.source_format,
    }
    duration = arguments.epoch_duration
    night = io.read_hypnogram(source, epoch_duration=duration, **options)
    lost = _find_losses(night, kind)
    left_out = _left_out_of_epochs(source, night, options)
    _check_losses(arguments, _describe(lost, kind, left_out, duration))
    if left_out.n_events:
        msg = f"Events beside the stages are left out: {left_out.n_events}."
        warnings.warn(msg, SleepkitWarning, stacklevel=1)
    make_folder(out.parent)
    _write(out, night, kind)
    print(f"{source}: {repr(night)[1:-1].removeprefix('Hypnogram: ')}")
    print_files(outputs)
    return {
        "source": source,
        "format": kind,
        "epochs": len(night),
        "epoch_duration": duration,
        "left_out": lost + ["changes within epochs"] * left_out.changes,
        "events_left_out": left_out.n_events,
        "files": list(map(str, outputs)),
    }


def _format_of(out: Path) -> str:
    """Return the format that a file has by its suffix."""
    kind = find_format(out.name)
    if kind is None:
        suffixes = ", ".join(filter(None, SUFFIXES.values()))
        msg = f"{out}: the suffix must be one of {suffixes}; or --to names a format."
        raise HypnogramError(msg)
    return kind


def _left_out_of_epochs(
    source: Path, night: Hypnogram, options: Mapping[str, Any]
) -> LeftOut:
    """Find what the epochs of a file lack."""
    from sleepkit.io._read_hypnogram import left_out_of_epochs  # imports NumPy

    return left_out_of_epochs(source, night, **options)


def _check_losses(arguments: Namespace, problems: Sequence[str]) -> None:
    """Refuse to lose something, unless that is wanted; then say it."""
    if problems and not arguments.lossy:
        msg = (
            f"{arguments.source}: {'; '.join(problems)}. --lossy writes "
            f"{arguments.out} without that."
        )
        raise HypnogramError(msg)
    for problem in problems:
        warnings.warn(f"{problem}.", SleepkitWarning, stacklevel=1)


def _describe(
    lost: Sequence[str], kind: str, left_out: LeftOut, duration: float
) -> list[str]:
    """Say what would be lost, and how to keep it."""
    problems = []
    if lost:
        names = ", ".join(lost)
        problems.append(f"the format {kind!r} cannot hold its {names}, and json can")
    if left_out.changes:
        problems.append(
            f"its stages change within epochs of {duration:g} s, and --epoch-duration "
            "takes shorter ones"
        )
    return problems


def _write(path: Path, night: Hypnogram, kind: str) -> None:
    """Write a hypnogram in a format; what that cannot hold is known already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SleepkitWarning)
        io.write_hypnogram(path, night, format=kind, overwrite=True)


def _find_losses(night: Hypnogram, kind: str) -> list[str]:
    """Name what differs when a hypnogram is written and read again."""
    with TemporaryDirectory(prefix="sleepkit-") as folder:
        path = Path(folder, f"night{SUFFIXES[kind] or ''}")
        _write(path, night, kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SleepkitWarning)
            again = io.read_hypnogram(path, epoch_duration=night.epoch_duration)
    if kind == _SIDECAR:
        again = replace(again, start=night.start)
    return [
        name.replace("_", " ")
        for name in _FIELDS
        if not _is_close(getattr(night, name), getattr(again, name))
    ]


def _is_close(one: Any, other: Any) -> bool:
    """Whether two values of a field are the same, but for the decimals of a table."""
    import numpy as np

    if one is None or other is None:
        return one is other
    if not isinstance(one, float | np.ndarray):
        return bool(one == other)
    same = np.shape(one) == np.shape(other)
    return same and np.allclose(one, other, rtol=0, atol=_TOLERANCE, equal_nan=True)
