"""Report of a night that was staged, or could not be: printed, JSON and table."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sleepkit import metrics, utils
from sleepkit import report as pages
from sleepkit._stages import STAGES, UNSCORED
from sleepkit.cli._messages import place
from sleepkit.cli._output import print_files

if TYPE_CHECKING:
    from sleepkit._typing import BoolArray, IntArray
    from sleepkit.pipelines import StagedNight


_N_REVIEWED: Final = 10  # epochs that are printed


@dataclass
class NightReport:
    """A night: its channels, its stages if there are any, and else the error.

    `channels` holds label and rate by modality, `missing` the reason by modality.
    """

    file: Path
    id: str
    channels: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    staged: StagedNight | None = None
    reader_notes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    error: str = ""

    @property
    def warnings(self) -> list[str]:
        """What the user should know: missing modalities, then notes."""
        missing = [f"{name}: {reason}." for name, reason in self.missing.items()]
        return missing + self.reader_notes + self.notes

    def without_folder(self, text: str) -> str:
        """Text for a page that others may see, which need not know the folder."""
        return text.replace(f"{self.file.parent}{os.sep}", "")

    def __str__(self) -> str:
        if self.staged is None:
            return f"failed  {place(self.error, self.file)}"
        found = self._measured()
        confidence = found["mean_confidence"]
        parts = [
            ", ".join(f"{name} {label}" for name, label in self.channels.items()),
            f"{found['n_epochs']} epochs",
            f"confidence {confidence:.2f}" if confidence is not None else "",
            f"{found['n_unscored']} unscored" if found["n_unscored"] else "",
            f"{found['n_flagged']} flagged" if found["n_flagged"] else "",
            f"warnings: {len(self.warnings)}" if self.warnings else "",
        ]
        return f"staged  {self.file}: {'; '.join(filter(None, parts))}"

    def facts(self) -> dict[str, Any]:
        """File, status, length, confidence and flags; None is unknown."""
        status = "failed" if self.error else "staged"
        facts = {"file": str(self.file), "id": self.id, "status": status}
        return facts | {"error": self.error or None} | self._measured()

    def statistics(self) -> dict[str, float | None]:
        """Sleep statistics; None where undefined."""
        if self.staged is None:
            return {}
        found = self.staged.hypnogram.statistics()
        return {name: _rounded(value) for name, value in found.items()}

    def row(self) -> dict[str, Any]:
        """Row of the summary: all of these, the channels and the warnings."""
        row = self.facts() | self.statistics() | {**self.channels}
        return row | {"warnings": " | ".join(self.warnings)}

    def _measured(self) -> dict[str, Any]:
        """Measure length, confidence and flags; None if the night is not staged."""
        if self.staged is None:
            names = ("start", "hours", "n_epochs", "n_unscored", "n_flagged")
            return dict.fromkeys((*names, "mean_confidence", "low_confidence"))
        night, flagged = self.staged.hypnogram, self.staged.flagged
        scored = night.stages != UNSCORED
        n_scored = int(scored.sum())
        confidence = self.staged.confidence[scored]
        n_low = len(self.staged.doubtful)
        known = n_scored > 0 and night.probabilities is not None
        return {
            "start": night.start.isoformat() if night.start else None,
            "hours": _rounded(len(night) * night.epoch_duration / 3600),
            "n_epochs": len(night),
            "n_unscored": len(night) - n_scored,
            "n_flagged": int(flagged.sum()),
            "mean_confidence": _rounded(confidence.mean()) if known else None,
            "low_confidence": _rounded(n_low / n_scored) if known else None,
        }


def print_staged(report: NightReport) -> None:
    """Print what a night was staged by, its stages, and what to look at."""
    for modality, label in report.channels.items():
        print(f"{modality}: {label}")
    for modality, reason in report.missing.items():
        print(f"{modality}: {reason}; staged without it")
    if report.staged is None:
        return
    night, flagged = report.staged.hypnogram, report.staged.flagged
    print(f"{len(night)} epochs of {night.epoch_duration:g} s:")
    _print_stage_times(night.stages, night.epoch_duration)
    n_unscored = int((night.stages == UNSCORED).sum())
    if n_unscored:
        print(f"{n_unscored} epochs are unscored.")
    if flagged.any():
        print(
            f"{flagged.sum()} epochs are flagged: their signals failed the quality "
            f"check. Epochs from 0: {_ranges(flagged)}."
        )
    if report.staged.doubtful.size:
        first = ", ".join(map(str, report.staged.doubtful[:_N_REVIEWED]))
        print(
            f"{report.staged.doubtful.size} epochs are doubtful. Review these first: "
            f"{first}."
        )
    for note in report.notes:
        print(f"Warning: {note}")
    print_files(report.outputs)


def write_summary(
    path: Path, reports: Iterable[NightReport], modalities: Sequence[str]
) -> None:
    """Write a table with a row for each night; unknown values are empty."""
    columns = [
        *NightReport(Path(), "").facts(),
        *modalities,
        *metrics.sleep_statistics([0]),
        "warnings",
    ]
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.row() for report in reports)
    utils.write_atomically(path, text.getvalue().encode())


def write_index(path: Path, reports: Iterable[NightReport]) -> None:
    """Write a page that leads to the reports of the nights."""
    rows = []
    for report in reports:
        written = [each for each in report.outputs if each.suffix == ".html"]
        links = [each.relative_to(path.parent).as_posix() for each in written]
        rows.append(report.row() | {"page": links[0] if links else None})
        for key in ("error", "warnings"):
            rows[-1][key] = report.without_folder(rows[-1][key] or "")
    utils.write_atomically(path, pages.index_report(rows).encode())


def to_json(report: NightReport) -> str:
    """Report as one line of JSON, with the stages."""
    document: dict[str, Any] = report.facts() | {
        "channels": dict(report.channels),
        "missing": dict(report.missing),
        "statistics": report.statistics(),
        "stages": None,
        "flagged": [],
        "doubtful": [],
        "warnings": report.warnings,
        "outputs": [str(path) for path in report.outputs],
    }
    if report.staged is not None:
        document["stages"] = report.staged.hypnogram.stages.tolist()
        document["flagged"] = report.staged.flagged.nonzero()[0].tolist()
        document["doubtful"] = report.staged.doubtful.tolist()
    return json.dumps(document, allow_nan=False)


def _print_stage_times(stages: IntArray, epoch_duration: float) -> None:
    """Print how long each stage lasted."""
    print("  stage      minutes   share")
    for code, name in [*enumerate(STAGES), (UNSCORED, "unscored")]:
        count = int((stages == code).sum())
        if count or code != UNSCORED:
            minutes = count * epoch_duration / 60
            print(f"  {name:<9}{minutes:9.1f}{count / len(stages):8.0%}")


def _ranges(marked: BoolArray) -> str:
    """Numbers of the marked epochs, as "3-5, 9"."""
    runs = [(first, end - 1) for first, end in utils.marked_runs(marked)]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _rounded(value: float) -> float | None:
    """Round to four decimals; None for NaN, which JSON does not have."""
    return None if math.isnan(value) else round(float(value), 4)
