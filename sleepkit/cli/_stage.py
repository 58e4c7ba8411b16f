"""``sleepkit stage``: the hypnogram of a night."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit.cli._arguments import add_night
from sleepkit.cli._nights import MODALITIES, name_channel, read_night
from sleepkit.cli._results import print_files, print_stage_times, write_results
from sleepkit.cli._stager import stage_night
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, model_info

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


def run(arguments: Namespace) -> None:
    """Stage a night with a trained model, and write what was found."""
    modalities = _trained_modalities(arguments.model)
    stager: Any = load_model(arguments.model)
    night = read_night(
        arguments.night, dict(arguments.channels), modalities=modalities
    ).load()
    for modality in modalities:
        if modality in night.modalities:
            print(f"{modality}: {name_channel(night, modality)}")
        else:
            print(f"{modality}: not in this file; staged without it")
    stages, probabilities = stage_night(stager, night)
    print(f"{night.n_epochs} epochs of {night.epoch_duration:g} s:")
    print_stage_times(stages, night.epoch_duration)
    n_unusable = np.count_nonzero(stages == UNSCORED)
    if n_unusable:
        print(f"{n_unusable} epochs have no usable signal and stay unscored.")
    prefix = arguments.out / arguments.night.stem
    print_files(write_results(prefix, night, stages, probabilities))


def _trained_modalities(model: Path) -> list[str]:
    """Ask a model file what the command can give to its model."""
    named = model_info(model)["about"].get("modalities", ())
    known = [name for name in MODALITIES if name in named]
    if not known:
        msg = (
            f"{model} does not say that it takes any of {', '.join(MODALITIES)}; write "
            "it with `sleepkit train`."
        )
        raise ModelFileError(msg)
    return known
