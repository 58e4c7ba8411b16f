"""Epochs of a night that are to be checked first, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import BoolArray, IntArray
from sleepkit.pipelines import StagedNight
from sleepkit.report._clock import at
from sleepkit.report._overview import differences
from sleepkit.signal import WindowFlags
from sleepkit.utils import marked_runs

_MAX_LISTED: Final = 20
_HALF: Final = 0.5  # below, the other stages together are as probable


class EpochsToCheck(NamedTuple):
    """One epoch, or several in a row of bad signal, and the reasons to look at them."""

    numbers: str
    time: str
    stage: str
    second: str
    expert: str
    reasons: list[str]


def check_values(
    staged: StagedNight, expert: IntArray | None, flags: Mapping[str, WindowFlags]
) -> dict[str, Any]:
    """List the first epochs to check, and say how many there are."""
    order = _order(staged, expert)
    single = [(epoch, epoch + 1) for epoch in order[~staged.flagged[order]].tolist()]
    found = [*marked_runs(staged.flagged).tolist(), *single]
    listed = [
        _describe(staged, first, end, expert, flags)
        for first, end in found[:_MAX_LISTED]
    ]
    has_next = any(each.second for each in listed)
    words = _words(staged, expert, len(order))
    if len(found) > _MAX_LISTED:
        words += f" The first {_MAX_LISTED} places are listed: bad signal in the order "
        words += "of time, then the most doubtful epochs."
    return {"check": listed, "check_words": words, "has_next": has_next}


def _words(staged: StagedNight, expert: IntArray | None, count: int) -> str:
    """Say how many epochs are to be checked, and which these are."""
    unscored = (staged.hypnogram.stages == UNSCORED) & ~staged.flagged
    others = f" {unscored.sum()} epochs are unscored." if unscored.any() else ""
    if not count:
        return f"There is none.{others}"
    words = (
        f"{count} of {len(staged.hypnogram)} epochs: those whose signals failed the "
    )
    words += "quality check"
    if staged.hypnogram.probabilities is not None:
        words += ", and those in which no stage has half of the probability"
    elif expert is not None:
        words += ", and those in which the expert has another stage"
    return f"{words}.{others}"


def all_bad(flags: Mapping[str, WindowFlags], n_epochs: int) -> BoolArray:
    """Epochs of which no channel of any modality passed the quality check."""
    if not flags:  # none of a kind that is checked
        return np.zeros(n_epochs, bool)
    every: BoolArray = np.all([each.bad.all(axis=0) for each in flags.values()], axis=0)
    return every


def _order(staged: StagedNight, expert: IntArray | None) -> IntArray:
    """Epochs to check, the most doubtful first."""
    if staged.hypnogram.probabilities is not None or expert is None:
        return staged.doubtful
    # Stages without probabilities: those of which the expert has another opinion.
    differs = differences(staged.hypnogram.stages, expert)
    found: IntArray = np.flatnonzero(staged.flagged | differs)
    return found


def _describe(
    staged: StagedNight,
    first: int,
    end: int,
    expert: IntArray | None,
    flags: Mapping[str, WindowFlags],
) -> EpochsToCheck:
    """Say what is known of the epochs from the first to the one before the end."""
    night, here, n_epochs = staged.hypnogram, slice(first, end), end - first
    stage, second, reasons = _names(night.stages[here]), "", []
    if staged.flagged[first]:
        several = "" if n_epochs == 1 else f" in {n_epochs} epochs"
        reasons.append(f"bad signal{several}")
    if n_epochs == 1 and not np.isnan(staged.confidence[first]):
        row = np.asarray(night.probabilities)[first]
        best, next_best = np.argsort(-row, kind="stable")[:2]
        stage, second = (
            f"{STAGES[code]} {100 * row[code]:.0f} %" for code in (best, next_best)
        )
        if row[best] < _HALF:
            reasons.append("low probability")
    reasons += _quality(flags, here)
    if expert is not None and differences(night.stages, expert)[here].any():
        reasons.append("differs from the expert")
    return EpochsToCheck(
        f"{first}" if n_epochs == 1 else f"{first} to {end - 1}",
        at(night.first_epoch_start, first * night.epoch_duration),
        stage,
        second,
        "" if expert is None else _names(expert[here]),
        reasons,
    )


def _quality(flags: Mapping[str, WindowFlags], here: slice) -> list[str]:
    """List what is wrong with the signals of some epochs, by modality."""
    found = {
        name: [kind for kind in each.kinds if getattr(each, kind)[:, here].any()]
        for name, each in flags.items()
    }
    return [f"{name} {', '.join(kinds)}" for name, kinds in found.items() if kinds]


def _names(codes: IntArray) -> str:
    """Names of the stages of some epochs, each once."""
    named = [*STAGES, "unscored"]
    return ", ".join(named[code] for code in np.unique(codes).tolist())
