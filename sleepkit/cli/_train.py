"""``sleepkit train``: learn from a folder of scored nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.pipeline import Pipeline

from sleepkit._stages import UNSCORED
from sleepkit.cli._arguments import add_channels, pattern
from sleepkit.cli._nights import MODALITIES, name_channel, read_night
from sleepkit.cli._pairs import NAMING_RULES, Pair, find_pairs
from sleepkit.cli._results import print_files, print_scores
from sleepkit.cli._stager import (
    Score,
    cross_validate,
    describe,
    fit,
    make_stager,
)
from sleepkit.exceptions import HypnogramError, RecordingError, SleepkitError
from sleepkit.io import SCHEMES
from sleepkit.persistence import save_model
from sleepkit.recording import EpochArray, Recording

SUMMARY: Final = "learn from a folder of scored nights"
EXAMPLE: Final = f"sleepkit train nights/ --out my.model --scheme rk\n{NAMING_RULES}"


def add_arguments(parser: ArgumentParser) -> None:
    """Take a folder, a file to write, and how to read what is there."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="scored nights")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="MODEL", help="the file to write"
    )
    parser.add_argument(
        "--scheme",
        choices=SCHEMES,
        help="what integers in the hypnograms mean (needed where labels are integers)",
    )
    parser.add_argument(
        "--subject-pattern",
        type=pattern,
        metavar="REGEX",
        help="names the person of a file: its first group, searched in the path",
    )
    add_channels(parser)


def run(arguments: Namespace) -> None:
    """Read what can be used, train, score by person and save."""
    pairs = find_pairs(arguments.folder, arguments.subject_pattern)
    nights = _read_all(pairs, arguments)
    if not nights:
        msg = (
            f"No night in {arguments.folder} can be used"
            + (", for the reasons above." if pairs else ": there is no EDF file.")
            + " `sleepkit train --help` tells how files must be named."
        )
        raise RecordingError(msg)
    stager = make_stager()
    X = describe(stager, nights)
    fit(stager, X)
    people = len(np.unique(X.subject))
    scores: Mapping[str, Score] = {}
    if people > 1:
        print(f"Cross-validation over {people} people, on all their scored epochs:")
        scores = cross_validate(stager, X)
        print_scores(scores)
    else:
        print("There is one person only, so no score: scores need people left out.")
    save(arguments.out, stager, nights, X, scores)
    print_files([arguments.out])


def save(
    path: Path,
    stager: Pipeline,
    nights: Sequence[Recording],
    X: EpochArray,
    scores: Mapping[str, Score],
) -> None:
    """Write the model file, with what it was trained on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "modalities": [
            name for name in MODALITIES if any(name in n.modalities for n in nights)
        ],
        "nights": len(nights),
        "people": len(np.unique(X.subject)),
        "epochs": len(X),
        "scores": {name: score._asdict() for name, score in scores.items()},
    }
    save_model(stager, path, about=about)


def _read_all(pairs: Sequence[Pair], arguments: Namespace) -> list[Recording]:
    """Read the nights that can be used, and say of each file what becomes of it."""
    nights = []
    for pair in pairs:
        name = pair.signals.relative_to(arguments.folder)
        if pair.hypnogram is None:
            print(f"skipped  {name}: there is no hypnogram of that name")
            continue
        try:
            night = _read(pair, arguments)
        except (SleepkitError, OSError) as error:
            print(f"skipped  {name}: {' '.join(str(error).split())}")
            continue
        channels = ", ".join(
            f"{modality} {name_channel(night, modality)}"
            for modality in night.modalities
        )
        print(f"used     {name} + {pair.hypnogram.name}: {pair.subject}, {channels}")
        nights.append(night)
    return nights


def _read(pair: Pair, arguments: Namespace) -> Recording:
    """Read one night, named by its path, which no other has."""
    night = read_night(
        pair.signals,
        dict(arguments.channels),
        hypnogram=pair.hypnogram,
        scheme=arguments.scheme,
        subject=pair.subject,
    )
    if night.hypnogram is None or (night.hypnogram == UNSCORED).all():
        msg = f"{pair.hypnogram} scores no epoch."
        raise HypnogramError(msg)
    return night.replace(id=pair.signals.relative_to(arguments.folder).as_posix())
