"""What the commands print, and the files of a staged night."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from errno import EACCES, EEXIST
from io import BytesIO
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Final

from sleepkit import io, metrics, plotting, utils
from sleepkit._stages import N_STAGES, STAGES
from sleepkit.exceptions import SleepkitWarning

if TYPE_CHECKING:
    from sleepkit.evaluation import StagingResult
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import Recording

FORMATS: Final = ("csv", "edf", "json", "png", "tsv")  # suffixes of a staged night


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to, or fail before the work begins."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(folder))


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to replace a file, unless the user said so."""
    for path in paths:
        if path.exists() and not overwrite:
            reason = "it exists already; --overwrite replaces it"
            raise FileExistsError(EEXIST, reason, str(path))


def result_paths(prefix: Path, formats: Iterable[str]) -> dict[str, Path]:
    """Files of a staged night by format."""
    chosen = [suffix for suffix in FORMATS if suffix in formats]
    return {
        suffix: prefix.with_name(f"{prefix.name}-hypnogram.{suffix}")
        for suffix in chosen
    }


def write_results(
    paths: Mapping[str, Path], night: Recording, staged: StagedNight
) -> list[Path]:
    """Write a staged night in each format, and list the files."""
    hypnogram = replace(staged.hypnogram, start=_plain(night.start))
    written = []
    for suffix, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == "png":
            try:
                utils.write_atomically(path, _draw(night, staged))
            except ImportError as error:
                msg = f"There is no picture. {error}"
                warnings.warn(msg, SleepkitWarning, stacklevel=2)
                continue
        else:
            # EDF+ has no place for probabilities, and a warning would say so each time.
            kept = None if suffix == "edf" else hypnogram.probabilities
            content = replace(hypnogram, probabilities=kept)
            io.write_hypnogram(path, content, overwrite=True)
        written.append(path)
    return written


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
    figure.suptitle(night.id)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
