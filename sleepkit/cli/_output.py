"""What the commands print, and the files of a staged night."""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import datetime
from errno import EACCES, EEXIST
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final

from sleepkit import io, metrics, plotting, utils
from sleepkit._stages import N_STAGES, STAGES
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.io._edf_header import is_edf, read_edf_header

if TYPE_CHECKING:
    from sleepkit.evaluation import StagingResult
    from sleepkit.hypnogram import Hypnogram
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import EpochArray, Recording

FORMATS: Final = ("csv", "edf", "json", "png", "tsv")  # suffixes of a staged night
_PAGE: Final = "html"  # of the report of a night


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to, or fail before the work begins."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(folder))


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to replace a file unless the user said so, and a recording always."""
    for path in filter(Path.exists, paths):
        if is_recording(path):
            reason = "it is a recording, which is never replaced"
        elif not overwrite:
            reason = "it exists already; --overwrite replaces it"
        else:
            continue
        raise FileExistsError(EEXIST, reason, str(path))


def is_recording(path: Path) -> bool:
    """Whether a file holds signals."""
    if not (path.is_file() and is_edf(path)):
        return False
    try:
        return read_edf_header(path).has_signals
    except RecordingError:  # a damaged one may be all that is left of a night
        return True


def result_paths(
    prefix: Path, formats: Iterable[str], *, page: bool = False
) -> dict[str, Path]:
    """Files of a staged night by format."""
    chosen = [suffix for suffix in FORMATS if suffix in formats]
    paths = {
        suffix: prefix.with_name(f"{prefix.name}-hypnogram.{suffix}")
        for suffix in chosen
    }
    if page:
        paths[_PAGE] = prefix.with_name(f"{prefix.name}-report.html")
    return paths


def write_results(
    paths: Mapping[str, Path], night: Recording, staged: StagedNight, page: str = ""
) -> list[Path]:
    """Write a staged night in each format, all files or none, and list them."""
    hypnogram = replace(staged.hypnogram, start=_plain(night.start))
    folder = next(iter(paths.values())).parent
    make_folder(folder)
    with TemporaryDirectory(dir=folder, prefix=".sleepkit-") as temporary:
        for suffix, path in paths.items():
            part = Path(temporary, path.name)
            if suffix == _PAGE:
                utils.write_atomically(part, page.encode())
            else:
                _write(part, suffix, night, staged, hypnogram)
        written = [p for p in paths.values() if Path(temporary, p.name).exists()]
        for path in written:
            Path(temporary, path.name).replace(path)
    utils.flush_to_disk(folder)
    return written


def _write(
    path: Path,
    suffix: str,
    night: Recording,
    staged: StagedNight,
    hypnogram: Hypnogram,
) -> None:
    """Write a staged night in one format; without Matplotlib there is no picture."""
    if suffix != "png":
        # EDF+ has no place for probabilities, and a warning would say so each time.
        kept = None if suffix == "edf" else hypnogram.probabilities
        io.write_hypnogram(path, replace(hypnogram, probabilities=kept))
        return
    try:
        utils.write_atomically(path, _draw(night, staged))
    except ImportError as error:
        msg = f"There is no picture. {error}"
        warnings.warn(msg, SleepkitWarning, stacklevel=3)


@contextmanager
def printed_result(arguments: Namespace) -> Iterator[dict[str, Any]]:
    """Collect what a command found, and print it where JSON is requested.

    What is printed meanwhile is for readers, and goes to standard error then.
    """
    result: dict[str, Any] = {}
    if not arguments.json:
        yield result
        return
    with redirect_stdout(StringIO() if arguments.quiet else sys.stderr):
        yield result
    print(json.dumps(result, default=str, allow_nan=False))


def score_rows(result: StagingResult | None) -> list[dict[str, Any]]:
    """Scores with a mapping for each stager and condition; None is undefined."""
    if result is None:
        return []
    scores = result.scores()
    return [
        {
            name: None if isinstance(cell, float) and math.isnan(cell) else cell
            for name, cell in zip(scores, row, strict=True)
        }
        for row in zip(*scores.values(), strict=True)
    ]


def count_nights(X: EpochArray) -> dict[str, int]:
    """Count nights, subjects and epochs."""
    n_subjects = len(set(X.subject))
    return {"nights": len(X.recordings), "subjects": n_subjects, "epochs": len(X)}


def print_files(paths: Iterable[Path]) -> None:
    """Print the paths of the files that were written."""
    print("Written:")
    for path in paths:
        print(f"  {path}")


def print_scores(result: StagingResult) -> None:
    """Print a table of scores, and those of always predicting the commonest stage."""
    print(indent(str(result), "  "))
    true = result.predictions(result.estimators[0], result.conditions[0])["true"]
    most = max(range(N_STAGES), key=lambda stage: (true == stage).sum())
    scores = metrics.staging_scores(true, [most] * len(true))
    accuracy, f1_macro = scores["accuracy"], scores["f1_macro"]
    print(
        f"  Always {STAGES[most]} would have accuracy {accuracy:.3f}, kappa 0 and "
        f"macro-F1 {f1_macro:.3f}."
    )


def _plain(start: datetime | None) -> datetime | None:
    """Drop what EDF+ cannot hold: time zones, and years out of its range."""
    if start is None or not 1985 <= start.year <= 2084:
        return None
    return start.replace(tzinfo=None)


def _draw(night: Recording, staged: StagedNight) -> bytes:
    """Draw a night, with the expert's hypnogram where there is one, as PNG."""
    # Without pyplot there is no window, whatever the user's backend.
    figure_module = utils.optional_import("matplotlib.figure", extra="plot")
    rows = 2 + (night.hypnogram is not None)
    figure = figure_module.Figure(figsize=(10, 0.9 + 1.7 * rows), layout="constrained")
    plotting.HypnogramDisplay.from_predictions(
        staged.hypnogram.stages,
        probabilities=staged.hypnogram.probabilities,
        true=night.hypnogram,
        epoch_duration=night.epoch_duration,
        start=night.start,
        ax=figure.subplots(rows, sharex=True),
    )
    figure.suptitle(night.id, parse_math=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
