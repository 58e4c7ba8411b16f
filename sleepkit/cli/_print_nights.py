"""What the commands print of staged nights, and of those that failed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sleepkit._stages import STAGES, UNSCORED
from sleepkit.cli._messages import place
from sleepkit.cli._output import print_files

if TYPE_CHECKING:
    from sleepkit._typing import BoolArray, IntArray
    from sleepkit.cli._night_report import NightReport


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
        print(f"{n_unscored} epochs have no signal and stay unscored.")
    if flagged.any():
        print(
            f"{flagged.sum()} epochs are flagged: they are staged by signals that "
            f"failed the quality check. Epochs from 0: {_ranges(flagged)}."
        )
    print_files(report.outputs)


def print_failures(errors: Mapping[Path, str], n_nights: int) -> bool:
    """Print the error of each night that failed; return whether one did."""
    for path, error in errors.items():
        print(f"sleepkit: {place(error, path)}", file=sys.stderr)
    if errors and n_nights > 1:
        print(f"sleepkit: {len(errors)} of {n_nights} nights failed.", file=sys.stderr)
    return bool(errors)


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
    import numpy as np

    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    runs = zip(edges[::2], edges[1::2] - 1, strict=True)
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
