"""Reports of nights as a table and as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from sleepkit import metrics, utils
from sleepkit.cli._night_report import NightReport


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
    for report in reports:
        row = report.facts() | report.statistics() | {**report.channels}
        writer.writerow(row | {"warnings": " | ".join(report.warnings)})
    utils.write_atomically(path, text.getvalue().encode())


def to_json(report: NightReport) -> str:
    """Report as one line of JSON, with the stages."""
    document: dict[str, Any] = report.facts() | {
        "channels": dict(report.channels),
        "missing": dict(report.missing),
        "statistics": report.statistics(),
        "stages": None,
        "flagged": [],
        "warnings": report.warnings,
        "outputs": [str(path) for path in report.outputs],
    }
    if report.staged is not None:
        document["stages"] = report.staged.hypnogram.stages.tolist()
        document["flagged"] = report.staged.flagged.nonzero()[0].tolist()
    return json.dumps(document, allow_nan=False)
