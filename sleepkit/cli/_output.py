"""What the commands print, and the files of a staged night."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from errno import EACCES
from io import BytesIO
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from sleepkit import hypnogram, io, metrics, plotting, utils
from sleepkit._stages import N_STAGES, STAGES, UNSCORED

if TYPE_CHECKING:
    from sleepkit._typing import FloatArray, IntArray
    from sleepkit.evaluation import StagingResult
    from sleepkit.recording import Recording


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to, or fail before the work begins."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(folder))


def write_results(
    prefix: Path,
    night: Recording,
    stages: IntArray,
    probabilities: FloatArray,
) -> list[Path]:
    """Write table, EDF+ annotations and picture of a staged night, and list them."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    start = _plain(night.start)
    duration = night.epoch_duration
    table = prefix.with_name(f"{prefix.name}-hypnogram.csv")
    staged = hypnogram.Hypnogram(stages, duration, start=start)
    with_probabilities = replace(staged, probabilities=probabilities)
    io.write_hypnogram(table, with_probabilities, overwrite=True)
    annotations = table.with_suffix(".edf")
    io.write_hypnogram(annotations, staged, overwrite=True)
    picture = table.with_suffix(".png")
    written = [table, annotations]
    try:
        utils.write_atomically(picture, _draw(night, stages, probabilities))
    except ImportError as error:
        print(f"There is no picture. {error}")
        return written
    return [*written, picture]


def print_files(paths: list[Path]) -> None:
    """Print the paths of the files that were written."""
    print("Written:")
    for path in paths:
        print(f"  {path}")


def print_stage_times(stages: IntArray, epoch_duration: float) -> None:
    """Print how long each stage lasted."""
    print("  stage      minutes   share")
    for code, name in [*enumerate(STAGES), (UNSCORED, "unscored")]:
        count = int((stages == code).sum())
        if count or code != UNSCORED:
            minutes = count * epoch_duration / 60
            print(f"  {name:<9}{minutes:9.1f}{count / len(stages):8.0%}")


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


def _draw(night: Recording, stages: IntArray, probabilities: FloatArray) -> bytes:
    """Draw a night, with the expert's hypnogram where there is one, as PNG."""
    # Without pyplot there is no window, whatever the user's backend.
    figure_module = utils.optional_import("matplotlib.figure", extra="plot")
    rows = 2 + (night.hypnogram is not None)
    figure = figure_module.Figure(figsize=(10, 0.9 + 1.7 * rows), layout="constrained")
    plotting.HypnogramDisplay.from_predictions(
        stages,
        probabilities=probabilities,
        true=night.hypnogram,
        epoch_duration=night.epoch_duration,
        start=night.start,
        ax=figure.subplots(rows, sharex=True),
    )
    figure.suptitle(night.id)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
