"""``sleepkit stage``: the hypnogram of a night."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit.cli._arguments import add_night
from sleepkit.cli._model import open_model
from sleepkit.cli._nights import MODALITIES, name_channel, read_night
from sleepkit.cli._results import print_files, print_stage_times, write_results
from sleepkit.cli._staging import stage_night
from sleepkit.exceptions import ChannelError

SUMMARY: Final = "write the hypnogram of a night"
EXAMPLE: Final = "sleepkit stage night.edf --model my.model --out results/"


def add_arguments(parser: ArgumentParser) -> None:
    """Take a night, a model and a folder."""
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
        help="leave out a modality, whose electrode fell off perhaps",
    )


def run(arguments: Namespace) -> None:
    """Stage a night with a trained model, and write what was found."""
    model = open_model(arguments.model)
    modalities = [m for m in model.modalities if m not in arguments.without]
    if not modalities:
        msg = (
            f"Nothing is left to stage by: {arguments.model} was trained on "
            f"{', '.join(model.modalities)}."
        )
        raise ChannelError(msg)
    night = read_night(
        arguments.night, dict(arguments.channels), modalities=modalities
    ).load()
    for modality in model.modalities:
        if modality in night.modalities:
            print(f"{modality}: {name_channel(night, modality)}")
        elif modality in modalities:
            print(f"{modality}: not in this file; staged without it")
    stages, probabilities = stage_night(model.stager, night)
    print(f"{night.n_epochs} epochs of {night.epoch_duration:g} s:")
    print_stage_times(stages, night.epoch_duration)
    n_unusable = np.count_nonzero(stages == UNSCORED)
    if n_unusable:
        print(f"{n_unusable} epochs have no usable signal and stay unscored.")
    prefix = arguments.out / arguments.night.stem
    print_files(write_results(prefix, night, stages, probabilities))
