"""Which modality carried what: a picture, a table, and words."""

from __future__ import annotations

import warnings
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit import metrics, plotting
from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import FloatArray
from sleepkit.exceptions import SleepkitWarning
from sleepkit.pipelines import StagedNight
from sleepkit.recording import Recording, as_epoch_array
from sleepkit.report._page import WIDTHS, Picture, new_figure, to_uri

_ROW: Final = 0.45  # inches
_MIN_MODALITIES: Final = 2
_NOTHING: Final = 0.005  # less is 0.00 in the table
_CAPTION: Final = (
    "What each modality adds to the probability of the predicted stage: purple where "
    "the stage would hardly have been found without it, orange where it spoke for "
    "another stage."
)
_GREY: Final = " Epochs that are unscored or of bad signal are grey; no mean has them."


class Contribution(NamedTuple):
    """Mean contribution of each modality, over the night and by stage."""

    words: str
    picture: Picture
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def find_contribution(
    stager: Any, night: Recording, staged: StagedNight
) -> Contribution | None:
    """Measure what each modality contributes; None if none can be left out.

    Epochs that no modality could tell anything of, the unscored and flagged ones, are
    left out.
    """
    stages = staged.hypnogram.stages
    counted = (stages != UNSCORED) & ~staged.flagged
    if stager is None or len(night.modalities) < _MIN_MODALITIES or not counted.any():
        return None
    with warnings.catch_warnings():  # of epochs without a signal, which the page lists
        warnings.simplefilter("ignore", SleepkitWarning)
        found = metrics.modality_contribution(
            stager, as_epoch_array(night), proba=_probabilities(stager, staged)
        )
    found = {name: np.where(counted, x, np.nan) for name, x in found.items()}
    means = {name: float(np.nanmean(values)) for name, values in found.items()}
    listed = ", ".join(f"{name} {_signed(mean)}" for name, mean in means.items())
    alt = (
        "A row for each modality over the night, coloured by what it adds to the "
        f"probability of the predicted stage. On average {listed}."
    )
    wide, narrow = (_draw(found, night, width) for width in WIDTHS)
    present = [c for c in range(len(STAGES)) if (stages[counted] == c).any()]
    return Contribution(
        _words(means),
        Picture(wide, narrow, alt, _CAPTION + _GREY * (not counted.all())),
        ["Modality", "all epochs", *(STAGES[code] for code in present)],
        [
            (name, _cells([values, *(values[stages == code] for code in present)]))
            for name, values in found.items()
        ],
    )


def _probabilities(stager: Any, staged: StagedNight) -> FloatArray | None:
    """Probabilities of the classes of the stager, if the stages are of one."""
    found = staged.hypnogram.probabilities
    return None if found is None else np.asarray(found)[:, stager.classes_]


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
    return [_signed(float(np.nanmean(values))) for values in groups]


def _signed(value: float) -> str:
    """Value with its sign, of which zero has the plus."""
    return f"{round(value, 2) + 0.0:+.2f}"


def _draw(found: dict[str, FloatArray], night: Recording, width: float) -> str:
    """Draw the contributions in a width."""
    figure = new_figure(width, 0.7 + _ROW * len(found))
    plotting.ModalityContributionDisplay(
        found, epoch_duration=night.epoch_duration, start=night.start
    ).plot(ax=figure.subplots())
    return to_uri(figure)
