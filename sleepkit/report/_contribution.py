"""Which modality carried what: a picture, a table, and words."""

from __future__ import annotations

import warnings
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit import metrics, plotting
from sleepkit._stages import STAGES
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import SleepkitWarning
from sleepkit.recording import EpochArray, Recording
from sleepkit.report._page import WIDTHS, Picture, new_figure, to_uri

_ROW: Final = 0.45  # inches
_MIN_MODALITIES: Final = 2
_NOTHING: Final = 0.005  # less is 0.00 in the table
_CAPTION: Final = (
    "What each modality adds to the probability of the predicted stage: purple where "
    "the stage would hardly have been found without it, orange where it spoke for "
    "another stage."
)


class Contribution(NamedTuple):
    """Mean contribution of each modality, over the night and by stage."""

    words: str
    picture: Picture
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def find_contribution(
    stager: Any, night: Recording, stages: IntArray
) -> Contribution | None:
    """Measure what each modality contributes; None if none can be left out."""
    if stager is None or len(night.modalities) < _MIN_MODALITIES:
        return None
    with warnings.catch_warnings():  # epochs without a signal are told elsewhere
        warnings.simplefilter("ignore", SleepkitWarning)
        found = metrics.modality_contribution(stager, EpochArray([night]))
    means = {name: float(values.mean()) for name, values in found.items()}
    listed = ", ".join(f"{name} {mean:+.2f}" for name, mean in means.items())
    alt = (
        "A row for each modality over the night, coloured by what it adds to the "
        f"probability of the predicted stage. On average {listed}."
    )
    wide, narrow = (_draw(found, night, width) for width in WIDTHS)
    present = [code for code in range(len(STAGES)) if (stages == code).any()]
    return Contribution(
        _words(means),
        Picture(wide, narrow, alt, _CAPTION),
        ["Modality", "all epochs", *(STAGES[code] for code in present)],
        [
            (name, _cells([values, *(values[stages == code] for code in present)]))
            for name, values in found.items()
        ],
    )


def _words(means: dict[str, float]) -> str:
    """Say which modality carried most, if any did."""
    most = max(means, key=lambda name: means[name])
    words = "No modality was needed by itself."
    if means[most] >= _NOTHING:
        words = (
            f"{most} carried most: without it, the probability of the predicted stage "
            f"is {means[most]:.2f} lower on average."
        )
    return f"{words} Where modalities agree, each can be spared: values are near zero."


def _cells(groups: list[FloatArray]) -> list[str]:
    """Mean of each group of epochs, with its sign."""
    return [f"{np.mean(values):+.2f}" for values in groups]


def _draw(found: dict[str, FloatArray], night: Recording, width: float) -> str:
    """Draw the contributions in a width."""
    figure = new_figure(width, 0.7 + _ROW * len(found))
    plotting.ModalityContributionDisplay(
        found, epoch_duration=night.epoch_duration, start=night.start
    ).plot(ax=figure.subplots())
    return to_uri(figure)
