"""``sleepkit demo``: the whole job on simulated nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from sleepkit.cli._arguments import count, hours
from sleepkit.cli._nights import MODALITIES
from sleepkit.cli._results import print_files, print_scores, write_results
from sleepkit.cli._stager import (
    cross_validate,
    describe,
    fit,
    make_stager,
    score,
    stage_night,
)
from sleepkit.cli._train import save
from sleepkit.datasets import make_polysomnography
from sleepkit.recording import EpochArray

SUMMARY: Final = "the whole job on simulated nights, in a minute or two"
EXAMPLE: Final = "sleepkit demo"


def add_arguments(parser: ArgumentParser) -> None:
    """Take a folder and the size of the cohort."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sleepkit-demo"),
        metavar="FOLDER",
        help="where the results go (./sleepkit-demo)",
    )
    parser.add_argument(
        "--subjects", type=count(3), default=12, help="people to simulate (12)"
    )
    parser.add_argument(
        "--hours", type=hours, default=8.0, help="length of their nights (8)"
    )


def run(arguments: Namespace) -> None:
    """Simulate people, learn from all but one, and stage that one's night."""
    print(
        f"Simulating {arguments.subjects} people, a night of {arguments.hours:g} h "
        "each. "
        "The last one's is kept for the end."
    )
    cohort, _, _ = make_polysomnography(
        arguments.subjects,
        hours=arguments.hours,
        modalities=MODALITIES,
        random_state=0,
    )
    *nights, unseen = cohort.recordings
    stager = make_stager()
    X = describe(stager, nights)
    print(f"Cross-validation over {len(nights)} people, none in training and test:")
    scores = cross_validate(stager, X)
    print_scores(scores)
    fit(stager, X)
    unseen = unseen.load()
    stages, probabilities = stage_night(stager, unseen)
    print(f"The night of {unseen.subject}, whom the stager has never met:")
    expert = EpochArray([unseen]).hypnogram
    print_scores({"this stager": score(expert, stages)})
    files = write_results(arguments.out / "night", unseen, stages, probabilities)
    model = arguments.out / "demo.model"
    save(model, stager, nights, X, scores)
    print_files([*files, model])
    print(f"Your own night: sleepkit stage NIGHT.edf --model {model} --out FOLDER")
