"""Summary of a hypnogram in a line, and as a small table and picture for notebooks."""

from __future__ import annotations

from typing import Any

from sleepkit._stages import UNSCORED
from sleepkit.utils import html_table, hypnogram_svg


def summarize(hypnogram: Any) -> str:
    """Epochs, start, scorer and the number of epochs of each stage, in a line."""
    counts = _count(hypnogram).items()
    listed = ", ".join(f"{count} {name}" for name, count in counts)
    return f"{_describe(hypnogram)}: {listed}"


def render_html(hypnogram: Any) -> str:
    """Render the summary, the minutes of each stage, and the stages as a line."""
    per_epoch = hypnogram.epoch_duration / 60
    minutes = {"stage": ["minutes"]}
    for name, count in _count(hypnogram).items():
        minutes[name] = [f"{count * per_epoch:g}"]
    caption = f"Hypnogram: {_describe(hypnogram)}"
    picture = hypnogram_svg(hypnogram.stages, labels=hypnogram.labels)
    return f"<div>{picture}{html_table(minutes, caption=caption)}</div>"


def _describe(hypnogram: Any) -> str:
    """Epochs, start and scorer."""
    n_epochs = hypnogram.n_epochs
    plural = "" if n_epochs == 1 else "s"
    text = f"{n_epochs} epoch{plural} of {hypnogram.epoch_duration:g} s"
    if hypnogram.start is not None:
        text += f" from {hypnogram.first_epoch_start:%Y-%m-%d %H:%M:%S}"
    if hypnogram.scorer is not None:
        text += f", scored by {hypnogram.scorer}"
    return text


def _count(hypnogram: Any) -> dict[str, int]:
    """Count the epochs of each stage, and those that are unscored if there are any."""
    stages = hypnogram.stages
    counts = {
        label: int((stages == code).sum())
        for code, label in enumerate(hypnogram.labels)
    }
    n_unscored = int((stages == UNSCORED).sum())
    return counts | ({"unscored": n_unscored} if n_unscored else {})
