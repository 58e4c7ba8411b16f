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

_MAX_LISTED: Final = 20
_HALF: Final = 0.5  # below, the other stages together are as probable


class EpochToCheck(NamedTuple):
    """An epoch of a night, and the reasons to look at it."""

    number: int
    time: str
    stage: str
    second: str
    expert: str
    reasons: list[str]


def check_values(
    staged: StagedNight, expert: IntArray | None, flags: Mapping[str, WindowFlags]
) -> dict[str, Any]:
    """List the first epochs to check, and say how many there are."""
    night = staged.hypnogram
    order = _order(staged, expert)
    words = f"{len(order)} of {len(night)} epochs: no signal passed the quality check, "
    if night.probabilities is not None:
        words += "or no stage has half of the probability."
    else:
        words += "or the expert has another stage."
    if len(order) > _MAX_LISTED:
        words += f" The first {_MAX_LISTED} are listed, the most doubtful first."
    listed = [
        _epoch_to_check(staged, number, expert, flags)
        for number in order[:_MAX_LISTED].tolist()
    ]
    return {"check": listed, "check_words": words}


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
    # Stages without probabilities: first bad signal, then the expert's other opinion.
    differs = differences(staged.hypnogram.stages, expert)
    order = np.lexsort((~differs, ~staged.flagged))
    found: IntArray = order[(staged.flagged | differs)[order]]
    return found


def _epoch_to_check(
    staged: StagedNight,
    number: int,
    expert: IntArray | None,
    flags: Mapping[str, WindowFlags],
) -> EpochToCheck:
    """Say what is known of an epoch."""
    night, second, reasons = staged.hypnogram, "", []
    stage = _name(night.stages[number])
    if night.probabilities is not None:
        row = night.probabilities[number]
        best, next_best = np.argsort(-row, kind="stable")[:2]
        stage, second = (
            f"{STAGES[code]} {100 * row[code]:.0f} %" for code in (best, next_best)
        )
        if row[best] < _HALF:
            reasons.append("low probability")
    bad = [
        f"{name} {', '.join(sorted(set(found) - {''}))}"
        for name, each in flags.items()
        for found in [each.reasons[:, number].tolist()]
        if any(found)
    ]
    if staged.flagged[number]:
        reasons.insert(0, "bad signal")
    reasons += bad
    if expert is not None and differences(night.stages, expert)[number]:
        reasons.append("differs from the expert")
    time = at(night.first_epoch_start, number * night.epoch_duration)
    other = "" if expert is None else _name(expert[number])
    return EpochToCheck(number, time, stage, second, other, reasons)


def _name(code: int) -> str:
    """Name of a stage."""
    return "unscored" if code == UNSCORED else STAGES[code]
