"""``sleepkit demo``: the whole job on simulated nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sleepkit.cli._arguments import count, hours
from sleepkit.cli._model import save
from sleepkit.cli._nights import MODALITIES
from sleepkit.cli._results import (
    make_folder,
    print_files,
    print_scores,
    write_results,
)
from sleepkit.cli._stagers import make_stager
from sleepkit.cli._staging import stage_night
from sleepkit.cli._training import compute_features, cross_validate, fit_all
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import evaluate_staging
from sleepkit.recording import EpochArray

_METHODS: Final = ("medfusesleep", "sleepmg")
_N_FOLDS: Final = 3
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
        "--subjects", type=count(4), default=11, help="people to simulate (11)"
    )
    parser.add_argument(
        "--hours", type=hours, default=2.5, help="length of their nights (2.5)"
    )


def run(arguments: Namespace) -> None:
    """Simulate people, learn from all but one, and stage that one's night."""
    print(
        f"Simulating {arguments.subjects} people, a night of {arguments.hours:g} h "
        "each. The last one's is kept for the end."
    )
    cohort, _, _ = make_polysomnography(
        arguments.subjects,
        hours=arguments.hours,
        modalities=MODALITIES,
        random_state=0,
    )
    *nights, unseen = cohort.recordings
    make_folder(arguments.out)
    X, unseen = EpochArray(nights), unseen.load()
    with TemporaryDirectory(prefix="sleepkit-") as cache:
        stagers = {method: make_stager(method, cache) for method in _METHODS}
        compute_features(stagers.values(), X)
        print("Cross-validation by subject, on people whom a stager has not met:")
        result = cross_validate(stagers, X, _N_FOLDS)
        print_scores(result)
        fitted = dict(zip(_METHODS, fit_all(stagers.values(), X), strict=True))
        print(f"The night of {unseen.subject}, whom the stagers have never met:")
        night = EpochArray([unseen])
        print_scores(evaluate_staging(fitted, night, night.hypnogram))
        staged = stage_night(fitted[_METHODS[0]], unseen)
    files = write_results(arguments.out / "night", unseen, *staged)
    models = [arguments.out / f"{method}.model" for method in _METHODS]
    for model, (method, stager) in zip(models, fitted.items(), strict=True):
        save(model, stager, method, X, result)
    print_files([*files, *models])
    print(f"Your own night: sleepkit stage NIGHT.edf --model {models[0]} --out FOLDER")
