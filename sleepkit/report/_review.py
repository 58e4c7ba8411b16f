"""Epochs of a night that are to be checked first, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import IntArray
from sleepkit.pipelines import StagedNight
from sleepkit.report._clock import at
from sleepkit.report._overview import differences
from sleepkit.signal import WindowFlags

_MAX_LISTED: Final = 20


class EpochToCheck(NamedTuple):
    """An epoch of a night, and the reasons to look at it."""

    number: int
    time: str
    stage: str
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
        EpochToCheck(
            number,
            at(night.first_epoch_start, number * night.epoch_duration),
            _name(night.stages[number]),
            "" if expert is None else _name(expert[number]),
            _reasons(staged, number, expert, flags),
        )
        for number in order[:_MAX_LISTED].tolist()
    ]
    return {"check": listed, "check_words": words}


def _order(staged: StagedNight, expert: IntArray | None) -> IntArray:
    """Epochs to check, the most doubtful first."""
    if staged.hypnogram.probabilities is not None or expert is None:
        return staged.doubtful
    # Stages without probabilities: first bad signal, then the expert's other opinion.
    differs = differences(staged.hypnogram.stages, expert)
    order = np.lexsort((~differs, ~staged.flagged))
    found: IntArray = order[(staged.flagged | differs)[order]]
    return found


def _reasons(
    staged: StagedNight,
    number: int,
    expert: IntArray | None,
    flags: Mapping[str, WindowFlags],
) -> list[str]:
    """Reasons to look at an epoch, the gravest first."""
    night, reasons = staged.hypnogram, []
    bad = [
        f"{name} {', '.join(sorted(set(found) - {''}))}"
        for name, each in flags.items()
        for found in [each.reasons[:, number].tolist()]
        if any(found)
    ]
    if bad:
        grave = "no signal passed" if staged.flagged[number] else "did not pass"
        reasons.append(f"{grave} the quality check: {'; '.join(bad)}")
    elif staged.flagged[number]:
        reasons.append("no signal passed the quality check")
    if night.probabilities is not None:
        row = night.probabilities[number]
        first, second = np.argsort(-row, kind="stable")[:2]
        reasons.append(
            f"probability {row[first]:.0%} {STAGES[first]}, "
            f"{row[second]:.0%} {STAGES[second]}"
        )
    if expert is not None and differences(night.stages, expert)[number]:
        reasons.append(f"the expert has {_name(expert[number])}")
    return reasons


def _name(code: int) -> str:
    """Name of a stage."""
    return "unscored" if code == UNSCORED else STAGES[code]
