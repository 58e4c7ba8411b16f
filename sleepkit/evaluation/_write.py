"""Results as files, and as text."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit.evaluation._parts import Table
from sleepkit.utils import write_atomically


def write_result(
    folder: Path, scores: Table, predictions: Table, protocol: dict[str, Any]
) -> list[Path]:
    """Write the three files of a result."""
    folder.mkdir(parents=True, exist_ok=True)
    text, archive = StringIO(), BytesIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(scores), *zip(*scores.values(), strict=True)])
    np.savez_compressed(archive, **predictions)
    contents = {
        "scores.csv": text.getvalue().encode(),
        "predictions.npz": archive.getvalue(),
        "protocol.json": json.dumps(protocol, indent=1, allow_nan=False).encode(),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def draw_scores(scores: Table) -> str:
    """Draw pooled scores as a table."""
    titles = ["stager", "given", "accuracy", "kappa", "macro-F1", "epochs"]
    names = ["estimator", "condition", "accuracy", "kappa", "f1_macro", "n_epochs"]
    cells = [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in zip(*(scores[name] for name in names), strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines = []
    for row in [titles, *cells]:
        words = [f"{row[i]:<{widths[i]}}" for i in (0, 1)]
        figures = [f"{row[i]:>{widths[i]}}" for i in range(2, len(titles))]
        lines.append("  ".join(words + figures))
    return "\n".join(lines)
