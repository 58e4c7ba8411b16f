"""Summary of a hypnogram in a line, and as a small table and picture for notebooks."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import IntArray


def summarize(hypnogram: Any) -> str:
    """Epochs, start, scorer and the number of epochs of each stage, in a line."""
    n_epochs = hypnogram.n_epochs
    plural = "" if n_epochs == 1 else "s"
    text = f"{n_epochs} epoch{plural} of {hypnogram.epoch_duration:g} s"
    if hypnogram.start is not None:
        text += f" from {hypnogram.first_epoch_start:%Y-%m-%d %H:%M:%S}"
    if hypnogram.scorer is not None:
        text += f", scored by {hypnogram.scorer}"
    counts = _count(hypnogram).items()
    return f"{text}: {', '.join(f'{count} {name}' for name, count in counts)}"


def render_html(hypnogram: Any) -> str:
    """Render the summary, the minutes of each stage, and the stages as a line."""
    counts = _count(hypnogram)
    per_epoch = hypnogram.epoch_duration / 60
    head = "".join(f"<th>{name}</th>" for name in counts)
    cells = "".join(f"<td>{count * per_epoch:g}</td>" for count in counts.values())
    width, height = max(hypnogram.n_epochs, 1), hypnogram.n_stages
    return (
        f"<div><p>{escape(summarize(hypnogram))}</p>"
        f"<svg viewBox='0 0 {width} {height}' preserveAspectRatio='none' "
        "style='width:100%;max-width:40em;height:5em'><path fill='none' "
        "stroke='currentColor' vector-effect='non-scaling-stroke' "
        f"d='{_path(hypnogram.stages, height)}'/></svg>"
        f"<table><tr><th></th>{head}</tr><tr><th>minutes</th>{cells}</tr></table></div>"
    )


def _count(hypnogram: Any) -> dict[str, int]:
    """Count the epochs of each stage, and those that are unscored if there are any."""
    stages = hypnogram.stages
    counts = {
        label: int((stages == code).sum())
        for code, label in enumerate(hypnogram.labels)
    }
    n_unscored = int((stages == UNSCORED).sum())
    return counts | ({"unscored": n_unscored} if n_unscored else {})


def _path(stages: IntArray, n_stages: int) -> str:
    """Draw steps from run to run: wake on top, REM below it, deep sleep last."""
    level = [0.5, *(place + 1.5 for place in range(1, n_stages - 1)), 1.5]
    changes = np.flatnonzero(np.diff(stages)) + 1
    begins, ends = [0, *changes.tolist()], [*changes.tolist(), len(stages)]
    path, pen_down = "", False
    for begin, end in zip(begins, ends, strict=True):
        if begin < end and stages[begin] != UNSCORED:
            height = level[stages[begin]]
            move = f"V{height}" if pen_down else f"M{begin} {height}"
            path += f"{move}H{end}"
        pen_down = begin < end and stages[begin] != UNSCORED
    return path
