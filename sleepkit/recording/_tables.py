"""Tables of recordings and of epochs: for notebooks, and for pandas.

Those of notebooks are of what is known without reading or computing a signal.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit.utils import Html, html_table, hypnogram_svg

_MAX_CHANNELS: Final = 8  # that are named
_MAX_NIGHTS: Final = 20  # whose stages are counted and drawn; `html_table` has as many


def recording_html(recording: Any) -> str:
    """Render the modalities of a night, and its hypnogram where there is one."""
    caption = f"Recording {recording.id} of {recording.subject}: {recording.n_epochs} "
    caption += f"epochs of {recording.epoch_duration:g} s"
    if recording.start is not None:
        caption += f" from {recording.start:%Y-%m-%d %H:%M:%S}"
    rows = [_signal_row(recording.sources.get(n)) for n in recording.modalities]
    columns: dict[str, list[Any]] = {"modality": list(recording.modalities)}
    for i, title in enumerate(("channels", "rate", "shape")):
        columns[title] = [row[i] for row in rows]
    picture = ""
    if recording.hypnogram is not None:
        picture = hypnogram_svg(recording.hypnogram, labels=STAGES)
    if recording.pending:
        caption += f"; before the pending steps {', '.join(recording.pending)}"
    return f"<div>{picture}{html_table(columns, caption=caption)}</div>"


def _signal_row(signal: Any) -> tuple[str | None, str | None, str | None]:
    """Channels, rate and shape of a modality; a step may still have to make it."""
    if signal is None:
        return None, None, None
    names = ", ".join(signal.ch_names[:_MAX_CHANNELS])
    if signal.n_channels > _MAX_CHANNELS:
        names += f" and {signal.n_channels - _MAX_CHANNELS} more"
    rate = None if signal.sfreq is None else f"{signal.sfreq:g} Hz"
    return names, rate, " x ".join(map(str, signal.shape))


def epochs_html(X: Any) -> str:
    """Render the nights of a view: their rows, and the stages of these."""
    nights = list(X.by_recording())
    shown = nights[:_MAX_NIGHTS]
    more: list[Any] = [None] * (len(nights) - len(shown))
    columns: dict[str, list[Any]] = {
        "recording": [night.id for night in X.recordings],
        "subject": [night.subject for night in X.recordings],
        "epochs": [len(rows) for _, rows, _ in nights],
        "modalities": [", ".join(night.modalities) for night in X.recordings],
    }
    stages = [_stages(night, epochs) for night, _, epochs in shown]
    for code, name in enumerate(STAGES):
        columns[name] = [
            None if found is None else int((found == code).sum()) for found in stages
        ] + more
    columns["hypnogram"] = [_thumbnail(night) for night, _, _ in shown] + more
    return f"<div>{html_table(columns, caption=repr(X))}</div>"


def _stages(night: Any, epochs: Any) -> Any:
    """Stages of some epochs of a night, if it is scored."""
    return None if night.hypnogram is None else night.hypnogram[epochs]


def _thumbnail(night: Any) -> Html | None:
    """Small picture of the hypnogram of a night, if it is scored."""
    if night.hypnogram is None:
        return None
    return hypnogram_svg(night.hypnogram, labels=STAGES, width="16em", height="2em")


def epoch_columns(X: Any) -> dict[str, Any]:
    """Columns of a table with a row for each epoch; validity may be computed."""
    names = np.array([*STAGES, "n/a"])
    columns: dict[str, Any] = {
        "subject": X.subject,
        "recording": X.recording,
        "epoch": X.epoch,
        "stage": names[np.where(X.hypnogram == UNSCORED, len(STAGES), X.hypnogram)],
        "train": X.train_mask,
    }
    return columns | {f"valid_{name}": valid for name, valid in X.valid.items()}
