"""``sleepkit stage``: the hypnogram of a night."""

from __future__ import annotations

import gc
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sleepkit import datasets
from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit.cli._arguments import MODALITIES, add_night
from sleepkit.cli._models import Model, load, takes_any_subset
from sleepkit.cli._output import print_files, print_stage_times, write_results
from sleepkit.datasets._night import name_channel
from sleepkit.exceptions import ChannelError, RecordingError

if TYPE_CHECKING:
    from sleepkit._typing import FloatArray, IntArray
    from sleepkit.recording import Recording

EXAMPLE: Final = "sleepkit stage night.edf --model my.model --out results/"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the night, the model and the place of the results."""
    add_night(parser)
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a file that `sleepkit train` wrote, or `sleepkit demo` to try it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where NIGHT-hypnogram.csv, .edf and .png go",
    )
    parser.add_argument(
        "--without",
        nargs="+",
        choices=MODALITIES,
        default=[],
        metavar="MODALITY",
        help="leave out a modality, e.g. after an electrode failure",
    )


@contextmanager
def _pause_collector() -> Iterator[None]:
    """Pause the garbage collector: it takes an eighth of the time of large imports."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_pause_collector()
def run(arguments: Namespace) -> None:
    """Stage a night with a trained model, and write the results."""
    model = load(arguments.model)
    modalities = [m for m in model.modalities if m not in arguments.without]
    if not modalities:
        msg = (
            f"Nothing is left to stage by: {arguments.model} was trained on "
            f"{', '.join(model.modalities)}."
        )
        raise ChannelError(msg)
    named = dict(arguments.channels)
    night = datasets.load_night(
        arguments.night,
        modalities=modalities,
        channels={name: named[name] for name in named if name in modalities},
    ).load()
    _check_complete(model, night)
    for modality in model.modalities:
        if modality in night.modalities:
            print(f"{modality}: {name_channel(night, modality)}")
        elif modality in modalities:
            print(f"{modality}: not in this file; staged without it")
    stages, probabilities = stage_night(model.stager, night)
    print(f"{night.n_epochs} epochs of {night.epoch_duration:g} s:")
    print_stage_times(stages, night.epoch_duration)
    n_unusable = (stages == UNSCORED).sum()
    if n_unusable:
        print(f"{n_unusable} epochs have no usable signal and stay unscored.")
    prefix = arguments.out / arguments.night.stem
    print_files(write_results(prefix, night, stages, probabilities))


def _check_complete(model: Model, night: Recording) -> None:
    """Refuse a night that lacks a modality, where the model needs all of them."""
    missing = [m for m in model.modalities if m not in night.modalities]
    if missing and not takes_any_subset(model.stager):
        msg = (
            f"The model needs all of {', '.join(model.modalities)}; this night is "
            f"without {', '.join(missing)}."
        )
        raise ChannelError(msg)


def stage_night(stager: Any, night: Recording) -> tuple[IntArray, FloatArray]:
    """Stage all epochs of a night.

    Without any usable signal an epoch stays unscored, with probabilities of NaN.
    """
    import numpy as np
    from sklearn.pipeline import Pipeline

    from sleepkit.preprocessing import QualityMask
    from sleepkit.recording import as_epoch_array

    nights = as_epoch_array(night)
    masks = isinstance(stager, Pipeline) and isinstance(stager[0], QualityMask)
    quality = stager[0] if masks else QualityMask().fit(nights)
    checked = as_epoch_array(quality.transform(nights).recordings[0].load())
    combine = np.any if takes_any_subset(stager) else np.all
    usable = combine(list(checked.valid.values()), axis=0)
    if not usable.any():
        msg = (
            f"No epoch of {night.id!r} has a usable signal: all are missing or bad. "
            "See `sleepkit info`."
        )
        raise RecordingError(msg)
    probabilities = np.zeros((night.n_epochs, N_STAGES))
    if masks:  # it need not run twice
        stager, nights = stager[1:], checked
    probabilities[:, stager.classes_] = stager.predict_proba(nights)
    stages = probabilities.argmax(axis=1)
    stages[~usable] = UNSCORED
    probabilities[~usable] = np.nan
    return stages, probabilities
